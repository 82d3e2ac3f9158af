// What the switch answers itself: ARP and neighbour solicitations for the gateway and every address
// that a pod asks for except its own, ping of the gateway; and what ends at the switch. On uplinks:
// ARP and ND for the addresses of this node there, and neighbours that answer.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Answer {
  static constexpr core::StepId kId = core::StepId::kAnswer;
  static core::Verdict Decide(Context& ctx, core::Packet& packet);
};

}  // namespace pollux::stages
