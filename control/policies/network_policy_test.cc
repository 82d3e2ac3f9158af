#include "control/policies/network_policy.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/policies/test_objects.h"

namespace pollux::policies {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

std::string Text(const policy::Selector& selector) {
  constexpr const char* kOperators[] = {" in", " notin", " exists", " absent"};
  std::string text;
  for (const policy::Requirement& requirement : selector.requirements) {
    absl::StrAppend(&text, text.empty() ? "" : " & ", requirement.key,
                    kOperators[static_cast<std::size_t>(requirement.op)]);
    for (const std::string& value : requirement.values) {
      absl::StrAppend(&text, " ", value);
    }
  }
  return text.empty() ? "all" : text;
}

std::string Text(const policy::PeerMatch& peer) {
  if (const auto* block = std::get_if<policy::IpBlock>(&peer)) {
    std::string text = block->cidr.ToString();
    for (const net::IpPrefix& hole : block->except) {
      absl::StrAppend(&text, " but ", hole.ToString());
    }
    return text;
  }
  const auto& pods = std::get<policy::PodPeers>(peer);
  return absl::StrCat(pods.namespaces ? Text(*pods.namespaces) : "own", " / ", Text(pods.pods));
}

std::string Text(const policy::PortMatch& port) {
  if (const auto* named = std::get_if<policy::NamedPort>(&port)) {
    return absl::StrCat(static_cast<unsigned>(named->protocol), ":", named->name);
  }
  const auto& range = std::get<policy::PortRange>(port);
  return absl::StrCat(static_cast<unsigned>(range.protocol), ":", range.first, "-", range.last);
}

// PEERS -> PORTS of each rule.
std::string Text(const std::optional<std::vector<policy::Rule>>& rules) {
  if (!rules) {
    return "says nothing";
  }
  std::string text;
  for (const policy::Rule& rule : *rules) {
    absl::StrAppend(&text, text.empty() ? "" : "; ");
    for (const policy::PeerMatch& peer : rule.peers) {
      absl::StrAppend(&text, "[", Text(peer), "]");
    }
    absl::StrAppend(&text, "->");
    for (const policy::PortMatch& port : rule.ports) {
      absl::StrAppend(&text, " ", Text(port));
    }
  }
  return text.empty() ? "isolates" : text;
}

LabelSelector Expression(const char* key, LabelRequirement::Operator op,
                         std::vector<std::string> values) {
  return {.match_labels = {}, .match_expressions = {{key, op, std::move(values)}}};
}

struct Row {
  const char* sentence;
  NetworkPolicy policy;
  const char* ingress;
  const char* egress = "says nothing";
  const char* problems = "";
};

void Check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    kubernetes::ObjectProblems problems;
    const policy::Policy policy = ToPolicy(row.policy, problems);
    EXPECT_EQ(Text(policy.ingress), row.ingress) << row.sentence;
    EXPECT_EQ(Text(policy.egress), row.egress) << row.sentence;
    std::string text;
    for (const kubernetes::ObjectProblem& problem : problems) {
      EXPECT_EQ(problem.kind, "NetworkPolicy");
      EXPECT_EQ(problem.object, kubernetes::ObjectName("x", "p"));
      absl::StrAppend(&text, text.empty() ? "" : ", ", problem.field, ": ", problem.text);
    }
    EXPECT_EQ(text, row.problems) << row.sentence;
  }
}

TEST(NetworkPolicy, PolicyTypes) {
  const NetworkPolicyRule all{.peers = {}, .ports = {}};
  Check({
      {"ingress without rules", Ingress({}), "isolates"},
      {"egress without rules", Egress({}), "says nothing", "isolates"},
      {"both", But(Ingress({}), [](auto& p) { p.selects_egress = true; }), "isolates", "isolates"},
      {"neither", But(Ingress({}), [](auto& p) { p.selects_ingress = false; }), "says nothing"},
      {"rules of a type that is not selected do not count",
       But(Egress({}), [&](auto& p) { p.ingress = {all}; }), "says nothing", "isolates"},
      {"an empty rule allows everything", Ingress({all}), "->"},
      {"egress, too", Egress({all}), "says nothing", "->"},
  });
}

