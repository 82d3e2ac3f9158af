// Explain: the question and the answer as messages. What the packet path finds is
// dataplane/explain.h's.
// Threading: any control thread.
#pragma once

#include <absl/status/status.h>

#include "control/proto/vswitch/v1/vswitch.pb.h"
#include "control/state/controller.h"

namespace pollux::control {

namespace api = ::vswitch::v1;

// InvalidArgument and FailedPrecondition begin with the field that is wrong or missing; NotFound
// for a port that is not there.
absl::Status Explain(const api::ExplainRequest& request, const Snapshot& snapshot,
                     const Switch& packet_side, api::ExplainReply* reply);

}  // namespace pollux::control
