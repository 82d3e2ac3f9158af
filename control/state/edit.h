// Makes the next State of the present one and a request: pure.
//
// A request speaks for one owner and may change only his objects. The result is not validated as a
// whole yet (validate.h).
// Threading: pure functions.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <variant>
#include <vector>

#include "control/state/state.h"

namespace pollux::control {

using Object = std::variant<Port, Endpoint, Route, Service, Workload, Policy, Cluster>;

struct PortKey {
  std::string name;
};
struct EndpointKey {
  std::string name;
};
struct RouteKey {
  net::IpPrefix prefix;
};
struct ServiceKey {
  std::string name;
};
struct WorkloadKey {
  std::string name;
};
struct PolicyKey {
  std::string name;
};
struct ClusterKey {};
using Key =
    std::variant<PortKey, EndpointKey, RouteKey, ServiceKey, WorkloadKey, PolicyKey, ClusterKey>;

struct Edit {
  Owner owner = Owner::kCli;
  std::vector<Key> remove;  // done first
  std::vector<Object> put;  // of `owner`
  bool create_only = false;
};

// FailedPrecondition for objects of another owner; AlreadyExists with create_only; InvalidArgument
// if an object is given twice.
absl::StatusOr<State> Apply(const State& state, const Edit& edit);

// The owner's objects become exactly `objects`; errors as above.
absl::StatusOr<State> Sync(const State& state, Owner owner, const std::vector<Object>& objects);

// Adds or replaces, whoever owns it.
void Insert(State& state, const Object& object);

// "port \"web\"": how errors name an object.
std::string NameOf(const Port& port);
std::string NameOf(const Endpoint& endpoint);
std::string NameOf(const Route& route);
std::string NameOf(const Service& service);
std::string NameOf(const Workload& workload);
std::string NameOf(const Policy& policy);
std::string NameOf(const Cluster& cluster);
std::string NameOf(const Object& object);

// The objects of a state, ports first; of one owner if given.
std::vector<Object> ObjectsOf(const State& state, std::optional<Owner> owner = std::nullopt);

}  // namespace pollux::control
