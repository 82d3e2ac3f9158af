// Random pods and policies, for tests that ask the same question in two ways.
// Threading: tests.
#pragma once

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "policy/test_policies.h"

namespace pollux::policy {

// Few values of each kind, so that they meet.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  unsigned Below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool Once(unsigned in) { return Below(in) == 0; }
  net::IpProtocol Protocol() { return std::array{kTcp, kUdp, kSctp}[Below(3)]; }
  std::uint16_t PortNumber() {
    return std::array<std::uint16_t, 7>{0, 79, 80, 81, 1000, 8080, 65535}[Below(7)];
  }
  std::string Name() { return std::string(1, static_cast<char>('a' + Below(3))); }
  net::IpAddress Address() {
    return net::IpAddress::Parse(Once(4) ? absl::StrCat("2001:db8::", Below(3))
                                         : absl::StrCat("10.0.", Below(3), ".", Below(4)))
        .value();
  }
  net::IpPrefix Prefix() {
    const net::IpAddress address = Address();
    const unsigned lengths[] = {0, 8, 22, 24, 30, 31, 32};
    return {address, lengths[Below(7)] + (address.is_v6() ? 96 : 0)};
  }
  Selector Labelled(const std::string& key) {
    const auto op = static_cast<Operator>(Below(4));
    Selector selector;
    if (!Once(3)) {
      selector.requirements.push_back({.key = Once(8) ? "other" : key, .op = op, .values = {}});
      if (op == Operator::kIn || op == Operator::kNotIn) {
        selector.requirements[0].values = {Name(), Name()};
      }
    }
    return selector;
  }
  PeerMatch AnyPeer() {
    if (Once(2)) {
      IpBlock block{Prefix(), {}};
      while (Once(2)) {
        block.except.push_back(Prefix());
      }
      return block;
    }
    PodPeers pods{.namespaces = {}, .pods = Labelled("pod")};
    if (Once(2)) {
      pods.namespaces = Labelled("ns");
    }
    return pods;
  }
  PortMatch AnyPort() {
    if (Once(3)) {
      return NamedPort{Protocol(), Name()};
    }
    const auto [first, last] = std::minmax({PortNumber(), PortNumber()});
    return PortRange{Protocol(), first, last};
  }
  std::optional<std::vector<Rule>> Rules() {
    if (Once(3)) {
      return std::nullopt;
    }
    std::vector<Rule> rules(Below(3));
    for (Rule& rule : rules) {
      for (unsigned n = Below(3); n > 0; --n) {
        rule.peers.push_back(AnyPeer());
      }
      for (unsigned n = Below(3); n > 0; --n) {
        rule.ports.push_back(AnyPort());
      }
    }
    return rules;
  }
  std::vector<Policy> Policies() {
    std::vector<Policy> policies(Below(5));
    for (std::size_t i = 0; i < policies.size(); ++i) {
      policies[i] = {.name_space = Name(),
                     .name = std::to_string(i),
                     .pods = Labelled("pod"),
                     .audit = Once(4),
                     .ingress = Rules(),
                     .egress = Rules()};
    }
    return policies;
  }
  std::vector<Profile> Pods() {
    std::vector<Profile> pods;
    for (unsigned i = 0; i < 6; ++i) {
      pods.push_back(Pod(Name(), Name()));
      while (Once(2)) {
        pods.back().named_ports[{Name(), Protocol()}] = PortNumber();
      }
    }
    return pods;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace pollux::policy
