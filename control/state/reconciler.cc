#include "control/state/reconciler.h"

#include <absl/strings/str_cat.h>
#include <glog/logging.h>

namespace pollux::control {
namespace {

absl::Status Annotate(const absl::Status& status, const std::string& name) {
  return {status.code(), absl::StrCat("port \"", name, "\": ", status.message())};
}

// Without the ports that failed with just this specification.
State WithoutFailures(const State& state, const std::map<std::string, PortFailure>& failures) {
  State result = state;
  for (const auto& [name, failure] : failures) {
    const auto at = result.ports.find(name);
    if (at != result.ports.end() && at->second.spec == failure.spec) {
      result.ports.erase(at);
    }
  }
  result.forwarding = Restrict(
      result.forwarding, [&](const std::string& port) { return result.ports.contains(port); });
  return result;
}

void AddCluster(const Forwarding& forwarding, ForwardingConfig& config) {
  for (const auto& [name, service] : forwarding.services) {
    config.services.push_back(service.config);
  }
  for (const auto& [name, workload] : forwarding.workloads) {
    config.workloads.push_back(workload.config);
  }
  for (const auto& [name, policy] : forwarding.policies) {
    config.policies.push_back(policy.config);
  }
  for (const auto& [name, cluster] : forwarding.clusters) {
    config.cluster = cluster.config;
  }
}

}  // namespace

absl::Status Reconciler::Transit(const State& to, net::Revision revision) {
  const Installed before = installed_;
  std::vector<Action> actions = Diff(before.state, WithoutFailures(to, before.failures));
  if (actions.empty()) {
    actions.emplace_back(Publish{before.state.forwarding, true});
  }
  for (const Action& action : actions) {
    if (const absl::Status status = Execute(action, revision); !status.ok()) {
      RollBack(before.state, before.revision, before.failures);
      return status;
    }
  }
  std::erase_if(installed_.failures, [&](const auto& entry) {
    const auto at = to.ports.find(entry.first);
    return at == to.ports.end() || at->second.spec != entry.second.spec;
  });
  return absl::OkStatus();
}

void Reconciler::RollBack(const State& to, net::Revision revision,
                          const std::map<std::string, PortFailure>& failures) {
  const absl::Status status = Converge(to, revision);
  LOG_IF(ERROR, !status.ok()) << "roll-back: " << status.message();
  // A port that had failed and was healed on the way is no more, and wanted as before.
  for (const auto& [name, failure] : failures) {
    if (!installed_.ids.contains(name)) {
      installed_.failures.try_emplace(name, failure);
    }
  }
}

absl::Status Reconciler::Converge(const State& to, net::Revision revision) {
  absl::Status result;
  const bool first = installed_.revision == net::Revision{};
  bool changed = Installable(to.forwarding) != installed_.state.forwarding;
  for (const Action& action : Diff(installed_.state, to)) {
    if (std::holds_alternative<Publish>(action) && !changed) {
      continue;
    }
    const absl::Status status = Execute(action, revision);
    if (status.ok()) {
      changed = true;
    } else if (const auto* add = std::get_if<AddPort>(&action)) {
      installed_.failures[add->port.spec.name] = {add->port.spec, std::string(status.message())};
    } else {
      result = status;
      if (std::holds_alternative<Publish>(action)) {
        break;
      }
    }
  }
  // The first publication is the packet path's sign to start, be there anything to forward or not.
  return first && installed_.revision == net::Revision{}
             ? Execute(Publish{to.forwarding, true}, revision)
             : result;
}

absl::Status Reconciler::Execute(const Action& action, net::Revision revision) {
  if (const auto* add = std::get_if<AddPort>(&action)) {
    return Do(*add);
  }
  if (const auto* remove = std::get_if<RemovePort>(&action)) {
    return Do(*remove);
  }
  return Do(std::get<Publish>(action), revision);
}

absl::Status Reconciler::Do(const AddPort& action) {
  const std::string& name = action.port.spec.name;
  const absl::StatusOr<net::PortId> id = switch_.AddPort(action.port.spec);
  if (!id.ok()) {
    return Annotate(id.status(), name);
  }
  installed_.ids[name] = *id;
  installed_.state.ports[name] = action.port;
  installed_.failures.erase(name);
  return absl::OkStatus();
}

absl::Status Reconciler::Do(const RemovePort& action) {
  const auto at = installed_.ids.find(action.name);
  if (const absl::Status status = switch_.RemovePort(at->second); !status.ok()) {
    return Annotate(status, action.name);
  }
  installed_.ids.erase(at);
  installed_.state.ports.erase(action.name);
  return absl::OkStatus();
}

absl::Status Reconciler::Do(const Publish& action, net::Revision revision) {
  Forwarding forwarding = Installable(action.forwarding);
  ForwardingConfig config;
  for (const auto& [name, endpoint] : forwarding.endpoints) {
    config.endpoints.push_back({.name = name,
                                .port = installed_.ids.at(endpoint.port),
                                .mac = endpoint.mac,
                                .addresses = endpoint.addresses,
                                .open = forwarding.IsOpen(endpoint),
                                .pod = endpoint.pod});
  }
  for (const auto& [prefix, route] : forwarding.routes) {
    config.routes.push_back(
        {.prefix = prefix, .via = route.via, .port = installed_.ids.at(route.port)});
  }
  AddCluster(forwarding, config);
  // What is on the way to a revision goes by the number of the one before.
  const net::Revision number = action.is_final ? revision : installed_.revision;
  if (const absl::Status status = switch_.Publish(config, number); !status.ok()) {
    return status;
  }
  installed_.revision = number;
  installed_.state.forwarding = std::move(forwarding);
  return absl::OkStatus();
}

Forwarding Reconciler::Installable(const Forwarding& forwarding) const {
  return Restrict(forwarding,
                  [this](const std::string& port) { return installed_.ids.contains(port); });
}

}  // namespace pollux::control
