// Which packets Trace and Capture show: from the API's words to what the workers compare.
// Threading: pure function.
#pragma once

#include <absl/status/statusor.h>

#include "control/proto/vswitch/v1/observation.pb.h"
#include "control/state/controller.h"
#include "dataplane/core/observer.h"

namespace pollux::control {

namespace api = ::vswitch::v1;

// InvalidArgument, or NotFound for a port, begins with the field and says what it may be.
absl::StatusOr<core::ObservationFilter> FromProto(const api::ObservationFilter& proto,
                                                  const Snapshot& snapshot);

}  // namespace pollux::control
