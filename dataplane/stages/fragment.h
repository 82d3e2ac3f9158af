// Fragments of one datagram share the verdict of the first (tables/fragment_table.h).
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

// A first fragment that has passed, of packet.direction.
core::Verdict RememberFragment(Context& ctx, core::Packet& packet);

// The direction of a later fragment; drops it if it belongs to nothing that passed. Its source has
// been checked.
core::Verdict FindFragment(Context& ctx, core::Packet& packet);

}  // namespace pollux::stages
