#include "dataplane/identities.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pollux {
namespace {

// Profiles that some pod has, each once, numbered from 1.
class ProfileList {
 public:
  std::uint32_t NumberOf(const policy::Profile& profile) {
    const auto [at, fresh] =
        numbers_.try_emplace(profile, static_cast<std::uint32_t>(profiles_.size() + 1));
    if (fresh) {
      profiles_.push_back(profile);
    }
    return at->second;
  }
  [[nodiscard]] const std::vector<policy::Profile>& profiles() const { return profiles_; }

 private:
  std::map<policy::Profile, std::uint32_t> numbers_;
  std::vector<policy::Profile> profiles_;
};

using Pods = std::vector<tables::IdentityTable::Pod>;

void Add(Pods& pods, const std::vector<net::IpAddress>& addresses, std::uint32_t profile) {
  for (const net::IpAddress& ip : addresses) {
    pods.push_back({.ip = ip, .profile = profile});
  }
}

// Of pods that are attached here the endpoint knows the addresses.
Pods PodsOf(const ForwardingConfig& config, ProfileList& profiles) {
  std::unordered_map<std::string_view, const EndpointConfig*> attached;
  for (const EndpointConfig& endpoint : config.endpoints) {
    if (!endpoint.pod.empty()) {
      attached.emplace(endpoint.pod, &endpoint);
    }
  }
  Pods pods;
  Pods elsewhere;
  for (const auto& workload : config.workloads) {
    const std::uint32_t profile = profiles.NumberOf(workload->profile);
    const auto at = attached.find(workload->name);
    if (at != attached.end()) {
      Add(pods, at->second->addresses, profile);
    } else {
      Add(elsewhere, workload->addresses, profile);
    }
  }
  pods.insert(pods.end(), elsewhere.begin(), elsewhere.end());
  return pods;
}

std::vector<policy::Policy> PoliciesOf(const ForwardingConfig& config) {
  std::vector<policy::Policy> policies;
  policies.reserve(config.policies.size());
  for (const auto& policy : config.policies) {
    policies.push_back(*policy);
  }
  return policies;
}

// What the endpoints say about who has which address.
bool SamePods(const std::vector<EndpointConfig>& a, const std::vector<EndpointConfig>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const EndpointConfig& x, const EndpointConfig& y) {
                      return x.pod == y.pod && x.addresses == y.addresses;
                    });
}

}  // namespace

bool Identities::Judges(const net::IpAddress& ip) const {
  const tables::Identity identity = table->Of(ip);
  if (!identity.is_pod()) {
    return false;
  }
  const policy::CompiledPolicies::Sets& sets = policies->profiles()[identity.profile - 1];
  return sets.ingress != policy::kNoPolicySet || sets.egress != policy::kNoPolicySet;
}

bool SameIdentities(const ForwardingConfig& a, const ForwardingConfig& b) {
  return SamePods(a.endpoints, b.endpoints) && ForwardingConfig::Same(a.workloads, b.workloads) &&
         ForwardingConfig::Same(a.policies, b.policies);
}

Identities MakeIdentities(const ForwardingConfig& config) {
  ProfileList profiles;
  const Pods pods = PodsOf(config, profiles);
  Identities identities;
  identities.policies = std::make_shared<const policy::CompiledPolicies>(
      policy::Compile(profiles.profiles(), PoliciesOf(config)));
  std::vector<tables::RouteTrie::Route> cidrs;
  for (const policy::CompiledPolicies::Cidr& cidr : identities.policies->cidrs()) {
    cidrs.push_back({.prefix = cidr.prefix, .next_hop = cidr.id});
  }
  identities.table = std::make_shared<const tables::IdentityTable>(pods, cidrs);
  return identities;
}

}  // namespace pollux
