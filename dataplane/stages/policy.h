// What network policies say about a connection.
//
// Kubernetes, "Network Policies". Judged on the pods' addresses: after the service chose the
// backend, before the source is hidden. The sender's egress rules are asked where the sender is an
// endpoint of this switch, the receiver's ingress rules where the receiver is; so each of both
// nodes answers for its own pods. Replies and ICMP errors belong to what was allowed.
//
// A pod is never cut from itself, and what its own node sends to it always passes (the kubelet's
// probes): it enters by the host's interface with an address of the node.
// Threading: one worker; Judge any thread.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Policy {
  static constexpr core::StepId kId = core::StepId::kPolicy;

  static core::Verdict Decide(Context& ctx, core::Packet& packet);

  // `decision` has its ways (Route::Find). Keeps the judgements in it.
  static core::DropReason Judge(const tables::Tables& tables, Decision& decision);
};

}  // namespace pollux::stages
