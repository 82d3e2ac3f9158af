#include "control/services/endpoint_slices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/services/test_objects.h"
#include "control/services/topology.h"

namespace pollux::services {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string Text(const Endpoint& endpoint) {
  return endpoint.ip.ToString() + " " + std::to_string(endpoint.port) +
         (endpoint.local ? " local" : "") + (endpoint.draining ? " draining" : "");
}

std::string Text(const std::vector<Endpoint>& endpoints) {
  std::string text;
  for (const Endpoint& endpoint : endpoints) {
    text += (text.empty() ? "" : ", ") + Text(endpoint);
  }
  return text;
}

std::vector<Endpoint> Endpoints(const Cluster& cluster, const Service& service) {
  const Options options = Here();
  kubernetes::ObjectProblems problems;
  const EndpointSlices slices(cluster, options);
  const SliceList list = slices.Of(service, problems);
  return EndpointsOf(list.slices, service.ports[0], options);
}

struct Row {
  const char* sentence;
  Cluster cluster;
  const char* endpoints;
  Service service = Web();
};

void Check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(Text(Endpoints(row.cluster, row.service)), row.endpoints) << row.sentence;
  }
}

kubernetes::Endpoint With(kubernetes::Endpoint endpoint, std::optional<bool> ready,
                          std::optional<bool> serving, std::optional<bool> terminating) {
  endpoint.ready = ready;
  endpoint.serving = serving;
  endpoint.terminating = terminating;
  return endpoint;
}

TEST(EndpointSlices, ConditionsSayWhoServes) {
  const auto one = [](std::optional<bool> ready, std::optional<bool> serving,
                      std::optional<bool> terminating) {
    return services::With(Slice({With(At("10.0.0.1"), ready, serving, terminating)}));
  };
  Check({
      {"no conditions: ready", one({}, {}, {}), "10.0.0.1 8080"},
      {"ready", one(true, true, false), "10.0.0.1 8080"},
      {"not ready", one(false, false, false), ""},
      {"serving, not ready, not terminating: not used", one(false, true, false), ""},
      {"serving while it terminates", one(false, true, true), "10.0.0.1 8080 draining"},
      {"terminating, serving not said", one(false, {}, true), "10.0.0.1 8080 draining"},
      {"terminates and does not serve", one(false, false, true), ""},
      {"publishNotReadyAddresses: ready while it terminates", one(true, false, true),
       "10.0.0.1 8080"},
  });
}

TEST(EndpointSlices, AreMerged) {
  const EndpointSlice v4 = Slice({At("10.0.0.2"), At("10.0.0.1")});
  const EndpointSlice moved = Slice({At("10.0.0.1"), At("10.0.0.3")});
  Check({
      {"an address in two slices counts once, and their order does not matter",
       services::With(moved, v4), "10.0.0.1 8080, 10.0.0.2 8080, 10.0.0.3 8080"},
      {"ready in one slice, draining in another: ready",
       services::With(Slice({Draining(At("10.0.0.1"))}), Slice({At("10.0.0.1")})), "10.0.0.1 8080"},
      {"the other way round",
       services::With(Slice({At("10.0.0.1")}), Slice({Draining(At("10.0.0.1"))})), "10.0.0.1 8080"},
      {"ready in one slice, not ready in another: ready",
       services::With(Slice({Unready(At("10.0.0.1"))}), Slice({At("10.0.0.1")})), "10.0.0.1 8080"},
      {"both families", services::With(v4, Slice({At("fd00::1")})),
       "10.0.0.1 8080, 10.0.0.2 8080, fd00::1 8080"},
      {"slices may differ in the port's number",
       services::With(Slice({At("10.0.0.1")}), But(Slice({At("10.0.0.1"), At("10.0.0.2")}),
                                                   [](auto& s) { s.ports[0].port = 81; })),
       "10.0.0.1 81, 10.0.0.1 8080, 10.0.0.2 81"},
      {"the first of an endpoint's addresses is used",
       services::With(
           Slice({But(At("10.0.0.1"), [](auto& e) { e.addresses.push_back(Ip("10.0.0.9")); })})),
       "10.0.0.1 8080"},
  });
}

