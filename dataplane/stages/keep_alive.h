// What the sweep over the connections does for those that live.
//
//  - The next hop of one whose packets passed lately is in use: the control side then asks for it
//    again instead of forgetting it. (Packets of known connections do not look at neighbours.)
//  - A decision that does not hold any more is marked as closed for good, so that epochs that wrap
//    can never make it look fresh.
// Threading: one worker per connection at a time.
#pragma once

#include "dataplane/stages/flows.h"
#include "dataplane/tables/tables.h"

namespace pollux::stages {

void KeepAlive(const tables::Tables& tables, const Flows& flows, tables::Connection& connection,
               tables::Ticks now);

}  // namespace pollux::stages
