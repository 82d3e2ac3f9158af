#include "control/state/diff.h"

#include <set>

#include "control/state/port_resource.h"

namespace pollux::control {
namespace {

// The ports of a transition by what happens to them.
struct PortPlan {
  std::vector<Port> add;                  // beside everything else
  std::vector<std::string> remove_early;  // in the way of one of `add_late`
  std::vector<Port> add_late;
  std::vector<std::string> remove;
};

bool Stays(const std::map<std::string, Port>& ports, const Port& port) {
  const auto at = ports.find(port.spec.name);
  return at != ports.end() && at->second.spec == port.spec;
}

PortPlan PlanPorts(const State& from, const State& to) {
  std::set<std::string> names;
  std::set<std::string> resources;
  for (const auto& [name, port] : to.ports) {
    if (!Stays(from.ports, port)) {
      names.insert(name);
      resources.insert(ResourceOf(port.spec));
    }
  }
  PortPlan plan;
  std::set<std::string> taken_names;
  std::set<std::string> taken_resources;
  for (const auto& [name, port] : from.ports) {
    if (Stays(to.ports, port)) {
      continue;
    }
    const std::string resource = ResourceOf(port.spec);
    const bool in_the_way = names.contains(name) || resources.contains(resource);
    (in_the_way ? plan.remove_early : plan.remove).push_back(name);
    taken_names.insert(name);
    taken_resources.insert(resource);
  }
  for (const std::string& name : names) {
    const Port& port = to.ports.at(name);
    const bool blocked =
        taken_names.contains(name) || taken_resources.contains(ResourceOf(port.spec));
    (blocked ? plan.add_late : plan.add).push_back(port);
  }
  return plan;
}

}  // namespace

Forwarding Restrict(const Forwarding& forwarding,
                    const std::function<bool(const std::string& port)>& wanted) {
  Forwarding result = forwarding;
  const auto unwanted = [&](const auto& entry) { return !wanted(entry.second.port); };
  std::erase_if(result.endpoints, unwanted);
  std::erase_if(result.routes, unwanted);
  return result;
}

std::vector<Action> Diff(const State& from, const State& to) {
  const PortPlan plan = PlanPorts(from, to);
  std::vector<Action> actions;
  for (const Port& port : plan.add) {
    actions.emplace_back(AddPort{port});
  }
  if (!plan.remove_early.empty()) {
    const std::set<std::string> gone(plan.remove_early.begin(), plan.remove_early.end());
    const auto stays = [&](const std::string& port) { return !gone.contains(port); };
    actions.emplace_back(Publish{Restrict(from.forwarding, stays)});
  }
  for (const std::string& name : plan.remove_early) {
    actions.emplace_back(RemovePort{name});
  }
  for (const Port& port : plan.add_late) {
    actions.emplace_back(AddPort{port});
  }
  if (!actions.empty() || !plan.remove.empty() || from.forwarding != to.forwarding) {
    actions.emplace_back(Publish{to.forwarding, true});
  }
  for (const std::string& name : plan.remove) {
    actions.emplace_back(RemovePort{name});
  }
  return actions;
}

}  // namespace pollux::control
