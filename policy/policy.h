// Network policies in normal form: what the compiler takes. Knows no API; defaults are filled in.
// Source: Kubernetes, NetworkPolicySpec of networking.k8s.io/v1, whose words are used.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"
#include "policy/selector.h"

namespace pollux::policy {

// All that policies see of a pod. Pods that look alike share one.
struct Profile {
  std::string name_space;
  Labels namespace_labels;
  Labels labels;
  std::map<std::pair<std::string, net::IpProtocol>, std::uint16_t> named_ports;  // of containers

  friend auto operator<=>(const Profile&, const Profile&) = default;
};

struct PortRange {
  net::IpProtocol protocol;  // TCP, UDP or SCTP
  std::uint16_t first = 0;
  std::uint16_t last = 65535;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};
// Of the pod that is connected to. Means nothing where the rule knows that one by its address only.
struct NamedPort {
  net::IpProtocol protocol;
  std::string name;
  friend bool operator==(const NamedPort&, const NamedPort&) = default;
};
using PortMatch = std::variant<PortRange, NamedPort>;

struct PodPeers {
  std::optional<Selector> namespaces;  // none: the policy's own
  Selector pods;
  friend bool operator==(const PodPeers&, const PodPeers&) = default;
};
// Addresses of pods as well.
struct IpBlock {
  net::IpPrefix cidr;
  std::vector<net::IpPrefix> except;
  friend bool operator==(const IpBlock&, const IpBlock&) = default;
};
using PeerMatch = std::variant<PodPeers, IpBlock>;

struct Rule {
  std::vector<PeerMatch> peers;  // none: everybody
  std::vector<PortMatch> ports;  // none: everything, ICMP and other protocols as well
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Policy {
  std::string name_space;
  std::string name;
  Selector pods;       // of its namespace
  bool audit = false;  // reports what it would deny, denies and allows nothing
  // None: says nothing about this direction. Without rules: isolates.
  std::optional<std::vector<Rule>> ingress;
  std::optional<std::vector<Rule>> egress;
  friend bool operator==(const Policy&, const Policy&) = default;
};

// A rule of a list of policies: both count from 0, the rule within its direction.
struct RuleRef {
  std::uint32_t policy;
  std::uint32_t rule;
  friend auto operator<=>(RuleRef, RuleRef) = default;
};

}  // namespace pollux::policy
