// Source address translation: which connections hide behind another address, and which.
//
//  - A pod that a service sends to itself would answer itself past the switch: it sees the
//    frontend as the client.
//  - A client from outside whose backend is on another node would be answered past this node: the
//    backend sees this node. Backends here see the client.
//  - What pods send out of the cluster, where the node is asked to hide them (masquerade): pods'
//    addresses mean nothing there.
// Kubernetes, "Virtual IPs and Service Proxies", kube-proxy's masquerade rules.
//
// Ports: a connection keeps its source port if the reply's key is free. Behind the node's address
// ports are those of a range that the kernel leaves alone, each used again for every destination.
// Threading: one worker; the pure parts any thread.
#pragma once

#include <cstdint>

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Snat {
  static constexpr core::StepId kId = core::StepId::kSnat;

  static core::Verdict Decide(Context& ctx, core::Packet& packet);

  // Sets the translated source address. The port is chosen when the connection is kept (connect.h).
  static void Find(const tables::Tables& tables, Decision& decision);
  // The source port may stay, unless the reply's key is taken.
  static bool MayKeepPort(const tables::Tables& tables, const Decision& decision);
  // The source port, or ICMP identifier, with which the reply's key is free. False if none was
  // found among the `kTries` that were looked at.
  static constexpr unsigned kTries = 128;
  static bool ChoosePort(const tables::Tables& tables, const tables::ConnectionTable& connections,
                         Decision& decision);
};

}  // namespace pollux::stages
