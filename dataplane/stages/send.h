// The last step: each packet moves to its egress port, batched per port, copied once.
//
// Groups the burst by egress, cuts large frames for ports that cannot take them (segment.h), has
// the port move them, and counts: what arrived and what did not are charged to the destination.
// Threading: one worker.
#pragma once

#include <span>

#include "dataplane/stages/context.h"

namespace pollux::stages {

// Packets whose egress is known. `ingress` is the context of the burst that they came from, null
// for packets that the switch made or kept.
void SendPackets(const tables::Tables& tables, WorkerState& worker,
                 std::span<core::Packet*> packets, Context* ingress);

}  // namespace pollux::stages
