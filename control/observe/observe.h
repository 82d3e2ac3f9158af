// Trace and Capture: packets of the live switch as a stream.
//
// The workers put what matches into rings (dataplane/core/observer.h) and never wait; this side
// takes it out, a batch at a time. A reader that is too slow blocks only its own stream: what the
// rings do not hold meanwhile is counted as missed.
// Threading: the thread of the call, until the client is gone.
#pragma once

#include <absl/status/status.h>

#include "control/observe/observation.h"
#include "control/proto/vswitch/v1/vswitch.pb.h"
#include "control/rpc/stream.h"
#include "control/state/controller.h"

namespace pollux::control {

// The first batch is empty and comes when the workers know the filter. NotFound when the port that
// the filter names is removed.
absl::Status Observe(Controller& controller, const api::ObserveRequest& request,
                     ObservationForm form, const Stream<api::ObservationBatch>& stream);

}  // namespace pollux::control
