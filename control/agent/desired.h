// What the switch should have, of a cluster as this node sees it.
// Threading: one thread.
#pragma once

#include <memory>
#include <vector>

#include "control/agent/flags.h"
#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "control/policies/translate.h"
#include "control/services/translate.h"
#include "control/state/state.h"

namespace pollux::agent {

class Desired {
 public:
  explicit Desired(const Options& options) : options_(options) {}

  // Shares with the state before what is equal.
  void Update(const kubernetes::Cluster& cluster);

  [[nodiscard]] const control::State& state() const { return state_; }
  // Parts of objects that cannot be had.
  [[nodiscard]] const kubernetes::ObjectProblems& problems() const { return problems_; }
  [[nodiscard]] const std::vector<services::HealthCheck>& health_checks() const {
    return health_checks_;
  }
  // Where they may be asked: the node's addresses that serve NodePorts, or "::", any.
  [[nodiscard]] const std::vector<net::IpAddress>& health_addresses() const {
    return health_addresses_;
  }

 private:
  [[nodiscard]] services::Options ServiceOptions(const kubernetes::Cluster& cluster) const;
  void UpdateServices(const kubernetes::Cluster& cluster);
  void UpdatePolicies(const kubernetes::Cluster& cluster);
  void UpdateCluster(const kubernetes::Cluster& cluster);

  const Options options_;
  control::State state_;
  kubernetes::ObjectProblems problems_;
  services::ServiceConfigs services_;
  std::vector<services::HealthCheck> health_checks_;
  std::vector<net::IpAddress> health_addresses_;
  std::shared_ptr<const policies::CompilerInput> policies_;
};

}  // namespace pollux::agent
