// What leaves at the end of a pass: packets whose neighbour is known now, and the frames that the
// switch made on its own (questions and announcements). Their bytes are the worker's, so they may
// leave after the bursts that caused them were released.
// Threading: one worker.
#pragma once

#include "dataplane/net/ids.h"
#include "dataplane/stages/worker_state.h"
#include "dataplane/tables/tables.h"

namespace pollux::stages {

// Sends them and counts them as generated: frames of the switch's own on their egress, packets that
// waited on the port that they came from (where they were counted as answered when they came).
void SendHeld(const tables::Tables& tables, WorkerState& worker, net::Nanos now);

}  // namespace pollux::stages