TEST(EndpointSlices, OfThisPortOnly) {
  const auto with_port = [](const kubernetes::EndpointPort& port) {
    return services::With(But(Slice({At("10.0.0.1")}), [&](auto& s) { s.ports = {port}; }));
  };
  Check({
      {"by name", with_port({"http", kTcp, 1234}), "10.0.0.1 1234"},
      {"of another name", with_port({"https", kTcp, 8080}), ""},
      {"of another protocol", with_port({"http", kUdp, 8080}), ""},
      {"every port: none that could be sent to", with_port({"http", kTcp, {}}), ""},
      {"port 0", with_port({"http", kTcp, 0}), ""},
      {"of another Service",
       services::With(But(Slice({At("10.0.0.1")}), [](auto& s) { s.service_name = "db"; })), ""},
      {"of another namespace",
       services::With(But(Slice({At("10.0.0.1")}), [](auto& s) { s.namespace_name = "y"; })), ""},
  });
}

TEST(EndpointSlices, LocalIsByNodeName) {
  Check({
      {"this node", services::With(Slice({At("10.9.0.1", "here")})), "10.9.0.1 8080 local"},
      {"another node, whatever its address", services::With(Slice({At("10.1.0.7", "there")})),
       "10.1.0.7 8080"},
      {"no node, an address of this node's pods", services::With(Slice({At("10.1.0.7", "")})),
       "10.1.0.7 8080 local"},
      {"no node, this node's address (default/kubernetes)",
       services::With(Slice({At("192.0.2.1", "")})), "192.0.2.1 8080 local"},
      {"no node, an address elsewhere", services::With(Slice({At("192.0.2.2", "")})),
       "192.0.2.2 8080"},
      {"local in one slice of two",
       services::With(Slice({At("10.1.0.7", "there")}), Slice({At("10.1.0.7", "here")})),
       "10.1.0.7 8080 local"},
  });
}

TEST(EndpointSlices, AddressesThatNothingCanBeSentTo) {
  for (const char* ip : {"127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255",
                         "::", "::1", "fe80::1", "ff02::1"}) {
    const Cluster cluster = services::With(Slice({At("10.0.0.1"), At(ip)}));
    EXPECT_EQ(Text(Endpoints(cluster, Web())), "10.0.0.1 8080") << ip;
    kubernetes::ObjectProblems problems;
    CheckSlices(cluster, problems);
    ASSERT_EQ(problems.size(), 1U) << ip;
    EXPECT_EQ(problems[0].kind, "EndpointSlice");
    EXPECT_EQ(problems[0].field, "endpoints[1].addresses[0]");
  }
}

TEST(EndpointSlices, AddressesOfAnotherFamilyThanTheSliceSays) {
  const Cluster cluster = services::With(Slice({At("10.0.0.1"), At("fd00::1")}));
  EXPECT_EQ(Text(Endpoints(cluster, Web())), "10.0.0.1 8080");
  kubernetes::ObjectProblems problems;
  CheckSlices(cluster, problems);
  EXPECT_EQ(problems.size(), 1U);
}

