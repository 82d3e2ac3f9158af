#include "control/services/health_checks.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace pollux::services {

using kubernetes::Service;

void LocalEndpoints::Add(const std::vector<Endpoint>& endpoints) {
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.local && !endpoint.draining) {
      (endpoint.ip.is_v4() ? v4_ : v6_).insert(endpoint.ip);
    }
  }
}

std::uint32_t LocalEndpoints::count() const {
  return static_cast<std::uint32_t>(std::max(v4_.size(), v6_.size()));
}

void HealthChecks::Add(const Service& service, const LocalEndpoints& endpoints,
                       kubernetes::ObjectProblems& problems) {
  const std::uint16_t port = service.health_check_node_port;
  if (port == 0 || service.type != Service::Type::kLoadBalancer ||
      service.external_traffic_policy != kubernetes::TrafficPolicy::kLocal) {
    return;
  }
  const kubernetes::ObjectName name{service.namespace_name, service.name};
  const auto [check, is_new] =
      by_port_.try_emplace(port, HealthCheck{port, name, endpoints.count()});
  if (!is_new) {
    const auto& [owner_namespace, owner] = check->second.service;
    problems.push_back({"Service", name, "spec.healthCheckNodePort",
                        absl::StrCat(port, " is taken by Service ", owner_namespace, "/", owner)});
  }
}

std::vector<HealthCheck> HealthChecks::ByPort() const {
  std::vector<HealthCheck> checks;
  for (const auto& [port, check] : by_port_) {
    checks.push_back(check);
  }
  return checks;
}

}  // namespace pollux::services
