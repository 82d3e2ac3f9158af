// The end of the first packet's path: what was decided becomes a connection.
//
// TCP connections begin with a SYN (RFC 9293 section 3.5), or are picked up in their middle for a
// while after a start (Flows::pickup_until); SCTP associations with an INIT or, on another path, a
// HEARTBEAT; ICMP ones with an echo request; all others with any packet.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Connect {
  static constexpr core::StepId kId = core::StepId::kConnect;

  static core::Verdict Decide(Context& ctx, core::Packet& packet);
};

}  // namespace pollux::stages