TEST(DerivedSlices, FromPods) {
  const Pod pod = WebPod("a", Ips({"10.0.0.1", "fd00::1"}));
  const auto but = [&](auto change) { return services::With(But(pod, change)); };
  Check({
      {"every address", services::With(pod), "10.0.0.1 8080, fd00::1 8080"},
      {"a slice, even an empty one: not derived", services::With(pod, Slice({})), ""},
      {"without the condition Ready", but([](Pod& p) { p.ready.reset(); }),
       "10.0.0.1 8080, fd00::1 8080"},
      {"not ready", but([](Pod& p) { p.ready = false; }), ""},
      {"terminating", but([](Pod& p) { p.deleted = true; }),
       "10.0.0.1 8080 draining, fd00::1 8080 draining"},
      {"terminating and not ready", but([](Pod& p) { p.deleted = true, p.ready = false; }), ""},
      {"Succeeded", but([](Pod& p) { p.phase = "Succeeded"; }), ""},
      {"Failed", but([](Pod& p) { p.phase = "Failed"; }), ""},
      {"Running", but([](Pod& p) { p.phase = "Running"; }), "10.0.0.1 8080, fd00::1 8080"},
      {"no address yet", but([](Pod& p) { p.ips.clear(); }), ""},
      {"of another namespace", but([](Pod& p) { p.namespace_name = "y"; }), ""},
      {"of other labels", but([](Pod& p) {
         p.labels = {{"app", "db"}};
       }),
       ""},
      {"further labels do not matter", but([](Pod& p) { p.labels["a"] = "b"; }),
       "10.0.0.1 8080, fd00::1 8080"},
      {"on this node", but([](Pod& p) { p.node_name = "here"; }),
       "10.0.0.1 8080 local, fd00::1 8080 local"},
      {"no nodeName: everybody's", but([](Pod& p) { p.node_name = ""; }),
       "10.0.0.1 8080 local, fd00::1 8080 local"},
      {"hostNetwork, with a status",
       but([](Pod& p) { p.host_network = true, p.ips = Ips({"192.0.2.9"}); }), "192.0.2.9 8080"},
      {"hostNetwork, without: the first address of the node",
       but([](Pod& p) { p.host_network = true, p.ips = {}; }), "192.0.2.2 8080"},
      {"hostNetwork, on a node that nobody described, which is this one",
       But(but([](Pod& p) { p.host_network = true, p.ips = {}, p.node_name = "here"; }),
           [](Cluster& c) { c.nodes.clear(); }),
       "192.0.2.1 8080 local, 2001:db8::1 8080 local"},
  });
}

TEST(DerivedSlices, AsTheServiceSays) {
  const Pod a = WebPod("a", Ips({"10.0.0.1"}));
  const Pod unready = But(WebPod("b", Ips({"10.0.0.2"})), [](Pod& p) { p.ready = false; });
  const auto but = [](auto change) { return But(Web(), change); };
  const auto named = but([](Service& s) { s.ports[0].target_port = "web"; });
  const Pod other =
      But(WebPod("c", Ips({"10.0.0.3"})), [](Pod& p) { p.ports[0].container_port = 9999; });
  const Pod udp = But(WebPod("d", Ips({"10.0.0.4"})), [](Pod& p) { p.ports[0].protocol = kUdp; });
  Check({
      {"publishNotReadyAddresses", services::With(a, unready), "10.0.0.1 8080, 10.0.0.2 8080",
       but([](Service& s) { s.publish_not_ready_addresses = true; })},
      {"no selector, no endpoints", services::With(a), "",
       but([](Service& s) { s.selector.clear(); })},
      {"all labels of the selector",
       services::With(a, But(other, [](Pod& p) { p.labels["b"] = "2"; })), "10.0.0.3 8080",
       but([](Service& s) { s.selector["b"] = "2"; })},
      {"a named port is the pod's own", services::With(a, other), "10.0.0.1 8081, 10.0.0.3 9999",
       named},
      {"a named port of another protocol is none", services::With(a, udp), "10.0.0.1 8081", named},
  });
}

TEST(DerivedSlices, ANameThatNoPodHasIsReported) {
  const Options options = Here();
  const Service named = But(Web(), [](Service& s) { s.ports[0].target_port = "wbe"; });
  const auto problems_with = [&](const Cluster& cluster, const Service& service) {
    kubernetes::ObjectProblems problems;
    const DerivedSlices slices(cluster, options);
    static_cast<void>(slices.For(service, problems));
    return problems;
  };
  const Cluster cluster = services::With(WebPod("a", Ips({"10.0.0.1"})));
  EXPECT_THAT(problems_with(cluster, named), ElementsAre(kubernetes::ObjectProblem{
                                                 "Service",
                                                 {"x", "web"},
                                                 "spec.ports[0].targetPort",
                                                 "no container of its pods has a port \"wbe\""}));
  EXPECT_THAT(problems_with(TwoNodes(), named), IsEmpty()) << "no pods yet";
  EXPECT_THAT(problems_with(cluster, Web()), IsEmpty());
}

