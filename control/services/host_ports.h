// hostPort of this node's Pods: each is a service of the switch with one backend per family.
// Source: kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ ("Ports"); the CNI
// plugin `portmap` does this elsewhere.
// Threading: pure functions.
#pragma once

#include <vector>

#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "control/services/draft.h"
#include "control/services/frontends.h"
#include "control/services/options.h"

namespace pollux::services {

// In the order of preference: a Pod that is being deleted makes way for its successor.
std::vector<Draft> HostPorts(const kubernetes::Cluster& cluster, const Options& options,
                             const NodeAddresses& nodes, kubernetes::ObjectProblems& problems);

}  // namespace pollux::services
