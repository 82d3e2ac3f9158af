#include "control/state/edit.h"

#include <absl/strings/str_format.h>

#include <set>

#include "control/state/field_error.h"

namespace pollux::control {
namespace {

// The map that holds objects of one kind, and what its objects are called.
std::map<std::string, Port>& MapOf(State& state, const Port*) { return state.ports; }
std::map<std::string, Endpoint>& MapOf(State& state, const Endpoint*) {
  return state.forwarding.endpoints;
}
std::map<net::IpPrefix, Route>& MapOf(State& state, const Route*) {
  return state.forwarding.routes;
}

std::map<std::string, Service>& MapOf(State& state, const Service*) {
  return state.forwarding.services;
}
std::map<std::string, Workload>& MapOf(State& state, const Workload*) {
  return state.forwarding.workloads;
}
std::map<std::string, Policy>& MapOf(State& state, const Policy*) {
  return state.forwarding.policies;
}
std::map<std::string, Cluster>& MapOf(State& state, const Cluster*) {
  return state.forwarding.clusters;
}

template <typename T>
absl::Status CheckOwner(const T& existing, Owner owner) {
  if (existing.owner == owner) {
    return absl::OkStatus();
  }
  if (existing.owner == Owner::kSwitch) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s is the switch's own (vswitchd --host-interface)", NameOf(existing)));
  }
  return absl::FailedPreconditionError(
      absl::StrFormat("%s belongs to owner \"%s\"", NameOf(existing), OwnerName(existing.owner)));
}

template <typename T>
absl::Status Put(State& state, const T& object, bool create_only) {
  const auto [at, inserted] = MapOf(state, &object).try_emplace(object.key(), object);
  if (inserted || at->second == object) {
    return absl::OkStatus();
  }
  if (const absl::Status status = CheckOwner(at->second, object.owner); !status.ok()) {
    return status;
  }
  if (create_only) {
    return absl::AlreadyExistsError(absl::StrFormat(
        "%s exists with other settings: remove it first, or replace it", NameOf(object)));
  }
  at->second = object;
  return absl::OkStatus();
}

template <typename T, typename MapKey>
absl::Status Remove(State& state, const MapKey& key, Owner owner) {
  auto& map = MapOf(state, static_cast<const T*>(nullptr));
  const auto at = map.find(key);
  if (at == map.end()) {
    return absl::OkStatus();
  }
  if (const absl::Status status = CheckOwner(at->second, owner); !status.ok()) {
    return status;
  }
  map.erase(at);
  return absl::OkStatus();
}

absl::Status Remove(State& state, const Key& key, Owner owner) {
  struct Visitor {
    State& state;
    Owner owner;
    absl::Status operator()(const PortKey& k) const { return Remove<Port>(state, k.name, owner); }
    absl::Status operator()(const EndpointKey& k) const {
      return Remove<Endpoint>(state, k.name, owner);
    }
    absl::Status operator()(const RouteKey& k) const {
      return Remove<Route>(state, k.prefix, owner);
    }
    absl::Status operator()(const ServiceKey& k) const {
      return Remove<Service>(state, k.name, owner);
    }
    absl::Status operator()(const WorkloadKey& k) const {
      return Remove<Workload>(state, k.name, owner);
    }
    absl::Status operator()(const PolicyKey& k) const {
      return Remove<Policy>(state, k.name, owner);
    }
    absl::Status operator()(const ClusterKey&) const {
      return Remove<Cluster>(state, Cluster().key(), owner);
    }
  };
  return std::visit(Visitor{state, owner}, key);
}

// Two wishes for one object cannot both come true.
absl::Status CheckGivenOnce(const std::vector<Object>& objects) {
  std::set<std::string> seen;
  for (const Object& object : objects) {
    if (!seen.insert(NameOf(object)).second) {
      return absl::InvalidArgumentError(NameOf(object) + " is given twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<State> Apply(const State& state, const Edit& edit) {
  if (const absl::Status status = CheckGivenOnce(edit.put); !status.ok()) {
    return status;
  }
  State next = state;
  for (const Key& key : edit.remove) {
    if (const absl::Status status = Remove(next, key, edit.owner); !status.ok()) {
      return status;
    }
  }
  for (const Object& object : edit.put) {
    const absl::Status status =
        std::visit([&](const auto& o) { return Put(next, o, edit.create_only); }, object);
    if (!status.ok()) {
      return status;
    }
  }
  return next;
}

absl::StatusOr<State> Sync(const State& state, Owner owner, const std::vector<Object>& objects) {
  State swept = state;
  const auto of_owner = [owner](const auto& entry) { return entry.second.owner == owner; };
  std::erase_if(swept.ports, of_owner);
  std::erase_if(swept.forwarding.endpoints, of_owner);
  std::erase_if(swept.forwarding.routes, of_owner);
  std::erase_if(swept.forwarding.services, of_owner);
  std::erase_if(swept.forwarding.workloads, of_owner);
  std::erase_if(swept.forwarding.policies, of_owner);
  std::erase_if(swept.forwarding.clusters, of_owner);
  return Apply(swept, {.owner = owner, .remove = {}, .put = objects});
}

void Insert(State& state, const Object& object) {
  std::visit([&](const auto& o) { MapOf(state, &o).insert_or_assign(o.key(), o); }, object);
}

std::string NameOf(const Port& port) { return "port " + Quoted(port.spec.name); }
std::string NameOf(const Endpoint& endpoint) { return "endpoint " + Quoted(endpoint.name); }
std::string NameOf(const Route& route) { return "route " + Quoted(route.prefix.ToString()); }
std::string NameOf(const Service& service) { return "service " + Quoted(service.key()); }
std::string NameOf(const Workload& workload) { return "workload " + Quoted(workload.key()); }
std::string NameOf(const Policy& policy) { return "policy " + Quoted(policy.key()); }
std::string NameOf(const Cluster&) { return "cluster"; }
std::string NameOf(const Object& object) {
  return std::visit([](const auto& o) { return NameOf(o); }, object);
}

std::vector<Object> ObjectsOf(const State& state, std::optional<Owner> owner) {
  std::vector<Object> objects;
  const auto add = [&](const auto& map) {
    for (const auto& [key, object] : map) {
      if (!owner || object.owner == *owner) {
        objects.emplace_back(object);
      }
    }
  };
  add(state.ports);
  add(state.forwarding.endpoints);
  add(state.forwarding.routes);
  add(state.forwarding.services);
  add(state.forwarding.workloads);
  add(state.forwarding.policies);
  add(state.forwarding.clusters);
  return objects;
}

}  // namespace pollux::control
