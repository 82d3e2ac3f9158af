// The API's calls on the wire: gRPC's statuses, streams and their number.
// Threading: made by the main thread; called by gRPC's.
#pragma once

#include <memory>

#include "control/rpc/api.h"

namespace grpc {
class Service;
}

namespace pollux::control {

// `api` outlives the service.
std::unique_ptr<grpc::Service> MakeService(Api& api);

}  // namespace pollux::control
