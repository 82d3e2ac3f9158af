// The API's objects of the cluster around the switch (translate.h).
// Threading: pure functions.
#pragma once

#include <absl/status/statusor.h>

#include "control/proto/vswitch/v1/object.pb.h"
#include "control/state/edit.h"

namespace pollux::control {

absl::StatusOr<Object> ReadService(const vswitch::v1::Service& proto, Owner owner);
absl::StatusOr<Object> ReadWorkload(const vswitch::v1::Workload& proto, Owner owner);
absl::StatusOr<Object> ReadPolicy(const vswitch::v1::Policy& proto, Owner owner);
absl::StatusOr<Object> ReadCluster(const vswitch::v1::Cluster& proto, Owner owner);

}  // namespace pollux::control
