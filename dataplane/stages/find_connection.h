// The flow lookup: which packets belong to a connection that was decided already.
//
// A packet is known if its key is found, it came from where that direction's packets come from, and
// nothing that the decision was made from has changed. Everything else takes the first packet's
// path, where it is examined as if nobody knew it: a spoofed packet of somebody's connection too.
// Fragments and packets to other Ethernet addresses than the switch's are not looked up.
//
// New decisions about known connections are bounded per pass of the worker: beyond that, stale ones
// of which nothing was closed are used once more.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"
#include "dataplane/stages/step.h"

namespace pollux::stages {

// New decisions of this kind in one pass of a worker.
inline constexpr unsigned kRenewalsPerPass = 64;

// Sets Packet::direction of those that are known; of none where no connections are kept.
void FindConnections(Context& ctx, Burst& burst);

// Whether a decision that was kept still holds.
core::Epochs::Age AgeOf(const core::Epochs& epochs, const tables::Direction& direction);

}  // namespace pollux::stages
