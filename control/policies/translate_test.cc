#include "control/policies/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "control/policies/test_objects.h"
#include "policy/compiler.h"

namespace pollux::policies {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Asks for the label "app" of pods.
const NetworkPolicy kByApp =
    Ingress({{.peers = {PodsWith(Labelled({{"app", "web"}}))}, .ports = {}}});

TEST(Pods, ThatLookAlikeShareAProfile) {
  const Translation t = Translate(With(
      kByApp, PodAt("x", "a", "10.0.0.1", {{"app", "web"}, {"pod-template-hash", "1"}}),
      PodAt("x", "b", "10.0.0.2", {{"app", "web"}, {"pod-template-hash", "2"}}),
      PodAt("x", "c", "10.0.0.3", {{"app", "db"}}), PodAt("y", "a", "10.0.0.4", {{"app", "web"}})));
  EXPECT_THAT(t.pods, ElementsAre(PodIdentity{"x/a", 0, {Ip("10.0.0.1")}},
                                  PodIdentity{"x/b", 0, {Ip("10.0.0.2")}},
                                  PodIdentity{"x/c", 1, {Ip("10.0.0.3")}},
                                  PodIdentity{"y/a", 2, {Ip("10.0.0.4")}}));
  ASSERT_THAT(t.input->profiles, SizeIs(3));
  EXPECT_EQ(t.input->profiles[0].name_space, "x");
  EXPECT_EQ(t.input->profiles[0].labels, (policy::Labels{{"app", "web"}}))
      << "a label that no policy asks for is not seen";
  EXPECT_EQ(t.input->profiles[2].name_space, "y");
}

TEST(Pods, WhatPoliciesAskForIsSeen) {
  const auto profile_with = [](const NetworkPolicy& policy) {
    const Pod pod = But(PodAt("x", "a", "10.0.0.1", {{"a", "1"}, {"b", "2"}}), [](Pod& p) {
      p.ports = {{.name = "web", .container_port = 80, .host_ip = {}},
                 {.name = "web", .container_port = 81, .host_ip = {}},
                 {.name = "web", .protocol = kUdp, .container_port = 82, .host_ip = {}}};
    });
    const kubernetes::Namespace x{.name = "x", .labels = {{"a", "n"}, {"b", "m"}}};
    return Translate(With(pod, policy, x)).input->profiles.at(0);
  };
  const LabelSelector a = Labelled({{"a", "?"}});
  const auto subject = profile_with(But(Ingress({}), [&](auto& p) { p.pod_selector = a; }));
  EXPECT_EQ(subject.labels, (policy::Labels{{"a", "1"}}));
  EXPECT_THAT(subject.namespace_labels, IsEmpty());
  EXPECT_THAT(subject.named_ports, IsEmpty());

  const auto peer = profile_with(Egress({{.peers = {PodsWith(a)}, .ports = {}}}));
  EXPECT_EQ(peer.labels, (policy::Labels{{"a", "1"}}));
  const auto name_space = profile_with(Ingress({{.peers = {NamespacesWith(a)}, .ports = {}}}));
  EXPECT_EQ(name_space.namespace_labels, (policy::Labels{{"a", "n"}}));
  EXPECT_THAT(name_space.labels, IsEmpty());

  const auto named = profile_with(Egress({{.peers = {}, .ports = {Named("web")}}}));
  ASSERT_THAT(named.named_ports, SizeIs(1)) << "of this protocol";
  EXPECT_EQ(named.named_ports.begin()->second, 80) << "the first counts";

  const LabelSelector by_name = Labelled({{"kubernetes.io/metadata.name", "x"}});
  EXPECT_EQ(
      profile_with(Ingress({{.peers = {NamespacesWith(by_name)}, .ports = {}}})).namespace_labels,
      (policy::Labels{{"kubernetes.io/metadata.name", "x"}}))
      << "every namespace has it";
}

TEST(Pods, TheirAddresses) {
  const Pod a = PodAt("x", "a", "10.0.0.1");
  struct Row {
    const char* sentence;
    Pod pod;
    std::vector<net::IpAddress> ips;
  };
  const Row rows[] = {
      {"one", a, {Ip("10.0.0.1")}},
      {"dual stack",
       But(a, [](Pod& p) { p.ips.push_back(Ip("fd00::1")); }),
       {Ip("10.0.0.1"), Ip("fd00::1")}},
      {"the same twice", But(a, [](Pod& p) { p.ips.push_back(p.ips[0]); }), {Ip("10.0.0.1")}},
      {"none yet", But(a, [](Pod& p) { p.ips.clear(); }), {}},
      {"Succeeded: another pod may have it", But(a, [](Pod& p) { p.phase = "Succeeded"; }), {}},
      {"Failed", But(a, [](Pod& p) { p.phase = "Failed"; }), {}},
      {"Running", But(a, [](Pod& p) { p.phase = "Running"; }), {Ip("10.0.0.1")}},
      {"not ready", But(a, [](Pod& p) { p.ready = false; }), {Ip("10.0.0.1")}},
      {"terminating", But(a, [](Pod& p) { p.deleted = true; }), {Ip("10.0.0.1")}},
      {"on another node", But(a, [](Pod& p) { p.node_name = "there"; }), {Ip("10.0.0.1")}},
  };
  for (const Row& row : rows) {
    const Translation t = Translate(With(row.pod));
    EXPECT_THAT(t.pods, ElementsAre(PodIdentity{"x/a", 0, row.ips})) << row.sentence;
    EXPECT_THAT(t.problems, IsEmpty()) << row.sentence;
  }
  const Translation host = Translate(With(But(a, [](Pod& p) { p.host_network = true; })));
  EXPECT_THAT(host.pods, IsEmpty()) << "on its node's network a pod is its node";
  EXPECT_THAT(host.input->profiles, IsEmpty());
}

TEST(Pods, AnAddressIsOnePodsOnly) {
  const auto owners = [](const Pod& a, const Pod& b) {
    const Translation t = Translate(With(a, b));
    return std::tuple(t.pods.at(0).ips.size(), t.pods.at(1).ips.size(), t.problems);
  };
  const Pod a = PodAt("x", "a", "10.0.0.1");
  const Pod b = PodAt("x", "b", "10.0.0.1");
  const auto deleted = [](Pod& p) { p.deleted = true; };
  const auto done = [](Pod& p) { p.phase = "Succeeded"; };
  const kubernetes::ObjectProblem of_a{
      "Pod", {"x", "a"}, "status.podIPs[0]", "10.0.0.1 is that of Pod x/b"};
  const kubernetes::ObjectProblem of_b{
      "Pod", {"x", "b"}, "status.podIPs[0]", "10.0.0.1 is that of Pod x/a"};
  using Problems = kubernetes::ObjectProblems;
  EXPECT_EQ(owners(a, b), std::tuple(1U, 0U, Problems{of_b})) << "the first by name";
  EXPECT_EQ(owners(But(a, deleted), b), std::tuple(0U, 1U, Problems{of_a}))
      << "who terminates makes way";
  EXPECT_EQ(owners(But(a, done), b), std::tuple(0U, 1U, Problems{})) << "who is done has none";
}

TEST(Translate, UnchangedInputIsTheSameObject) {
  const Cluster before = With(kByApp, PodAt("x", "a", "10.0.0.1", {{"app", "web"}}));
  const Translation first = Translate(before);
  const auto after = [&](auto change) { return Translate(But(before, change), first.input).input; };
  EXPECT_EQ(after([](Cluster&) {}), first.input);
  EXPECT_EQ(after([](Cluster& c) {
              Add(c, PodAt("x", "b", "10.0.0.2", {{"app", "web"}}));
            }),
            first.input)
      << "one more of the kind";
  EXPECT_EQ(after([](Cluster& c) { c.pods.begin()->second.labels["version"] = "2"; }), first.input)
      << "a label that no policy asks for";
  EXPECT_NE(after([](Cluster& c) { c.pods.begin()->second.labels["app"] = "db"; }), first.input);
  EXPECT_NE(after([](Cluster& c) {
              c.network_policies.begin()->second.annotations["pollux.io/audit"] = "true";
            }),
            first.input);
  EXPECT_NE(after([](Cluster& c) { c.network_policies.begin()->second.ingress.clear(); }),
            first.input);
  EXPECT_NE(Translate(before).input, first.input);
}

TEST(Translate, PoliciesComeByNameWithTheirProblems) {
  NetworkPolicy wrong = Ingress({{.peers = {{}}, .ports = {}}});
  wrong.name = "a";
  const Translation t = Translate(With(kByApp, wrong));
  ASSERT_THAT(t.input->policies, SizeIs(2));
  EXPECT_EQ(t.input->policies[0].name, "a");
  EXPECT_EQ(t.input->policies[1].name, "p");
  ASSERT_THAT(t.problems, SizeIs(1));
  EXPECT_EQ(t.problems[0].object, kubernetes::ObjectName("x", "a"));
}

// Against the labels as they are, looked at policy by policy.
class Evaluator {
 public:
  Evaluator(const Cluster& cluster, const Translation& translation)
      : cluster_(cluster), t_(translation) {}

