// Policies and pods in few words, for tests.
// Threading: tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "policy/policy.h"

namespace pollux::policy {

inline constexpr auto kTcp = net::IpProtocol::kTcp;
inline constexpr auto kUdp = net::IpProtocol::kUdp;
inline constexpr auto kSctp = net::IpProtocol::kSctp;
inline constexpr auto kIcmp = net::IpProtocol::kIcmp;

inline net::IpPrefix Cidr(const std::string& text) { return net::IpPrefix::Parse(text).value(); }

inline Selector With(const std::string& key, const std::string& value) {
  return {{{.key = key, .op = Operator::kIn, .values = {value}}}};
}

// Pod "a" of namespace "x" has the labels pod=a and ns=x.
inline Profile Pod(const std::string& name_space, const std::string& name) {
  return {.name_space = name_space,
          .namespace_labels = {{"ns", name_space}},
          .labels = {{"pod", name}},
          .named_ports = {}};
}

inline PortMatch Port(net::IpProtocol protocol, std::uint16_t port) {
  return PortRange{protocol, port, port};
}

// Selects all pods of namespace "x".
inline Policy InX(std::optional<std::vector<Rule>> ingress,
                  std::optional<std::vector<Rule>> egress = {}) {
  return {.name_space = "x",
          .name = "policy",
          .pods = {},
          .ingress = std::move(ingress),
          .egress = std::move(egress)};
}

}  // namespace pollux::policy
