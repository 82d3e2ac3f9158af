#include "control/services/topology.h"

#include <algorithm>

namespace pollux::services {
namespace {

using Hints = std::vector<std::string> Endpoint::*;

struct Place {
  Hints hints;
  std::string_view name;  // of the node or zone

  [[nodiscard]] bool IsFor(const Endpoint& endpoint) const {
    const auto& names = endpoint.*hints;
    return !name.empty() && std::find(names.begin(), names.end(), name) != names.end();
  }
};

struct Family {
  bool v4;
  [[nodiscard]] bool HasReady(const Endpoint& endpoint) const {
    return endpoint.ip.is_v4() == v4 && !endpoint.draining;
  }
};

bool Counts(const Place& place, Family family, const std::vector<Endpoint>& endpoints) {
  bool here = false;
  for (const Endpoint& endpoint : endpoints) {
    if (family.HasReady(endpoint)) {
      if ((endpoint.*place.hints).empty()) {
        return false;
      }
      here = here || place.IsFor(endpoint);
    }
  }
  return here;
}

void Follow(const Place& place, Family family, std::vector<Endpoint>& endpoints) {
  for (Endpoint& endpoint : endpoints) {
    if (family.HasReady(endpoint)) {
      endpoint.draining = !place.IsFor(endpoint);
    }
  }
}

}  // namespace

std::string ZoneOf(const kubernetes::Cluster& cluster, std::string_view node_name) {
  const auto node = cluster.nodes.find(node_name);
  if (node == cluster.nodes.end()) {
    return {};
  }
  const auto zone = node->second.labels.find("topology.kubernetes.io/zone");
  return zone == node->second.labels.end() ? std::string() : zone->second;
}

void FollowHints(std::string_view node_name, std::string_view zone,
                 std::vector<Endpoint>& endpoints) {
  const Place places[] = {{&Endpoint::hinted_nodes, node_name}, {&Endpoint::hinted_zones, zone}};
  for (const Family family : {Family{true}, Family{false}}) {
    const auto* place = std::find_if(std::begin(places), std::end(places),
                                     [&](const Place& p) { return Counts(p, family, endpoints); });
    if (place != std::end(places)) {
      Follow(*place, family, endpoints);
    }
  }
}

}  // namespace pollux::services