  [[nodiscard]] bool Allows(const Pod& from, const Pod& to, std::uint16_t port) const {
    bool isolated = false;
    bool allowed = false;
    for (const policy::Policy& policy : t_.input->policies) {
      if (policy.name_space == to.namespace_name && policy.pods.Matches(to.labels)) {
        isolated = true;
        for (const policy::Rule& rule : *policy.ingress) {
          allowed = allowed || (HasPeer(policy, rule, from) && HasPort(rule, to, port));
        }
      }
    }
    return allowed || !isolated;
  }

 private:
  [[nodiscard]] bool HasPeer(const policy::Policy& policy, const policy::Rule& rule,
                             const Pod& from) const {
    return std::any_of(rule.peers.begin(), rule.peers.end(), [&](const auto& peer) {
      const auto& pods = std::get<policy::PodPeers>(peer);
      const bool in_namespace =
          pods.namespaces
              ? pods.namespaces->Matches(kubernetes::NamespaceLabels(cluster_, from.namespace_name))
              : from.namespace_name == policy.name_space;
      return in_namespace && pods.pods.Matches(from.labels);
    });
  }
  [[nodiscard]] static bool HasPort(const policy::Rule& rule, const Pod& to, std::uint16_t port) {
    return std::any_of(rule.ports.begin(), rule.ports.end(), [&](const auto& match) {
      if (const auto* range = std::get_if<policy::PortRange>(&match)) {
        return port >= range->first && port <= range->last;
      }
      return std::any_of(to.ports.begin(), to.ports.end(), [&](const auto& own) {
        return own.name == std::get<policy::NamedPort>(match).name && own.container_port == port;
      });
    });
  }

