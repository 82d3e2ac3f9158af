#include "control/state/fake_switch.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "control/state/port_resource.h"

namespace pollux::control {

absl::Status FakeSwitch::Record(std::string call) {
  for (const auto& [beginning, status] : refused_) {
    if (call.starts_with(beginning)) {
      calls_.push_back(call + "!");
      return status;
    }
  }
  calls_.push_back(std::move(call));
  return absl::OkStatus();
}

absl::Status FakeSwitch::Breach(absl::Status status) {
  ++breaches_;
  return status;
}

std::string FakeSwitch::NameOf(net::PortId port) const {
  const auto at = ports_.find(port);
  return at == ports_.end() ? absl::StrCat("#", port.value()) : at->second.spec.name;
}

std::string FakeSwitch::Words(const ForwardingConfig& config) const {
  std::vector<std::string> words;
  for (const EndpointConfig& endpoint : config.endpoints) {
    words.push_back(absl::StrCat(endpoint.name, "@", NameOf(endpoint.port)));
  }
  for (const RouteConfig& route : config.routes) {
    words.push_back(absl::StrCat(route.prefix.ToString(), "@", NameOf(route.port)));
  }
  return absl::StrJoin(words, " ");
}

bool FakeSwitch::Uses(net::PortId port) const {
  const auto names_it = [port](const auto& object) { return object.port == port; };
  return std::ranges::any_of(config_.endpoints, names_it) ||
         std::ranges::any_of(config_.routes, names_it);
}

absl::StatusOr<net::PortId> FakeSwitch::AddPort(const core::PortSpec& spec) {
  const std::lock_guard lock(mutex_);
  if (const absl::Status status = Record("add " + spec.name); !status.ok()) {
    return status;
  }
  for (const auto& [id, port] : ports_) {
    if (port.spec.name == spec.name || ResourceOf(port.spec) == ResourceOf(spec)) {
      return Breach(absl::AlreadyExistsError(absl::StrCat("in use by ", port.spec.name)));
    }
  }
  net::PortId id{1};
  while (ports_.contains(id)) {
    id = net::PortId{static_cast<std::uint16_t>(id.value() + 1)};
  }
  ports_[id] = {.spec = spec, .totals = {}, .workers = std::vector<unsigned>(spec.queues)};
  return id;
}

absl::Status FakeSwitch::RemovePort(net::PortId port) {
  const std::lock_guard lock(mutex_);
  if (const absl::Status status = Record("remove " + NameOf(port)); !status.ok()) {
    return status;
  }
  if (Uses(port)) {
    return Breach(absl::FailedPreconditionError(NameOf(port) + " is in use"));
  }
  return ports_.erase(port) == 1 ? absl::OkStatus() : absl::NotFoundError(NameOf(port));
}

absl::Status FakeSwitch::MoveQueue(net::PortId port, unsigned queue, unsigned worker) {
  const std::lock_guard lock(mutex_);
  const absl::Status status =
      Record(absl::StrCat("move ", NameOf(port), " ", queue, " to ", worker));
  if (!status.ok()) {
    return status;
  }
  std::vector<unsigned>& workers = ports_.at(port).workers;
  if (queue >= workers.size()) {
    return absl::NotFoundError("no such queue");
  }
  if (worker >= workers_.size()) {
    return absl::InvalidArgumentError("no such worker");
  }
  workers[queue] = worker;
  return absl::OkStatus();
}

absl::Status FakeSwitch::Publish(const ForwardingConfig& config, net::Revision revision) {
  const std::lock_guard lock(mutex_);
  const absl::Status status =
      Record(absl::StrCat("publish ", revision.value(), ": ", Words(config)));
  if (!status.ok()) {
    return status;
  }
  const auto is_there = [&](const auto& object) { return ports_.contains(object.port); };
  if (!std::ranges::all_of(config.endpoints, is_there) ||
      !std::ranges::all_of(config.routes, is_there)) {
    return Breach(absl::InvalidArgumentError("unknown port: " + Words(config)));
  }
  config_ = config;
  revision_ = revision;
  return absl::OkStatus();
}

std::vector<PortInfo> FakeSwitch::Ports() const {
  const std::lock_guard lock(mutex_);
  std::vector<PortInfo> infos;
  for (const auto& [id, port] : ports_) {
    infos.push_back({.id = id,
                     .spec = port.spec,
                     .status = {.link_up = true, .state = "connected"},
                     .mac = port.spec.mac,
                     .workers = port.workers});
  }
  return infos;
}

std::optional<PortTotals> FakeSwitch::Totals(net::PortId port) const {
  const std::lock_guard lock(mutex_);
  const auto at = ports_.find(port);
  return at == ports_.end() ? std::nullopt : std::optional(at->second.totals);
}

std::vector<WorkerInfo> FakeSwitch::Workers() const {
  const std::lock_guard lock(mutex_);
  return workers_;
}

std::vector<NeighbourInfo> FakeSwitch::Neighbours() const {
  const std::lock_guard lock(mutex_);
  return neighbours_;
}

net::MacAddress FakeSwitch::gateway_mac() const { return {{2, 0, 0, 0, 0, 1}}; }

FlowList FakeSwitch::Flows(const FlowQuery& query, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  flow_query_ = query;
  FlowList list{.flows = flows_, .matching = flows_.size()};
  list.flows.resize(std::min(list.flows.size(), limit));
  return list;
}

std::uint64_t FakeSwitch::FlushFlows(const FlowQuery& query) {
  const std::lock_guard lock(mutex_);
  flow_query_ = query;
  return std::exchange(flows_, {}).size();
}

FlowTableInfo FakeSwitch::FlowTable() const {
  const std::lock_guard lock(mutex_);
  return {.connections = static_cast<std::uint32_t>(flows_.size()), .limit = 1000};
}

absl::StatusOr<Explanation> FakeSwitch::Explain(const ExplainQuery& query) const {
  const std::lock_guard lock(mutex_);
  return Explanation{.revision = revision_,
                     .verdict = core::Verdict::Continue(),
                     .ingress = query.ingress,
                     .egress = net::kNoPort,
                     .steps = {}};
}

std::shared_ptr<core::Subscription> FakeSwitch::Subscribe(const core::ObservationFilter& filter) {
  const std::lock_guard lock(mutex_);
  return std::make_shared<core::Subscription>(filter, static_cast<unsigned>(workers_.size()));
}

void FakeSwitch::Refuse(const std::string& call, const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  refused_.erase(call);
  if (!status.ok()) {
    refused_.emplace(call, status);
  }
}

std::vector<std::string> FakeSwitch::TakeCalls() {
  const std::lock_guard lock(mutex_);
  return std::exchange(calls_, {});
}

unsigned FakeSwitch::breaches() const {
  const std::lock_guard lock(mutex_);
  return breaches_;
}

std::string FakeSwitch::forwarding() const {
  const std::lock_guard lock(mutex_);
  return Words(config_);
}

net::Revision FakeSwitch::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

ForwardingConfig FakeSwitch::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

void FakeSwitch::SetTotals(const std::string& port, const PortTotals& totals) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, installed] : ports_) {
    if (installed.spec.name == port) {
      installed.totals = totals;
      return;
    }
  }
  LOG(FATAL) << "no port " << port;
}

void FakeSwitch::SetWorkers(std::vector<WorkerInfo> workers) {
  const std::lock_guard lock(mutex_);
  workers_ = std::move(workers);
}

void FakeSwitch::SetFlows(std::vector<FlowInfo> flows) {
  const std::lock_guard lock(mutex_);
  flows_ = std::move(flows);
}

FlowQuery FakeSwitch::flow_query() const {
  const std::lock_guard lock(mutex_);
  return flow_query_;
}

void FakeSwitch::SetNeighbours(std::vector<NeighbourInfo> neighbours) {
  const std::lock_guard lock(mutex_);
  neighbours_ = std::move(neighbours);
}

}  // namespace pollux::control
