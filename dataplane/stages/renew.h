// Deciding an existing connection again, because what it was made from has changed or because its
// packets come in another way now.
//
// The connection keeps what it has: its translation, what its packets said about it, its counters.
// Where the new decision comes to the same it only becomes fresh; else another connection takes its
// place; where it may not be any more it ends, and the packet with it.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

// Sets the packet's direction, or drops the packet by the reason that ended its connection; without
// either the packet opens another connection (a SYN where TCP's is closed). The packet's source has
// been checked.
core::Verdict Renew(Context& ctx, core::Packet& packet, tables::Direction& known);

}  // namespace pollux::stages