TEST(NetworkPolicy, Peers) {
  using Op = LabelRequirement::Operator;
  const auto from = [](std::vector<NetworkPolicyPeer> peers) {
    return Ingress({{.peers = std::move(peers), .ports = {}}});
  };
  NetworkPolicyPeer both = PodsWith(Labelled({{"a", "1"}}));
  both.namespace_selector = Labelled({{"b", "2"}});
  Check({
      {"a podSelector is for the policy's namespace", from({PodsWith(Labelled({{"a", "1"}}))}),
       "[own / a in 1]->"},
      {"an empty one is all of its pods", from({PodsWith({})}), "[own / all]->"},
      {"a namespaceSelector is for all pods there", from({NamespacesWith(Labelled({{"b", "2"}}))}),
       "[b in 2 / all]->"},
      {"an empty one is every namespace", from({NamespacesWith({})}), "[all / all]->"},
      {"both in one peer: and", from({both}), "[b in 2 / a in 1]->"},
      {"two peers: or",
       from({PodsWith(Labelled({{"a", "1"}})), NamespacesWith(Labelled({{"b", "2"}}))}),
       "[own / a in 1][b in 2 / all]->"},
      {"all labels must match", from({PodsWith(Labelled({{"a", "1"}, {"b", "2"}}))}),
       "[own / a in 1 & b in 2]->"},
      {"In", from({PodsWith(Expression("a", Op::kIn, {"1", "2"}))}), "[own / a in 1 2]->"},
      {"NotIn", from({PodsWith(Expression("a", Op::kNotIn, {"1"}))}), "[own / a notin 1]->"},
      {"Exists", from({PodsWith(Expression("a", Op::kExists, {}))}), "[own / a exists]->"},
      {"DoesNotExist", from({PodsWith(Expression("a", Op::kDoesNotExist, {}))}),
       "[own / a absent]->"},
      {"ipBlock", from({Block("10.0.0.0/8", {"10.1.0.0/16", "10.2.0.0/16"})}),
       "[10.0.0.0/8 but 10.1.0.0/16 but 10.2.0.0/16]->"},
      {"ipBlock of IPv6", from({Block("fd00::/8")}), "[fd00::/8]->"},
  });
}

TEST(NetworkPolicy, PortsOfRules) {
  const auto at = [](std::vector<NetworkPolicyPort> ports) {
    return Ingress({{.peers = {}, .ports = std::move(ports)}});
  };
  Check({
      {"a number", at({Port(80)}), "-> 6:80-80"},
      {"a range", at({Ports(32000, 32768)}), "-> 6:32000-32768"},
      {"a range of one", at({Ports(80, 80)}), "-> 6:80-80"},
      {"every port of a protocol", at({EveryPort(kSctp)}), "-> 132:0-65535"},
      {"a name", at({Named("web", kUdp)}), "-> 17:web"},
      {"several", at({Port(80), Port(81, kUdp), Named("web")}), "-> 6:80-80 17:81-81 6:web"},
      {"egress", Egress({{.peers = {Block("10.0.0.0/8")}, .ports = {Port(5978)}}}), "says nothing",
       "[10.0.0.0/8]-> 6:5978-5978"},
      {"a name in egress is the other pod's",
       Egress({{.peers = {PodsWith({})}, .ports = {Named("web")}}}), "says nothing",
       "[own / all]-> 6:web"},
  });
}

