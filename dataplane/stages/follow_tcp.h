// TCP connections are followed: a segment that fits neither the window nor the state of its
// connection does not pass (tables/tcp_tracker.h says what does).
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct FollowTcp {
  static core::Verdict Follow(core::Packet& packet, tables::Direction& direction);

  // Whether a segment opens a connection anew whose key is that of one which is closed.
  static bool OpensAnew(const core::Packet& packet, tables::Direction& direction);
};

}  // namespace pollux::stages
