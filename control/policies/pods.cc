#include "control/policies/pods.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

namespace pollux::policies {
namespace {

using kubernetes::Pod;
using policy::Profile;

// What policies ask for.
class Sight {
 public:
  explicit Sight(const std::vector<policy::Policy>& policies) {
    for (const policy::Policy& policy : policies) {
      Add(policy.pods, pod_keys_);
      Add(policy.ingress);
      Add(policy.egress);
    }
  }

  [[nodiscard]] Profile Of(const kubernetes::Labels& namespace_labels, const Pod& pod) const {
    Profile profile{.name_space = pod.namespace_name,
                    .namespace_labels = Seen(namespace_labels, namespace_keys_),
                    .labels = Seen(pod.labels, pod_keys_),
                    .named_ports = {}};
    for (const kubernetes::ContainerPort& port : pod.ports) {
      if (ports_.contains({port.name, port.protocol})) {  // of two with one name the first counts
        profile.named_ports.try_emplace({port.name, port.protocol}, port.container_port);
      }
    }
    return profile;
  }

 private:
  using Keys = std::set<std::string, std::less<>>;

  static void Add(const policy::Selector& selector, Keys& keys) {
    for (const policy::Requirement& requirement : selector.requirements) {
      keys.insert(requirement.key);
    }
  }
  void Add(const std::optional<std::vector<policy::Rule>>& rules) {
    for (const policy::Rule& rule : rules.value_or(std::vector<policy::Rule>())) {
      for (const policy::PeerMatch& peer : rule.peers) {
        if (const auto* pods = std::get_if<policy::PodPeers>(&peer)) {
          Add(pods->pods, pod_keys_);
          Add(pods->namespaces.value_or(policy::Selector()), namespace_keys_);
        }
      }
      for (const policy::PortMatch& port : rule.ports) {
        if (const auto* named = std::get_if<policy::NamedPort>(&port)) {
          ports_.emplace(named->name, named->protocol);
        }
      }
    }
  }
  static policy::Labels Seen(const kubernetes::Labels& labels, const Keys& keys) {
    policy::Labels seen;
    for (const auto& label : labels) {
      if (keys.contains(label.first)) {
        seen.insert(label);
      }
    }
    return seen;
  }

  Keys pod_keys_;
  Keys namespace_keys_;
  std::set<std::pair<std::string, net::IpProtocol>> ports_;
};

bool HoldsAddresses(const Pod& pod) { return pod.phase != "Succeeded" && pod.phase != "Failed"; }

// Whose an address is. A pod that is being deleted makes way for its successor.
class Addresses {
 public:
  Addresses(const kubernetes::Cluster& cluster, kubernetes::ObjectProblems& problems) {
    for (const bool deleted : {false, true}) {
      for (const auto& [name, pod] : cluster.pods) {
        if (pod.deleted == deleted && !pod.host_network && HoldsAddresses(pod)) {
          Take(pod, problems);
        }
      }
    }
  }

  [[nodiscard]] std::vector<net::IpAddress> Of(const Pod& pod) const {
    std::vector<net::IpAddress> ips;
    for (const net::IpAddress& ip : pod.ips) {
      const auto owner = owners_.find(ip);
      const bool is_new = std::find(ips.begin(), ips.end(), ip) == ips.end();
      if (is_new && owner != owners_.end() && owner->second == &pod) {
        ips.push_back(ip);
      }
    }
    return ips;
  }

 private:
  void Take(const Pod& pod, kubernetes::ObjectProblems& problems) {
    for (std::size_t i = 0; i < pod.ips.size(); ++i) {
      const auto [owner, is_new] = owners_.try_emplace(pod.ips[i], &pod);
      if (!is_new && owner->second != &pod) {
        problems.push_back({"Pod",
                            {pod.namespace_name, pod.name},
                            absl::StrCat("status.podIPs[", i, "]"),
                            absl::StrCat(pod.ips[i].ToString(), " is that of Pod ",
                                         owner->second->namespace_name, "/", owner->second->name)});
      }
    }
  }

  std::unordered_map<net::IpAddress, const Pod*> owners_;
};

}  // namespace

PodIdentities Identify(const kubernetes::Cluster& cluster,
                       const std::vector<policy::Policy>& policies,
                       kubernetes::ObjectProblems& problems) {
  const Sight sight(policies);
  const Addresses addresses(cluster, problems);
  std::map<std::string_view, kubernetes::Labels> namespaces;
  std::map<Profile, std::uint32_t> numbers;
  PodIdentities result;
  for (const auto& [name, pod] : cluster.pods) {
    if (pod.host_network) {
      continue;
    }
    const auto labels = namespaces.try_emplace(name.first);
    if (labels.second) {
      labels.first->second = kubernetes::NamespaceLabels(cluster, name.first);
    }
    const auto next = static_cast<std::uint32_t>(result.profiles.size());
    const auto [number, is_new] = numbers.try_emplace(sight.Of(labels.first->second, pod), next);
    if (is_new) {
      result.profiles.push_back(number->first);
    }
    result.pods.push_back(
        {absl::StrCat(name.first, "/", name.second), number->second, addresses.Of(pod)});
  }
  return result;
}

}  // namespace pollux::policies
