// Pods and NetworkPolicies in few words, for tests.
// Threading: tests.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "control/kubernetes/objects.h"

namespace pollux::policies {

using kubernetes::Cluster;
using kubernetes::LabelRequirement;
using kubernetes::LabelSelector;
using kubernetes::NetworkPolicy;
using kubernetes::NetworkPolicyPeer;
using kubernetes::NetworkPolicyPort;
using kubernetes::NetworkPolicyRule;
using kubernetes::Pod;

inline constexpr auto kTcp = net::IpProtocol::kTcp;
inline constexpr auto kUdp = net::IpProtocol::kUdp;
inline constexpr auto kSctp = net::IpProtocol::kSctp;

inline net::IpAddress Ip(const std::string& text) { return net::IpAddress::Parse(text).value(); }
inline net::IpPrefix Cidr(const std::string& text) { return net::IpPrefix::Parse(text).value(); }

inline LabelSelector Labelled(kubernetes::Labels labels) {
  return {.match_labels = std::move(labels), .match_expressions = {}};
}

inline NetworkPolicyPeer PodsWith(LabelSelector selector) {
  return {.pod_selector = std::move(selector), .namespace_selector = {}, .ip_block = {}};
}
inline NetworkPolicyPeer NamespacesWith(LabelSelector selector) {
  return {.pod_selector = {}, .namespace_selector = std::move(selector), .ip_block = {}};
}
inline NetworkPolicyPeer Block(const std::string& cidr,
                               std::initializer_list<const char*> except = {}) {
  kubernetes::IpBlock block{.cidr = Cidr(cidr), .except = {}};
  for (const char* hole : except) {
    block.except.push_back(Cidr(hole));
  }
  return {.pod_selector = {}, .namespace_selector = {}, .ip_block = std::move(block)};
}

inline NetworkPolicyPort Port(std::uint16_t port, net::IpProtocol protocol = kTcp) {
  return {.protocol = protocol, .port = port, .end_port = {}};
}
inline NetworkPolicyPort Ports(std::uint16_t port, std::uint16_t end_port) {
  return {.protocol = kTcp, .port = port, .end_port = end_port};
}
inline NetworkPolicyPort Named(const std::string& name, net::IpProtocol protocol = kTcp) {
  return {.protocol = protocol, .port = name, .end_port = {}};
}
inline NetworkPolicyPort EveryPort(net::IpProtocol protocol) {
  return {.protocol = protocol, .port = {}, .end_port = {}};
}

// x/p for all pods of x.
inline NetworkPolicy Ingress(std::vector<NetworkPolicyRule> rules) {
  NetworkPolicy policy;
  policy.namespace_name = "x";
  policy.name = "p";
  policy.selects_ingress = true;
  policy.ingress = std::move(rules);
  return policy;
}
inline NetworkPolicy Egress(std::vector<NetworkPolicyRule> rules) {
  NetworkPolicy policy;
  policy.namespace_name = "x";
  policy.name = "p";
  policy.selects_egress = true;
  policy.egress = std::move(rules);
  return policy;
}

inline Pod PodAt(const std::string& namespace_name, const std::string& name, const std::string& ip,
                 kubernetes::Labels labels = {}) {
  Pod pod;
  pod.namespace_name = namespace_name;
  pod.name = name;
  pod.labels = std::move(labels);
  pod.ips = {Ip(ip)};
  return pod;
}

inline void Add(Cluster& cluster, Pod pod) {
  cluster.pods[{pod.namespace_name, pod.name}] = std::move(pod);
}
inline void Add(Cluster& cluster, NetworkPolicy policy) {
  cluster.network_policies[{policy.namespace_name, policy.name}] = std::move(policy);
}
inline void Add(Cluster& cluster, kubernetes::Namespace name_space) {
  cluster.namespaces[name_space.name] = std::move(name_space);
}

template <typename... Objects>
Cluster With(Objects... objects) {
  Cluster cluster;
  (Add(cluster, std::move(objects)), ...);
  return cluster;
}

template <typename Object, typename Change>
Object But(Object object, Change change) {
  change(object);
  return object;
}

}  // namespace pollux::policies
