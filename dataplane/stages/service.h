// Where a connection to a service goes.
//
// Kubernetes, "Virtual IPs and Service Proxies". A first packet to a frontend gets a backend:
// the one that its client had before (session affinity), else Maglev's choice, which depends on
// nothing but the addresses and ports, so that another node, or this one after a restart, chooses
// the same. Who may not use the frontend is dropped; where nobody answers the client is told.
//
// A connection that is decided again keeps its backend while that is one of the service's, even if
// it takes no new ones. When it is gone, TCP and SCTP go on towards it and drain; everything else
// gets another at its next packet.
// Threading: one worker; Choose with a shared affinity table any thread.
#pragma once

#include "dataplane/core/keyed_hash.h"
#include "dataplane/stages/context.h"
#include "dataplane/tables/affinity_table.h"

namespace pollux::stages {

struct Service {
  static constexpr core::StepId kId = core::StepId::kService;

  static core::Verdict Decide(Context& ctx, core::Packet& packet);
  // The client is told at once that nobody is there.
  static bool IsRejection(core::DropReason reason) {
    return reason == core::DropReason::kServiceNoEndpoint ||
           reason == core::DropReason::kServicePort;
  }

  // Sets frontend, backend and the translated destination; kNone also where no service is meant.
  // `affinity`: null where nothing is remembered.
  static core::DropReason Choose(const tables::Tables& tables, const Affinity* affinity,
                                 net::Nanos now, Decision& decision);
  // The same for a connection that is translated to decision.translated so far. True in
  // `decision.keeps_translation` if it stays so.
  static core::DropReason ChooseAgain(const tables::Tables& tables, const Affinity* affinity,
                                      net::Nanos now, Decision& decision);
};

}  // namespace pollux::stages
