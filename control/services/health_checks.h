// What load balancers ask the nodes at healthCheckNodePort: who has endpoints for them?
// Source: kubernetes.io/docs/reference/networking/virtual-ips/ ("External traffic policy").
// Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_set>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "control/services/endpoint_slices.h"

namespace pollux::services {

struct HealthCheck {
  std::uint16_t port = 0;
  kubernetes::ObjectName service;
  std::uint32_t local_endpoints = 0;  // ready ones; 0: this node should get no traffic

  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

// Counts who is ready on this node, whatever the number of its ports and addresses.
class LocalEndpoints {
 public:
  void Add(const std::vector<Endpoint>& endpoints);
  [[nodiscard]] std::uint32_t count() const;

 private:
  std::unordered_set<net::IpAddress> v4_;
  std::unordered_set<net::IpAddress> v6_;
};

// Only Services of type LoadBalancer with the external traffic policy Local have one. A port that
// several ask for is the first one's.
class HealthChecks {
 public:
  void Add(const kubernetes::Service& service, const LocalEndpoints& endpoints,
           kubernetes::ObjectProblems& problems);
  [[nodiscard]] std::vector<HealthCheck> ByPort() const;

 private:
  std::map<std::uint16_t, HealthCheck> by_port_;
};

}  // namespace pollux::services
