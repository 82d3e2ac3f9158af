// ARP (RFC 826), with proxy ARP (RFC 1027), probes and announcements (RFC 5227).
//
// A probe (sender 0.0.0.0) asks whether an address is free. On pod and host ports the switch claims
// addresses that nobody has, so there it answers probes only for its own; on an uplink its claims
// are real endpoints, which it defends.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

core::Verdict AnswerArp(Context& ctx, core::Packet& packet);

}  // namespace pollux::stages
