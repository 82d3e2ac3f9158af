#include "control/rpc/replies.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <map>
#include <optional>

#include "control/state/field_error.h"
#include "control/state/translate.h"

namespace pollux::control {
namespace {

absl::StatusOr<std::optional<Owner>> WantedOwner(const std::string& owner) {
  if (owner.empty() || owner == OwnerName(Owner::kSwitch)) {
    return owner.empty() ? std::nullopt : std::optional(Owner::kSwitch);
  }
  const absl::StatusOr<Owner> known = OwnerFromProto(owner);
  return known.ok() ? absl::StatusOr<std::optional<Owner>>(*known) : known.status();
}

// Calls add(object) for each object of the map that is asked for.
template <typename Map, typename Add>
absl::Status Select(const api::ListRequest& request, std::string_view kind, const Map& objects,
                    const std::optional<typename Map::key_type>& key, Add add) {
  const absl::StatusOr<std::optional<Owner>> owner = WantedOwner(request.owner());
  if (!owner.ok()) {
    return owner.status();
  }
  const auto wanted = [&](const auto& object) { return !*owner || object.owner == **owner; };
  if (key) {
    const auto at = objects.find(*key);
    if (at == objects.end() || !wanted(at->second)) {
      return absl::NotFoundError(
          absl::StrFormat("there is no %s %s", kind, Quoted(request.name())));
    }
    add(at->second);
    return absl::OkStatus();
  }
  for (const auto& [name, object] : objects) {
    if (wanted(object)) {
      add(object);
    }
  }
  return absl::OkStatus();
}

std::optional<std::string> NameIn(const api::ListRequest& request) {
  return request.name().empty() ? std::nullopt : std::optional(request.name());
}

void FillPortStatus(const PortInfo& info, api::PortStatus* status) {
  status->set_id(info.id.value());
  status->set_link_up(info.status.link_up);
  status->set_state(info.status.state);
  if (!info.mac.is_zero()) {
    status->set_mac(info.mac.ToString());
  }
  for (const unsigned worker : info.workers) {
    status->add_workers(worker);
  }
  for (const auto& [name, value] : info.status.details) {
    api::Detail* detail = status->add_details();
    detail->set_name(name);
    detail->set_value(value);
  }
}

}  // namespace

absl::Status ListPorts(const api::ListRequest& request, const Snapshot& snapshot,
                       const Switch& packet_side, api::ListPortsReply* reply) {
  std::map<std::string, PortInfo> infos;
  for (PortInfo& info : packet_side.Ports()) {
    infos.emplace(info.spec.name, std::move(info));
  }
  reply->set_revision(snapshot.revision.value());
  return Select(request, "port", snapshot.desired.ports, NameIn(request), [&](const Port& port) {
    api::Port* item = reply->add_items();
    ToProto(port, item);
    const auto failure = snapshot.installed.failures.find(port.spec.name);
    if (failure != snapshot.installed.failures.end()) {
      item->mutable_status()->set_state(absl::StrCat("failed: ", failure->second.cause));
    } else if (const auto info = infos.find(port.spec.name); info != infos.end()) {
      FillPortStatus(info->second, item->mutable_status());
    }
  });
}

absl::Status ListEndpoints(const api::ListRequest& request, const Snapshot& snapshot,
                           api::ListEndpointsReply* reply) {
  const Forwarding& live = snapshot.installed.state.forwarding;
  reply->set_revision(snapshot.revision.value());
  return Select(request, "endpoint", snapshot.desired.forwarding.endpoints, NameIn(request),
                [&](const Endpoint& endpoint) {
                  api::Endpoint* item = reply->add_items();
                  ToProto(endpoint, item);
                  item->mutable_status()->set_open(snapshot.desired.forwarding.IsOpen(endpoint));
                  item->mutable_status()->set_live(live.endpoints.contains(endpoint.name));
                });
}

absl::Status ListRoutes(const api::ListRequest& request, const Snapshot& snapshot,
                        api::ListRoutesReply* reply) {
  std::optional<net::IpPrefix> prefix;
  if (!request.name().empty()) {
    prefix = net::IpPrefix::Parse(request.name());
    if (!prefix) {
      return absl::InvalidArgumentError("name: " + Quoted(request.name()) + " is not a prefix");
    }
  }
  const Forwarding& live = snapshot.installed.state.forwarding;
  reply->set_revision(snapshot.revision.value());
  return Select(request, "route", snapshot.desired.forwarding.routes, prefix,
                [&](const Route& route) {
                  api::Route* item = reply->add_items();
                  ToProto(route, item);
                  item->mutable_status()->set_live(live.routes.contains(route.prefix));
                });
}

absl::Status ListServices(const api::ListRequest& request, const Snapshot& snapshot,
                          api::ListServicesReply* reply) {
  reply->set_revision(snapshot.revision.value());
  return Select(request, "service", snapshot.desired.forwarding.services, NameIn(request),
                [&](const Service& service) { ToProto(service, reply->add_items()); });
}

absl::Status ListPolicies(const api::ListRequest& request, const Snapshot& snapshot,
                          api::ListPoliciesReply* reply) {
  reply->set_revision(snapshot.revision.value());
  return Select(request, "policy", snapshot.desired.forwarding.policies, NameIn(request),
                [&](const Policy& policy) { ToProto(policy, reply->add_items()); });
}

absl::Status ListNeighbours(const Snapshot& snapshot, const Switch& packet_side,
                            api::ListNeighboursReply* reply) {
  reply->set_revision(snapshot.revision.value());
  for (const NeighbourInfo& neighbour : packet_side.Neighbours()) {
    api::Neighbour* item = reply->add_items();
    item->set_port(PortNameOf(snapshot, neighbour.port));
    item->set_ip(neighbour.ip.ToString());
    item->set_mac(neighbour.mac.is_zero() ? "" : neighbour.mac.ToString());
    item->set_state(neighbour.state);
  }
  return absl::OkStatus();
}

absl::Status GetConfig(const api::GetConfigRequest& request, const Snapshot& snapshot,
                       api::GetConfigReply* reply) {
  const absl::StatusOr<std::optional<Owner>> owner = WantedOwner(request.owner());
  if (!owner.ok()) {
    return owner.status();
  }
  reply->set_revision(snapshot.revision.value());
  for (const Object& object : ObjectsOf(snapshot.desired, *owner)) {
    *reply->add_items() = ToProto(object);
  }
  return absl::OkStatus();
}

void FillStatus(const ProcessInfo& process, const Snapshot& snapshot,
                std::string_view state_problem, const Switch& packet_side,
                api::GetStatusReply* reply) {
  reply->set_revision(snapshot.revision.value());
  api::SwitchStatus* status = reply->add_items();
  status->set_version(process.version);
  status->set_pid(static_cast<std::uint32_t>(getpid()));
  status->set_uptime_seconds(process.uptime_seconds);
  status->set_seconds_to_forwarding(process.seconds_to_forwarding);
  status->set_gateway_mac(packet_side.gateway_mac().ToString());
  status->set_ports(static_cast<std::uint32_t>(snapshot.desired.ports.size()));
  status->set_endpoints(static_cast<std::uint32_t>(snapshot.desired.forwarding.endpoints.size()));
  status->set_routes(static_cast<std::uint32_t>(snapshot.desired.forwarding.routes.size()));
  const auto add_problem = [&](const std::string& object, std::string_view text) {
    api::Problem* problem = status->add_problems();
    problem->set_object(object);
    problem->set_text(std::string(text));
  };
  if (!state_problem.empty()) {
    add_problem("saved state", state_problem);
  }
  for (const auto& [name, failure] : snapshot.installed.failures) {
    add_problem("port " + Quoted(name), failure.cause);
  }
  std::uint32_t index = 0;
  for (const WorkerInfo& worker : packet_side.Workers()) {
    ToProto(worker, index++, status->add_workers());
  }
}

void ToProto(const Change& change, api::Change* proto) {
  proto->set_action(!change.before ? "added" : change.after ? "changed" : "removed");
  if (change.before) {
    *proto->mutable_before() = ToProto(*change.before);
  }
  if (change.after) {
    *proto->mutable_after() = ToProto(*change.after);
  }
}

void ToProto(const WorkerInfo& info, std::uint32_t index, api::Worker* proto) {
  proto->set_index(index);
  proto->set_core(info.core);
  proto->set_asleep(info.asleep);
  for (const std::string& port : info.polled_ports) {
    proto->add_polled_ports(port);
  }
  proto->set_loops(info.loops);
  proto->set_packets(info.packets);
  proto->set_bursts(info.bursts);
  proto->set_busy_cycles(info.busy_cycles);
  proto->set_longest_gap_ns(info.longest_gap_ns);
  proto->set_sleeps(info.sleeps);
}

std::string PortNameOf(const Snapshot& snapshot, net::PortId id) {
  if (id == net::kNoPort) {
    return "";
  }
  for (const auto& [name, known] : snapshot.installed.ids) {
    if (known == id) {
      return name;
    }
  }
  return absl::StrCat("#", id.value());
}

}  // namespace pollux::control
