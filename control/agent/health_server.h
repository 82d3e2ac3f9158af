// Answers the load balancers that ask for healthCheckNodePort: has this node endpoints for you?
//
//   200   it has, and its switch is reached
//   503   it has none (left), or the switch is not reached: send your traffic to another node
//
// with the JSON that kube-proxy answers, on every path, and X-Load-Balancing-Endpoint-Weight.
// Source: kubernetes.io/docs/reference/networking/virtual-ips/ ("External traffic policy").
// Threading: one thread; the answers come from threads of their own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/kubernetes/problem.h"
#include "control/services/health_checks.h"
#include "dataplane/net/address.h"

namespace pollux::agent {

class HealthServer {
 public:
  HealthServer();
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;
  ~HealthServer();

  // Listens at these addresses of the host ("::": at any, of IPv4 as well) for these checks and no
  // others. Ports that others have are tried again with each call.
  void Serve(const std::vector<net::IpAddress>& addresses,
             const std::vector<services::HealthCheck>& checks, bool switch_is_reached);

  // Of the last Serve(): ports that could not be had.
  [[nodiscard]] const kubernetes::ObjectProblems& problems() const { return problems_; }

 private:
  class Listener;
  using Place = std::pair<std::string, std::uint16_t>;  // address, port

  std::map<Place, std::unique_ptr<Listener>> listeners_;
  kubernetes::ObjectProblems problems_;
};

}  // namespace pollux::agent
