// Who the pods are to policies: their addresses, and what policies see of them.
//
// Of a pod's labels and names of ports only those are kept that some policy asks for. So pods that
// differ by a hash, a revision or an ordinal are the same to policies, and a label that no policy
// asks for changes nothing.
// Source: kubernetes.io/docs/concepts/services-networking/network-policies/ ("NetworkPolicy and
// hostNetwork pods": those are their node, no selector finds them).
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "dataplane/net/address.h"
#include "policy/policy.h"

namespace pollux::policies {

struct PodIdentity {
  std::string name;  // NAMESPACE/POD, as its endpoint in the switch is called
  std::uint32_t profile = 0;
  std::vector<net::IpAddress> ips;  // none: not yet known, or not any more

  friend bool operator==(const PodIdentity&, const PodIdentity&) = default;
};

struct PodIdentities {
  std::vector<policy::Profile> profiles;  // none twice, each of some pod
  std::vector<PodIdentity> pods;          // by namespace and name; no address twice
};

// Of all nodes' pods: policies mean peers wherever they are.
PodIdentities Identify(const kubernetes::Cluster& cluster,
                       const std::vector<policy::Policy>& policies,
                       kubernetes::ObjectProblems& problems);

}  // namespace pollux::policies
