// From Kubernetes' Services and their endpoints to the services of this node's switch.
//
// What can't be had is reported on its object and left out; the rest is served. What comes out is
// always something that the switch takes: names, and addresses with their ports, are unique.
// Source: kubernetes.io/docs/reference/networking/virtual-ips/
// Threading: pure functions.
#pragma once

#include <memory>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "control/services/health_checks.h"
#include "control/services/options.h"
#include "dataplane/core/service_config.h"

namespace pollux::services {

using ServiceConfigs = std::vector<std::shared_ptr<const core::ServiceConfig>>;

struct Translation {
  ServiceConfigs services;                 // by name
  std::vector<HealthCheck> health_checks;  // by port
  kubernetes::ObjectProblems problems;
};

// Of the services, those that are as in `previous` (the services of an earlier translation) are
// the same objects.
Translation Translate(const kubernetes::Cluster& cluster, const Options& options,
                      const ServiceConfigs& previous = {});

}  // namespace pollux::services
