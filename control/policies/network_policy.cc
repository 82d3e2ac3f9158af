#include "control/policies/network_policy.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace pollux::policies {
namespace {

using kubernetes::LabelRequirement;
using kubernetes::LabelSelector;
using kubernetes::NetworkPolicy;
using kubernetes::NetworkPolicyPeer;
using kubernetes::NetworkPolicyPort;
using kubernetes::NetworkPolicyRule;

policy::Operator ToOperator(LabelRequirement::Operator op) {
  switch (op) {
    case LabelRequirement::Operator::kIn:
      return policy::Operator::kIn;
    case LabelRequirement::Operator::kNotIn:
      return policy::Operator::kNotIn;
    case LabelRequirement::Operator::kExists:
      return policy::Operator::kExists;
    case LabelRequirement::Operator::kDoesNotExist:
      return policy::Operator::kDoesNotExist;
  }
  return policy::Operator::kExists;
}

policy::Selector ToSelector(const LabelSelector& selector) {
  policy::Selector result;
  for (const auto& [key, value] : selector.match_labels) {
    result.requirements.push_back({key, policy::Operator::kIn, {value}});
  }
  for (const LabelRequirement& requirement : selector.match_expressions) {
    result.requirements.push_back(
        {requirement.key, ToOperator(requirement.op), requirement.values});
  }
  return result;
}

// Of a rule none of whose peers or ports means anything: an empty list would mean everything.
policy::Rule NothingAtAll() {
  const policy::Selector nobody{{{.key = "", .op = policy::Operator::kIn, .values = {}}}};
  return {.peers = {policy::PodPeers{.namespaces = {}, .pods = nobody}}, .ports = {}};
}

// One direction of one policy.
class RuleTranslator {
 public:
  RuleTranslator(const NetworkPolicy& policy, const char* direction, const char* peers,
                 kubernetes::ObjectProblems& problems)
      : policy_(policy), direction_(direction), peers_(peers), problems_(problems) {}

  std::vector<policy::Rule> Translate(const std::vector<NetworkPolicyRule>& rules) {
    std::vector<policy::Rule> result;
    for (const NetworkPolicyRule& rule : rules) {
      const std::string path = absl::StrCat("spec.", direction_, "[", result.size(), "]");
      policy::Rule translated{ToPeers(rule, path), ToPorts(rule, path)};
      const bool nobody = translated.peers.empty() && !rule.peers.empty();
      const bool nowhere = translated.ports.empty() && !rule.ports.empty();
      result.push_back(nobody || nowhere ? NothingAtAll() : std::move(translated));
    }
    return result;
  }

 private:
  std::vector<policy::PeerMatch> ToPeers(const NetworkPolicyRule& rule, const std::string& path) {
    std::vector<policy::PeerMatch> peers;
    for (std::size_t i = 0; i < rule.peers.size(); ++i) {
      if (auto peer = ToPeer(rule.peers[i])) {
        peers.push_back(*std::move(peer));
      } else {
        Report(absl::StrCat(path, ".", peers_, "[", i, "]"),
               "needs selectors, or an ipBlock alone");
      }
    }
    return peers;
  }

  static std::optional<policy::PeerMatch> ToPeer(const NetworkPolicyPeer& peer) {
    const bool selects = peer.pod_selector || peer.namespace_selector;
    if (selects == peer.ip_block.has_value()) {
      return std::nullopt;
    }
    if (peer.ip_block) {
      return policy::IpBlock{peer.ip_block->cidr, peer.ip_block->except};
    }
    policy::PodPeers pods;
    if (peer.namespace_selector) {
      pods.namespaces = ToSelector(*peer.namespace_selector);
    }
    if (peer.pod_selector) {
      pods.pods = ToSelector(*peer.pod_selector);
    }
    return pods;
  }

  std::vector<policy::PortMatch> ToPorts(const NetworkPolicyRule& rule, const std::string& path) {
    std::vector<policy::PortMatch> ports;
    for (std::size_t i = 0; i < rule.ports.size(); ++i) {
      const std::string field = absl::StrCat(path, ".ports[", i, "]");
      if (auto port = ToPort(rule.ports[i], field)) {
        ports.push_back(*std::move(port));
        CheckName(rule, ports.back(), field);
      }
    }
    return ports;
  }

  std::optional<policy::PortMatch> ToPort(const NetworkPolicyPort& port, const std::string& field) {
    if (!port.port) {
      return Range({.protocol = port.protocol}, port.end_port.has_value(), field);
    }
    if (const auto* name = std::get_if<std::string>(&*port.port)) {
      if (port.end_port) {
        Report(field + ".endPort", "needs a port that is a number");
        return std::nullopt;
      }
      return policy::NamedPort{port.protocol, *name};
    }
    const std::uint16_t first = std::get<std::uint16_t>(*port.port);
    const std::uint16_t last = port.end_port.value_or(first);
    return Range({port.protocol, first, last}, last < first, field);
  }

  std::optional<policy::PortMatch> Range(policy::PortRange range, bool is_wrong,
                                         const std::string& field) {
    if (is_wrong) {
      Report(field + ".endPort", "is not the end of a range of ports");
      return std::nullopt;
    }
    return range;
  }

  // Egress asks the pod at the other end what its port is called.
  void CheckName(const NetworkPolicyRule& rule, const policy::PortMatch& port,
                 const std::string& field) {
    const bool only_addresses =
        !rule.peers.empty() &&
        std::all_of(rule.peers.begin(), rule.peers.end(),
                    [](const NetworkPolicyPeer& peer) { return peer.ip_block.has_value(); });
    if (std::string_view(direction_) == "egress" && only_addresses &&
        std::holds_alternative<policy::NamedPort>(port)) {
      Report(field + ".port", "is a name, which the addresses of an ipBlock don't have");
    }
  }

  void Report(std::string field, std::string text) {
    problems_.push_back({"NetworkPolicy",
                         {policy_.namespace_name, policy_.name},
                         std::move(field),
                         std::move(text)});
  }

  const NetworkPolicy& policy_;
  const char* direction_;
  const char* peers_;
  kubernetes::ObjectProblems& problems_;
};

// When in doubt the policy is enforced.
bool IsAudited(const NetworkPolicy& policy, kubernetes::ObjectProblems& problems) {
  const auto annotation = policy.annotations.find(kAuditAnnotation);
  if (annotation == policy.annotations.end()) {
    return false;
  }
  if (annotation->second != "true" && annotation->second != "false") {
    problems.push_back({"NetworkPolicy",
                        {policy.namespace_name, policy.name},
                        absl::StrCat("metadata.annotations[", kAuditAnnotation, "]"),
                        "is neither \"true\" nor \"false\": the policy is enforced"});
  }
  return annotation->second == "true";
}

}  // namespace

policy::Policy ToPolicy(const NetworkPolicy& policy, kubernetes::ObjectProblems& problems) {
  policy::Policy result;
  result.name_space = policy.namespace_name;
  result.name = policy.name;
  result.pods = ToSelector(policy.pod_selector);
  result.audit = IsAudited(policy, problems);
  if (policy.selects_ingress) {
    result.ingress = RuleTranslator(policy, "ingress", "from", problems).Translate(policy.ingress);
  }
  if (policy.selects_egress) {
    result.egress = RuleTranslator(policy, "egress", "to", problems).Translate(policy.egress);
  }
  return result;
}

}  // namespace pollux::policies
