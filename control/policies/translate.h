// From Kubernetes' NetworkPolicies, Pods and Namespaces to what the policy compiler takes, and who
// the pods are in its result.
// Source: kubernetes.io/docs/concepts/services-networking/network-policies/
// Threading: pure functions.
#pragma once

#include <memory>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "control/policies/pods.h"
#include "policy/policy.h"

namespace pollux::policies {

// The arguments of policy::Compile().
struct CompilerInput {
  std::vector<policy::Profile> profiles;  // PodIdentity::profile counts in it
  std::vector<policy::Policy> policies;   // by namespace and name

  friend bool operator==(const CompilerInput&, const CompilerInput&) = default;
};

struct Translation {
  std::shared_ptr<const CompilerInput> input;  // never null
  std::vector<PodIdentity> pods;               // without those on their node's network
  kubernetes::ObjectProblems problems;
};

// The input is `previous` itself if it has not changed: there is nothing to compile then.
Translation Translate(const kubernetes::Cluster& cluster,
                      const std::shared_ptr<const CompilerInput>& previous = nullptr);

}  // namespace pollux::policies
