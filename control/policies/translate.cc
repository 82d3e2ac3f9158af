#include "control/policies/translate.h"

#include <utility>

#include "control/policies/network_policy.h"

namespace pollux::policies {

Translation Translate(const kubernetes::Cluster& cluster,
                      const std::shared_ptr<const CompilerInput>& previous) {
  Translation result;
  CompilerInput input;
  for (const auto& [name, policy] : cluster.network_policies) {
    input.policies.push_back(ToPolicy(policy, result.problems));
  }
  PodIdentities identities = Identify(cluster, input.policies, result.problems);
  input.profiles = std::move(identities.profiles);
  result.pods = std::move(identities.pods);
  result.input = previous != nullptr && *previous == input
                     ? previous
                     : std::make_shared<const CompilerInput>(std::move(input));
  return result;
}

}  // namespace pollux::policies
