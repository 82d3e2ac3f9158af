// From one NetworkPolicy to the normal form that the compiler takes.
//
// A part of a rule that means nothing is reported and allows nothing; the rule keeps its number,
// which is that of the object's list.
// Source: kubernetes.io/docs/concepts/services-networking/network-policies/
// Threading: pure functions.
#pragma once

#include "control/kubernetes/network_policy.h"
#include "control/kubernetes/problem.h"
#include "policy/policy.h"

namespace pollux::policies {

// "true": the policy reports what it would deny, and denies nothing.
inline constexpr const char* kAuditAnnotation = "pollux.io/audit";

policy::Policy ToPolicy(const kubernetes::NetworkPolicy& policy,
                        kubernetes::ObjectProblems& problems);

}  // namespace pollux::policies
