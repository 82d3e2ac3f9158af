// Telling a client at once that nobody is there: a reset for TCP (RFC 9293 section 3.10.7.1), port
// unreachable for everything else (RFC 1122 section 4.1.3.1).
//
// The reset is made in place, as ICMP errors are (icmp_error.h), and within the same rate.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

// Before the packet is translated: the answer comes from where it was sent to.
core::Verdict Reject(Context& ctx, core::Packet& packet, core::DropReason reason);

}  // namespace pollux::stages
