// Between the API's objects and ours: syntax is checked here, once; beyond this point every address
// is an address. Whether an object may be is validate.h's.
// Threading: pure functions.
#pragma once

#include <absl/status/statusor.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/proto/vswitch/v1/object.pb.h"
#include "control/state/edit.h"
#include "control/state/state.h"

namespace pollux::control {

namespace api = ::vswitch::v1;

// "" is the default, cli. InvalidArgument otherwise: only "cli" and "agent" speak on the API.
absl::StatusOr<Owner> OwnerFromProto(std::string_view owner);

// InvalidArgument names the field. Output fields are ignored, owners included.
absl::StatusOr<Object> FromProto(const api::Object& proto, Owner owner);
absl::StatusOr<Key> FromProto(const api::Key& proto);

api::Object ToProto(const Object& object);
void ToProto(const Port& port, api::Port* proto);
void ToProto(const Endpoint& endpoint, api::Endpoint* proto);
void ToProto(const Route& route, api::Route* proto);
void ToProto(const Service& service, api::Service* proto);
void ToProto(const Workload& workload, api::Workload* proto);
void ToProto(const Policy& policy, api::Policy* proto);
void ToProto(const Cluster& cluster, api::Cluster* proto);

// The owner that an object carries.
const std::string& OwnerIn(const api::Object& object);

std::string_view RoleName(core::PortRole role);

}  // namespace pollux::control