TEST(NetworkPolicy, WhatMeansNothingIsToldAndAllowsNothing) {
  const char* nothing = "[own /  in]->";  // a key that is in no value
  NetworkPolicyPeer mixed = Block("10.0.0.0/8");
  mixed.pod_selector = LabelSelector{};
  const auto rule = [](std::vector<NetworkPolicyPeer> peers, std::vector<NetworkPolicyPort> ports) {
    return NetworkPolicyRule{std::move(peers), std::move(ports)};
  };
  const auto named_range = But(Named("web"), [](auto& p) { p.end_port = 90; });
  const auto open_range = But(EveryPort(kTcp), [](auto& p) { p.end_port = 90; });
  Check({
      {"an empty peer", Ingress({rule({{}}, {})}), nothing, "says nothing",
       "spec.ingress[0].from[0]: needs selectors, or an ipBlock alone"},
      {"a peer that is a block and pods", Egress({rule({mixed}, {})}), "says nothing", nothing,
       "spec.egress[0].to[0]: needs selectors, or an ipBlock alone"},
      {"the other peers count, and the other rules keep their numbers",
       Ingress({rule({mixed}, {}), rule({{}, PodsWith({})}, {Port(80)})}),
       "[own /  in]->; [own / all]-> 6:80-80", "says nothing",
       "spec.ingress[0].from[0]: needs selectors, or an ipBlock alone, "
       "spec.ingress[1].from[0]: needs selectors, or an ipBlock alone"},
      {"endPort before port", Ingress({rule({}, {Ports(80, 79)})}), nothing, "says nothing",
       "spec.ingress[0].ports[0].endPort: is not the end of a range of ports"},
      {"endPort without port", Ingress({rule({}, {open_range})}), nothing, "says nothing",
       "spec.ingress[0].ports[0].endPort: is not the end of a range of ports"},
      {"endPort of a name", Ingress({rule({}, {named_range, Port(80)})}), "-> 6:80-80",
       "says nothing", "spec.ingress[0].ports[0].endPort: needs a port that is a number"},
      {"a name at addresses", Egress({rule({Block("10.0.0.0/8")}, {Port(80), Named("web")})}),
       "says nothing", "[10.0.0.0/8]-> 6:80-80 6:web",
       "spec.egress[0].ports[1].port: is a name, which the addresses of an ipBlock don't have"},
      {"but not in ingress, where it is the pod's own",
       Ingress({rule({Block("10.0.0.0/8")}, {Named("web")})}), "[10.0.0.0/8]-> 6:web"},
  });
}

TEST(NetworkPolicy, NothingAtAllMatchesNobody) {
  kubernetes::ObjectProblems problems;
  const policy::Policy policy = ToPolicy(Ingress({{.peers = {{}}, .ports = {}}}), problems);
  const auto& peers = std::get<policy::PodPeers>(policy.ingress->at(0).peers.at(0));
  EXPECT_FALSE(peers.pods.Matches({}));
  EXPECT_FALSE(peers.pods.Matches({{"", ""}, {"a", "1"}}));
}

TEST(NetworkPolicy, NameSubjectAndAudit) {
  const auto annotated = [](const char* value) {
    kubernetes::ObjectProblems problems;
    const NetworkPolicy policy = But(Ingress({}), [&](auto& p) {
      p.pod_selector = Labelled({{"app", "web"}});
      p.annotations[kAuditAnnotation] = value;
    });
    return std::pair(ToPolicy(policy, problems), problems);
  };
  const auto [audited, no_problems] = annotated("true");
  EXPECT_EQ(audited.name_space, "x");
  EXPECT_EQ(audited.name, "p");
  EXPECT_EQ(Text(audited.pods), "app in web");
  EXPECT_TRUE(audited.audit);
  EXPECT_THAT(no_problems, IsEmpty());
  EXPECT_FALSE(annotated("false").first.audit);
  EXPECT_THAT(annotated("false").second, IsEmpty());
  EXPECT_FALSE(annotated("yes").first.audit) << "in doubt it is enforced";
  ASSERT_THAT(annotated("yes").second, SizeIs(1));
  EXPECT_EQ(annotated("yes").second[0].field, "metadata.annotations[pollux.io/audit]");
}

}  // namespace
}  // namespace pollux::policies