  const Cluster& cluster_;
  const Translation& t_;
};

class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}
  [[nodiscard]] std::size_t Below(std::size_t n) { return random_() % n; }
  [[nodiscard]] std::string Of(std::initializer_list<const char*> words) {
    return *(words.begin() + static_cast<std::ptrdiff_t>(Below(words.size())));
  }
  [[nodiscard]] kubernetes::Labels Labels() {
    kubernetes::Labels labels;
    for (const char* key : {"a", "b", "c", "d"}) {
      if (Below(2) == 0) {
        labels[key] = Of({"1", "2"});
      }
    }
    return labels;
  }
  [[nodiscard]] LabelSelector Selector() {
    using Op = LabelRequirement::Operator;
    if (Below(4) == 0) {
      return {};
    }
    if (Below(2) == 0) {
      return Labelled({{Of({"a", "b", "c"}), Of({"1", "2"})}});
    }
    const Op op = std::array{Op::kIn, Op::kNotIn, Op::kExists, Op::kDoesNotExist}[Below(4)];
    const bool listed = op == Op::kIn || op == Op::kNotIn;
    return {.match_labels = {},
            .match_expressions = {
                {Of({"a", "b", "c"}), op,
                 listed ? std::vector<std::string>{"1"} : std::vector<std::string>{}}}};
  }

 private:
  std::mt19937 random_;
};

Cluster RandomCluster(Random& random) {
  Cluster cluster;
  for (const char* name : {"x", "y", "z"}) {
    Add(cluster, kubernetes::Namespace{.name = name, .labels = random.Labels()});
    for (const char* pod : {"p", "q", "r"}) {
      Pod made =
          PodAt(name, pod, "10.0.0." + std::to_string(cluster.pods.size() + 1), random.Labels());
      const auto port = static_cast<std::uint16_t>(80 + random.Below(2));
      made.ports = {{.name = random.Of({"web", "dns"}), .container_port = port, .host_ip = {}}};
      Add(cluster, made);
    }
  }
  for (const char* name : {"1", "2", "3"}) {
    NetworkPolicyPeer peer{
        .pod_selector = random.Selector(), .namespace_selector = {}, .ip_block = {}};
    if (random.Below(2) == 0) {
      peer.namespace_selector = random.Selector();
    }
    NetworkPolicy policy =
        Ingress({{.peers = {peer}, .ports = {random.Below(2) == 0 ? Named("web") : Port(80)}}});
    policy.name = name;
    policy.namespace_name = random.Of({"x", "y"});
    policy.pod_selector = random.Selector();
    Add(cluster, policy);
  }
  return cluster;
}

TEST(Translate, CompiledItDecidesByTheLabelsAsTheyAre) {
  int verdicts[2] = {0, 0};
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const Cluster cluster = RandomCluster(random);
    const Translation t = Translate(cluster);
    const auto compiled = policy::Compile(t.input->profiles, t.input->policies);
    const Evaluator evaluator(cluster, t);
    for (std::size_t i = 0; i < t.pods.size() * t.pods.size() * 2; ++i) {
      const std::size_t from = i / 2 % t.pods.size();
      const std::size_t to = i / 2 / t.pods.size();
      const auto port = static_cast<std::uint16_t>(80 + i % 2);
      const auto pod = [&](std::size_t n) {
        return std::next(cluster.pods.begin(), static_cast<std::ptrdiff_t>(n))->second;
      };
      const bool expected = evaluator.Allows(pod(from), pod(to), port);
      const auto judgement =
          compiled.Judge({.subject = compiled.profiles()[t.pods[to].profile].ingress,
                          .peer_profile = t.pods[from].profile,
                          .protocol = kTcp,
                          .port = port});
      ++verdicts[expected ? 1 : 0];
      ASSERT_EQ(judgement.allowed, expected) << "seed " << seed << ": " << t.pods[from].name
                                             << " to " << t.pods[to].name << " port " << port;
    }
  }
  EXPECT_GT(verdicts[0], 1000);
  EXPECT_GT(verdicts[1], 1000);
}

}  // namespace
}  // namespace pollux::policies
