#include "policy/compiler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "policy/random_policies.h"
#include "policy/test_policies.h"

namespace pollux::policy {
namespace {

// The peer of a question: a pod of the list, or an address outside.
struct Peer {
  std::optional<std::uint32_t> profile;
  net::IpAddress address;
};

std::uint32_t LongestPrefix(const CompiledPolicies& compiled, const net::IpAddress& address) {
  std::uint32_t id = 0;
  int longest = -1;
  for (const auto& cidr : compiled.cidrs()) {
    if (cidr.prefix.Contains(address) && static_cast<int>(cidr.prefix.length()) > longest) {
      longest = static_cast<int>(cidr.prefix.length());
      id = cidr.id;
    }
  }
  return id;
}

Judgement Judge(const CompiledPolicies& compiled, Direction direction, std::uint32_t subject,
                const Peer& peer, net::IpProtocol protocol, std::uint16_t port) {
  const auto& sets = compiled.profiles()[subject];
  return compiled.Judge({.subject = direction == Direction::kIngress ? sets.ingress : sets.egress,
                         .peer_profile = peer.profile,
                         .peer_cidr = LongestPrefix(compiled, peer.address),
                         .protocol = protocol,
                         .port = port});
}

net::IpAddress Ip(const std::string& text) { return net::IpAddress::Parse(text).value(); }

// Pods 0: x/a, 1: x/b, 2: y/a with the addresses 10.0.0.1 and so on.
class CompilerTest : public testing::Test {
 protected:
  [[nodiscard]] static Peer PodPeer(std::uint32_t i) {
    return {i, Ip("10.0.0." + std::to_string(i + 1))};
  }
  [[nodiscard]] bool Allows(const Policy& policy, Direction direction, const Peer& peer,
                            net::IpProtocol protocol = kTcp, std::uint16_t port = 80) const {
    return Judge(Compile(pods_, {&policy, 1}), direction, 0, peer, protocol, port).allowed;
  }
  [[nodiscard]] bool LetsIn(const Rule& rule, const Peer& peer, net::IpProtocol protocol = kTcp,
                            std::uint16_t port = 80) const {
    return Allows(InX({{rule}}), Direction::kIngress, peer, protocol, port);
  }
  std::vector<Profile> pods_{Pod("x", "a"), Pod("x", "b"), Pod("y", "a")};
  const Peer outside_{{}, Ip("192.0.2.1")};
};

TEST_F(CompilerTest, WhatNoPolicySelectsIsOpen) {
  const CompiledPolicies compiled = Compile(pods_, {});
  EXPECT_EQ(compiled.profiles()[0].ingress, kNoPolicySet);
  EXPECT_TRUE(Judge(compiled, Direction::kIngress, 0, outside_, kTcp, 80).allowed);
  EXPECT_EQ(compiled.verdicts().size(), 0U);
}

TEST_F(CompilerTest, APolicyWithoutRulesIsolatesItsDirectionOnly) {
  EXPECT_FALSE(Allows(InX({{}}), Direction::kIngress, outside_));
  EXPECT_TRUE(Allows(InX({{}}), Direction::kEgress, outside_));
  EXPECT_FALSE(Allows(InX({}, {{}}), Direction::kEgress, outside_));
  Policy elsewhere = InX({{}});
  elsewhere.name_space = "y";
  EXPECT_TRUE(Allows(elsewhere, Direction::kIngress, outside_));
}

TEST_F(CompilerTest, AnEmptyRuleAllowsEverything) {
  EXPECT_TRUE(LetsIn({}, outside_));
  EXPECT_TRUE(LetsIn({}, PodPeer(2), kIcmp, 0));
}

TEST_F(CompilerTest, PodSelectorsMeanThePolicysNamespaceUnlessNamespacesAreNamed) {
  const Rule own{.peers = {PodPeers{.namespaces = {}, .pods = With("pod", "a")}}, .ports = {}};
  EXPECT_TRUE(LetsIn(own, PodPeer(0)));
  EXPECT_FALSE(LetsIn(own, PodPeer(1)));
  EXPECT_FALSE(LetsIn(own, PodPeer(2)));
  const Rule y{.peers = {PodPeers{.namespaces = With("ns", "y"), .pods = {}}}, .ports = {}};
  EXPECT_FALSE(LetsIn(y, PodPeer(0)));
  EXPECT_TRUE(LetsIn(y, PodPeer(2)));
  const Rule all{.peers = {PodPeers{.namespaces = Selector{}, .pods = {}}}, .ports = {}};
  EXPECT_TRUE(LetsIn(all, PodPeer(2)));
  EXPECT_FALSE(LetsIn(all, outside_)) << "all pods are not all the world";
}

TEST_F(CompilerTest, BlocksLeaveTheirExceptionsOutAndMeanPodsAsWell) {
  const Rule rule{.peers = {IpBlock{Cidr("192.0.2.0/24"), {Cidr("192.0.2.128/25")}}}, .ports = {}};
  EXPECT_TRUE(LetsIn(rule, {{}, Ip("192.0.2.127")}));
  EXPECT_FALSE(LetsIn(rule, {{}, Ip("192.0.2.128")}));
  EXPECT_FALSE(LetsIn(rule, {{}, Ip("192.0.3.1")}));
  EXPECT_FALSE(LetsIn(rule, {{}, Ip("2001:db8::1")}));
  EXPECT_TRUE(LetsIn({{IpBlock{Cidr("10.0.0.0/8"), {}}}, {}}, PodPeer(2)));
}

TEST_F(CompilerTest, AnExceptionOfOneBlockMayBeInsideAnother) {
  const Rule rule{.peers = {IpBlock{Cidr("10.0.0.0/8"), {Cidr("10.1.0.0/16")}},
                            IpBlock{Cidr("10.1.2.0/24"), {}}},
                  .ports = {}};
  EXPECT_TRUE(LetsIn(rule, {{}, Ip("10.2.0.1")}));
  EXPECT_FALSE(LetsIn(rule, {{}, Ip("10.1.1.1")}));
  EXPECT_TRUE(LetsIn(rule, {{}, Ip("10.1.2.1")}));
}

TEST_F(CompilerTest, PortsAreOfTheirProtocolAndIcmpHasNone) {
  const Rule http{.peers = {}, .ports = {Port(kTcp, 80), PortRange{kUdp, 1000, 1010}}};
  EXPECT_TRUE(LetsIn(http, outside_, kTcp, 80));
  EXPECT_FALSE(LetsIn(http, outside_, kTcp, 81));
  EXPECT_FALSE(LetsIn(http, outside_, kUdp, 80));
  EXPECT_TRUE(LetsIn(http, outside_, kUdp, 1010));
  EXPECT_FALSE(LetsIn(http, outside_, kUdp, 1011));
  EXPECT_FALSE(LetsIn(http, outside_, kIcmp, 80));
  const Rule all_tcp{.peers = {}, .ports = {PortRange{kTcp}}};
  EXPECT_TRUE(LetsIn(all_tcp, outside_, kTcp, 65535));
  EXPECT_FALSE(LetsIn(all_tcp, outside_, kSctp, 1));
}

TEST_F(CompilerTest, NamedPortsAreOfThePodThatIsConnectedTo) {
  pods_[0].named_ports[{"http", kTcp}] = 8080;
  pods_[1].named_ports[{"http", kTcp}] = 9090;
  const Rule named{.peers = {}, .ports = {NamedPort{kTcp, "http"}}};
  const Policy both = InX({{named}}, {{named}});
  EXPECT_TRUE(Allows(both, Direction::kIngress, PodPeer(1), kTcp, 8080));
  EXPECT_FALSE(Allows(both, Direction::kIngress, PodPeer(1), kTcp, 9090));
  EXPECT_TRUE(Allows(both, Direction::kEgress, PodPeer(1), kTcp, 9090));
  EXPECT_FALSE(Allows(both, Direction::kEgress, PodPeer(1), kTcp, 8080));
  EXPECT_FALSE(Allows(both, Direction::kEgress, outside_, kTcp, 9090));
}

TEST_F(CompilerTest, PoliciesAddUpAndTheRuleIsNamed) {
  const std::vector<Policy> policies = {InX({{}}),
                                        InX({{Rule{.peers = {}, .ports = {Port(kTcp, 1)}},
                                              Rule{.peers = {}, .ports = {Port(kTcp, 80)}}}})};
  const CompiledPolicies compiled = Compile(pods_, policies);
  const Judgement judgement = Judge(compiled, Direction::kIngress, 0, outside_, kTcp, 80);
  EXPECT_TRUE(judgement.allowed);
  EXPECT_EQ(judgement.rule, (RuleRef{1, 1}));
  EXPECT_EQ(compiled.PoliciesOf(compiled.profiles()[0].ingress).size(), 2U);
  EXPECT_EQ(compiled.profiles()[0].ingress, compiled.profiles()[1].ingress) << "shared";
}

TEST_F(CompilerTest, AnAuditedPolicyReportsAndChangesNothing) {
  Policy audited = InX({{Rule{.peers = {}, .ports = {Port(kTcp, 80)}}}});
  audited.audit = true;
  const CompiledPolicies alone = Compile(pods_, {&audited, 1});
  const Judgement other_port = Judge(alone, Direction::kIngress, 0, outside_, kTcp, 81);
  EXPECT_TRUE(other_port.allowed);
  EXPECT_TRUE(other_port.audit_denies);
  EXPECT_FALSE(Judge(alone, Direction::kIngress, 0, outside_, kTcp, 80).audit_denies);
  const std::vector<Policy> with_denial = {audited, InX({{}})};
  const CompiledPolicies both = Compile(pods_, with_denial);
  const Judgement denied = Judge(both, Direction::kIngress, 0, outside_, kTcp, 80);
  EXPECT_FALSE(denied.allowed) << "its rules add nothing";
  EXPECT_FALSE(denied.audit_denies);
}

// ---- Random policies against what the words say, read one by one.

bool SaysPeer(const PeerMatch& match, const Policy& policy, const std::vector<Profile>& pods,
              const Peer& peer) {
  if (const auto* block = std::get_if<IpBlock>(&match)) {
    bool inside = block->cidr.Contains(peer.address);
    for (const net::IpPrefix& except : block->except) {
      inside = inside && !except.Contains(peer.address);
    }
    return inside;
  }
  if (!peer.profile) {
    return false;
  }
  const Profile& pod = pods[*peer.profile];
  const auto& said = std::get<PodPeers>(match);
  const bool in_namespace = said.namespaces ? said.namespaces->Matches(pod.namespace_labels)
                                            : pod.name_space == policy.name_space;
  return in_namespace && said.pods.Matches(pod.labels);
}

bool SaysPort(const PortMatch& match, const Profile* target, net::IpProtocol protocol,
              std::uint16_t port) {
  if (const auto* range = std::get_if<PortRange>(&match)) {
    return range->protocol == protocol && range->first <= port && port <= range->last;
  }
  const auto& named = std::get<NamedPort>(match);
  if (target == nullptr || named.protocol != protocol) {
    return false;
  }
  const auto at = target->named_ports.find({named.name, protocol});
  return at != target->named_ports.end() && at->second == port;
}

struct Packet {
  Direction direction;
  std::uint32_t subject;
  Peer peer;
  net::IpProtocol protocol;
  std::uint16_t port;
};

bool SaysRule(const Rule& rule, const Policy& policy, const std::vector<Profile>& pods,
              const Packet& packet) {
  const Profile* peer = packet.peer.profile ? &pods[*packet.peer.profile] : nullptr;
  const Profile* target = packet.direction == Direction::kIngress ? &pods[packet.subject] : peer;
  const auto says_port = [&](const Profile* named_by) {
    return rule.ports.empty() ||
           std::any_of(rule.ports.begin(), rule.ports.end(), [&](const PortMatch& match) {
             return SaysPort(match, named_by, packet.protocol, packet.port);
           });
  };
  const auto says_both = [&](const PeerMatch& match) {
    const bool address_only =
        packet.direction == Direction::kEgress && std::holds_alternative<IpBlock>(match);
    return SaysPeer(match, policy, pods, packet.peer) && says_port(address_only ? nullptr : target);
  };
  return rule.peers.empty() ? says_port(target)
                            : std::any_of(rule.peers.begin(), rule.peers.end(), says_both);
}

struct Said {
  bool isolated = false;
  bool allowed = false;
};

Said SaysAll(const std::vector<Policy>& policies, bool audit, const std::vector<Profile>& pods,
             const Packet& packet) {
  Said said;
  for (const Policy& policy : policies) {
    const auto& rules = packet.direction == Direction::kIngress ? policy.ingress : policy.egress;
    const Profile& subject = pods[packet.subject];
    if (policy.audit != audit || !rules || policy.name_space != subject.name_space ||
        !policy.pods.Matches(subject.labels)) {
      continue;
    }
    said.isolated = true;
    for (const Rule& rule : *rules) {
      said.allowed = said.allowed || SaysRule(rule, policy, pods, packet);
    }
  }
  return said;
}

class PacketDice : public Dice {
 public:
  using Dice::Dice;
  Packet AnyPacket(std::size_t pods) {
    Packet packet{.direction = Once(2) ? Direction::kIngress : Direction::kEgress,
                  .subject = Below(static_cast<unsigned>(pods)),
                  .peer = {{}, Address()},
                  .protocol = Once(8) ? kIcmp : Protocol(),
                  .port = PortNumber()};
    if (Once(2)) {
      packet.peer.profile = Below(static_cast<unsigned>(pods));
    }
    return packet;
  }
};

TEST(CompilerRandom, SaysWhatThePoliciesSay) {
  unsigned denied = 0;
  unsigned audited = 0;
  for (std::uint64_t seed = 1; seed <= 10000; ++seed) {
    PacketDice dice(seed);
    const std::vector<Profile> pods = dice.Pods();
    const std::vector<Policy> policies = dice.Policies();
    const CompiledPolicies compiled = Compile(pods, policies);
    for (unsigned i = 0; i < 200; ++i) {
      const Packet p = dice.AnyPacket(pods.size());
      const Said enforced = SaysAll(policies, false, pods, p);
      const Said audit = SaysAll(policies, true, pods, p);
      const bool allowed = !enforced.isolated || enforced.allowed;
      const bool audit_denies = allowed && audit.isolated && !audit.allowed && !enforced.allowed;
      const Judgement judgement =
          Judge(compiled, p.direction, p.subject, p.peer, p.protocol, p.port);
      ASSERT_EQ(judgement.allowed, allowed) << "seed " << seed << ", packet " << i;
      ASSERT_EQ(judgement.audit_denies, audit_denies) << "seed " << seed << ", packet " << i;
      denied += allowed ? 0 : 1;
      audited += audit_denies ? 1 : 0;
    }
  }
  EXPECT_GT(denied, 250000U) << "of 2000000: they do meet";
  EXPECT_GT(audited, 25000U);
}

}  // namespace
}  // namespace pollux::policy
