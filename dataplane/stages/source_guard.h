// Nobody speaks for somebody else: Ethernet, ARP, neighbour discovery and IP sources of a pod are
// its endpoints'; routers and DHCP servers are not in pods; the wire does not carry our pods'
// addresses. Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct SourceGuard {
  static constexpr core::StepId kId = core::StepId::kSourceGuard;
  static core::Verdict Decide(Context& ctx, core::Packet& packet);
};

}  // namespace pollux::stages
