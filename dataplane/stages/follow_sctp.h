// SCTP associations are followed by their verification tags (tables/sctp_tracker.h).
// Threading: one worker.
#pragma once

#include <optional>

#include "dataplane/net/sctp.h"
#include "dataplane/stages/context.h"

namespace pollux::stages {

struct FollowSctp {
  static core::Verdict Follow(core::Packet& packet, tables::Direction& direction);

  // None: malformed. The packet has an L4 header.
  static std::optional<net::SctpPacket> Read(const core::Packet& packet);
};

}  // namespace pollux::stages
