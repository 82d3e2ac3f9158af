// Connections, from the API's words to the packet path's and back.
// Threading: any control thread.
#pragma once

#include <absl/status/status.h>

#include "control/observe/names.h"
#include "control/proto/vswitch/v1/vswitch.pb.h"
#include "control/state/controller.h"
#include "control/state/switch.h"

namespace pollux::control {

namespace api = ::vswitch::v1;

// Addresses and ports of a connection, before and after translation, with who has them.
void WriteTuples(const net::FlowTuple& original, const net::FlowTuple& translated,
                 const AddressNames& names, api::Flow* proto);

// InvalidArgument, or NotFound for a port, begins with the field.
absl::Status ListFlows(const api::ListFlowsRequest& request, const Snapshot& snapshot,
                       const Switch& packet_side, api::ListFlowsReply* reply);
absl::Status FlushFlows(const api::FlushFlowsRequest& request, const Snapshot& snapshot,
                        Switch& packet_side, api::FlushFlowsReply* reply);

}  // namespace pollux::control
