// NetworkPolicy of networking.k8s.io/v1, whole, as a value. An absent selector, an empty one and an
// absent list mean different things there, hence the optionals.
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
// Threading: plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::kubernetes {

using Labels = std::map<std::string, std::string, std::less<>>;

// A port by number or by the name that a container gives it.
using IntOrString = std::variant<std::uint16_t, std::string>;

struct LabelRequirement {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };

  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values;  // only of kIn and kNotIn, never empty there

  friend bool operator==(const LabelRequirement&, const LabelRequirement&) = default;
};

// All must hold; the empty one selects everything.
struct LabelSelector {
  Labels match_labels;
  std::vector<LabelRequirement> match_expressions;

  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};

struct IpBlock {
  net::IpPrefix cidr;
  std::vector<net::IpPrefix> except;  // each strictly inside cidr

  friend bool operator==(const IpBlock&, const IpBlock&) = default;
};

// Either ip_block alone, or at least one of the selectors.
struct NetworkPolicyPeer {
  std::optional<LabelSelector> pod_selector;
  std::optional<LabelSelector> namespace_selector;
  std::optional<IpBlock> ip_block;

  friend bool operator==(const NetworkPolicyPeer&, const NetworkPolicyPeer&) = default;
};

struct NetworkPolicyPort {
  net::IpProtocol protocol = net::IpProtocol::kTcp;
  std::optional<IntOrString> port;        // none: every port
  std::optional<std::uint16_t> end_port;  // not below the number in `port`

  friend bool operator==(const NetworkPolicyPort&, const NetworkPolicyPort&) = default;
};

struct NetworkPolicyRule {
  std::vector<NetworkPolicyPeer> peers;  // `from` or `to`; empty: everybody
  std::vector<NetworkPolicyPort> ports;  // empty: every port

  friend bool operator==(const NetworkPolicyRule&, const NetworkPolicyRule&) = default;
};

struct NetworkPolicy {
  std::string namespace_name;
  std::string name;
  Labels annotations;
  LabelSelector pod_selector;
  bool selects_ingress = false;  // policyTypes, with Kubernetes' default filled in
  bool selects_egress = false;
  std::vector<NetworkPolicyRule> ingress;
  std::vector<NetworkPolicyRule> egress;

  friend bool operator==(const NetworkPolicy&, const NetworkPolicy&) = default;
};

}  // namespace pollux::kubernetes
