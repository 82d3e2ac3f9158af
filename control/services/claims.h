// Who keeps an address and port that several objects ask for. The switch takes each only once.
//
// The stronger claim wins, then the older object: nobody takes over another's ClusterIP by an
// externalIP or a LoadBalancer status (CVE-2020-8554).
// Threading: pure functions.
#pragma once

#include <vector>

#include "control/kubernetes/problem.h"
#include "control/services/draft.h"

namespace pollux::services {

// Moves what each draft gets from `wanted` to its configuration, and reports what it doesn't get.
// Drafts that are equally old come in the order of preference. Drafts that get nothing, or whose
// name is taken, have no frontends.
void SettleClaims(std::vector<Draft>& drafts, kubernetes::ObjectProblems& problems);

}  // namespace pollux::services
