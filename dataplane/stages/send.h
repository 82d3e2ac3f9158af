// The last step: each packet moves to its egress port, batched per port, copied once.
//
// Groups the burst by egress, segments large frames for ports without the offload (segment.h), has
// the port move them, and counts. A send drop is charged to the destination.
// Threading: one worker.
#pragma once

#include <span>

#include "dataplane/stages/context.h"

namespace pollux::stages {

// `observers` may be null.
void SendPackets(const tables::Tables& tables, WorkerState& worker,
                 std::span<core::Packet*> packets, Context* observed);

}  // namespace pollux::stages