TEST(Topology, HintsCountIfAllHaveThem) {
  const auto followed = [](std::vector<kubernetes::Endpoint> endpoints, const char* node = "here",
                           const char* zone = "z1") {
    const EndpointSlice slice = Slice(std::move(endpoints));
    const EndpointSlice* const slices[] = {&slice};
    std::vector<Endpoint> all = EndpointsOf(slices, Web().ports[0], Here());
    FollowHints(node, zone, all);
    return Text(all);
  };
  const auto a = At("10.0.0.1");
  const auto b = At("10.0.0.2");
  EXPECT_EQ(followed({ForZones(a, {"z1"}), ForZones(b, {"z2"})}),
            "10.0.0.1 8080, 10.0.0.2 8080 draining")
      << "those of this zone";
  EXPECT_EQ(followed({ForZones(a, {"z1", "z2"}), ForZones(b, {"z2", "z1"})}),
            "10.0.0.1 8080, 10.0.0.2 8080")
      << "a hint may name several";
  EXPECT_EQ(followed({ForZones(a, {"z1"}), b}), "10.0.0.1 8080, 10.0.0.2 8080")
      << "one has none: ignored";
  EXPECT_EQ(followed({ForZones(a, {"z2"}), ForZones(b, {"z3"})}), "10.0.0.1 8080, 10.0.0.2 8080")
      << "none for this zone: ignored";
  EXPECT_EQ(followed({ForZones(a, {"z1"}), ForZones(b, {"z2"})}, "here", ""),
            "10.0.0.1 8080, 10.0.0.2 8080")
      << "the node has no zone: ignored";
  EXPECT_EQ(followed({ForZones(a, {""}), ForZones(b, {"z2"})}, "here", ""),
            "10.0.0.1 8080, 10.0.0.2 8080")
      << "not even by a hint for nowhere";
  EXPECT_EQ(followed({ForZones(a, {"z1"}), Draining(b)}), "10.0.0.1 8080, 10.0.0.2 8080 draining")
      << "only ready ones need hints";
  EXPECT_EQ(
      followed({ForNodes(ForZones(a, {"z1"}), {"here"}), ForNodes(ForZones(b, {"z1"}), {"there"})}),
      "10.0.0.1 8080, 10.0.0.2 8080 draining")
      << "nodes before zones";
  EXPECT_EQ(followed({ForNodes(ForZones(a, {"z1"}), {"there"}),
                      ForNodes(ForZones(b, {"z2"}), {"there"})}),
            "10.0.0.1 8080, 10.0.0.2 8080 draining")
      << "none for this node: zones";
  EXPECT_EQ(followed({ForNodes(ForZones(a, {"z1"}), {"here"}), ForZones(b, {"z2"})}),
            "10.0.0.1 8080, 10.0.0.2 8080 draining")
      << "not all have one for nodes: zones";
}

TEST(Topology, FamiliesAreJudgedByThemselves) {
  std::vector<Endpoint> endpoints = {{.ip = Ip("10.0.0.1"), .port = 1, .hinted_zones = {"z1"}},
                                     {.ip = Ip("10.0.0.2"), .port = 1, .hinted_zones = {"z2"}},
                                     {.ip = Ip("fd00::1"), .port = 1}};
  FollowHints("here", "z1", endpoints);
  EXPECT_EQ(Text(endpoints), "10.0.0.1 1, 10.0.0.2 1 draining, fd00::1 1");
}

TEST(Topology, DerivedHintsFollowTrafficDistribution) {
  const Cluster cluster =
      services::With(WebPod("a", Ips({"10.0.0.1"}), "here"), WebPod("b", Ips({"10.0.0.2"})));
  for (const char* wish : {"PreferClose", "PreferSameZone", "PreferSameNode"}) {
    const Service service = But(Web(), [&](Service& s) { s.traffic_distribution = wish; });
    std::vector<Endpoint> endpoints = Endpoints(cluster, service);
    FollowHints("there", ZoneOf(cluster, "there"), endpoints);
    EXPECT_EQ(Text(endpoints), "10.0.0.1 8080 local draining, 10.0.0.2 8080") << wish;
    EXPECT_EQ(endpoints[0].hinted_nodes.size(), wish == std::string("PreferSameNode") ? 1U : 0U);
  }
}

}  // namespace
}  // namespace pollux::services
