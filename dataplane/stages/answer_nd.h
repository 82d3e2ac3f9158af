// Neighbour discovery for IPv6 (RFC 4861): validation, solicitations answered also by proxy
// (section 7.2.8), advertisements learned from, the rest ended.
//
// Duplicate address detection (source ::, RFC 4862 section 5.4) asks whether an address is free. On
// pod and host ports the switch claims addresses that nobody has, so there it defends only its own;
// on an uplink its claims are real endpoints, which it defends. Routes of pods are static: router
// solicitations get no answer.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

// For ICMPv6 types 133 to 137; the ICMPv6 header lies within the head.
core::Verdict AnswerNeighbourDiscovery(Context& ctx, core::Packet& packet);

}  // namespace pollux::stages
