#include "control/services/translate.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "control/services/test_objects.h"

namespace pollux::services {
namespace {

using kubernetes::LoadBalancerIngress;
using kubernetes::TrafficPolicy;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Type = Service::Type;

const char* Text(core::FrontendKind kind) {
  constexpr const char* kNames[] = {"cluster", "node", "lb", "external", "host"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string Text(const core::FrontendConfig& frontend) {
  std::string text = absl::StrCat(Text(frontend.kind), " ", frontend.ip.ToString(), " ",
                                  frontend.port, frontend.local_only ? " local" : "");
  for (const net::IpPrefix& range : frontend.source_ranges) {
    absl::StrAppend(&text, " from ", range.ToString());
  }
  return text;
}

std::string Text(const core::BackendConfig& backend) {
  return absl::StrCat(backend.ip.ToString(), " ", backend.port, backend.local ? " local" : "",
                      backend.draining ? " draining" : "");
}

// KIND NAMESPACE/NAME FIELD: TEXT.
std::string Text(const kubernetes::ObjectProblem& problem) {
  return absl::StrCat(problem.kind, " ", problem.object.first, "/", problem.object.second, " ",
                      problem.field, ": ", problem.text);
}

template <typename List>
std::string Joined(const List& list) {
  std::string text;
  for (const auto& item : list) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", Text(item));
  }
  return text;
}

// NAME: FRONTENDS -> BACKENDS, a line for each.
std::string Text(const Translation& translation) {
  std::string text;
  for (const auto& service : translation.services) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", service->name, ": ",
                    Joined(service->frontends), " -> ", Joined(service->backends));
  }
  return text;
}

struct Row {
  const char* sentence;
  Cluster cluster;
  const char* services;
  const char* problems = "";
  Options options = Here();
};

void Check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const Translation translation = Translate(row.cluster, row.options);
    EXPECT_EQ(Text(translation), row.services) << row.sentence;
    EXPECT_EQ(Joined(translation.problems), row.problems) << row.sentence;
  }
}

Service WebBut(const std::function<void(Service&)>& change) { return But(Web(), change); }

Service NodePort() {
  return WebBut([](Service& s) { s.type = Type::kNodePort, s.ports[0].node_port = 30080; });
}

Service LoadBalancer() {
  return But(NodePort(), [](Service& s) {
    s.type = Type::kLoadBalancer;
    s.load_balancer_ingress = {{Ip("198.51.100.1"), LoadBalancerIngress::Mode::kVip}};
  });
}

Service ExternalIp(const char* ip) {
  return WebBut([&](Service& s) { s.external_ips = Ips({ip}); });
}

Service DualStack(Service service) {
  service.cluster_ips = Ips({"10.96.0.1", "fd96::1"});
  return service;
}

// x/other with its own ClusterIP.
Service Other() {
  return WebBut([](Service& s) {
    s.name = "other";
    s.cluster_ips = Ips({"10.96.0.2"});
    s.selector.clear();
  });
}

const EndpointSlice kOne = Slice({At("10.0.0.1")});
const EndpointSlice kV6 = Slice({At("fd00::1")});

Options AllowExternal() {
  return But(Here(), [](Options& o) { o.allow_external_ips = true; });
}

TEST(Translate, ClusterIps) {
  const Service two_ports =
      WebBut([](Service& s) { s.ports.push_back({.name = "dns", .protocol = kUdp, .port = 53}); });
  Check({
      {"a ClusterIP and an endpoint", With(Web(), kOne),
       "x/web:http: cluster 10.96.0.1 80 -> 10.0.0.1 8080"},
      {"without endpoints: served, so that the switch can refuse", With(Web()),
       "x/web:http: cluster 10.96.0.1 80 -> "},
      {"dual stack", With(DualStack(Web()), kOne, kV6),
       "x/web:http: cluster 10.96.0.1 80, cluster fd96::1 80 -> 10.0.0.1 8080, fd00::1 8080"},
      {"endpoints of a family that the Service hasn't are left out", With(Web(), kOne, kV6),
       "x/web:http: cluster 10.96.0.1 80 -> 10.0.0.1 8080"},
      {"each port is a service of its own", With(two_ports, kOne),
       "x/web:dns: cluster 10.96.0.1 53 -> \n"
       "x/web:http: cluster 10.96.0.1 80 -> 10.0.0.1 8080"},
      {"the same port of two protocols",
       With(But(two_ports, [](Service& s) { s.ports[1].port = 80; })),
       "x/web:dns: cluster 10.96.0.1 80 -> \nx/web:http: cluster 10.96.0.1 80 -> "},
      {"an unnamed port is named by its number",
       With(WebBut([](Service& s) { s.ports[0].name = ""; })),
       "x/web:80: cluster 10.96.0.1 80 -> "},
      {"internalTrafficPolicy Local",
       With(WebBut([](Service& s) { s.internal_traffic_policy = TrafficPolicy::kLocal; }),
            Slice({At("10.1.0.1", "here"), At("10.0.0.1")})),
       "x/web:http: cluster 10.96.0.1 80 local -> 10.0.0.1 8080, 10.1.0.1 8080 local"},
      {"externalTrafficPolicy does not matter to a ClusterIP",
       With(WebBut([](Service& s) { s.external_traffic_policy = TrafficPolicy::kLocal; })),
       "x/web:http: cluster 10.96.0.1 80 -> "},
      {"a node's address as endpoint (default/kubernetes)",
       With(Web(), Slice({At("192.0.2.2", "")})),
       "x/web:http: cluster 10.96.0.1 80 -> 192.0.2.2 8080"},
  });
}

TEST(Translate, ProtocolAndAffinity) {
  const Service service = WebBut([](Service& s) {
    s.ports[0].protocol = net::IpProtocol::kSctp;
    s.affinity_seconds = 10800;
  });
  const Translation translation = Translate(With(service), Here());
  ASSERT_THAT(translation.services, SizeIs(1));
  EXPECT_EQ(translation.services[0]->protocol, net::IpProtocol::kSctp);
  EXPECT_EQ(translation.services[0]->affinity_seconds, 10800U);
  const Translation without = Translate(With(Web()), Here());
  EXPECT_EQ(without.services[0]->affinity_seconds, 0U);
  const Translation too_long =
      Translate(With(WebBut([](Service& s) { s.affinity_seconds = 1'000'000; })), Here());
  EXPECT_EQ(too_long.services[0]->affinity_seconds, core::kMaxAffinitySeconds);
}

TEST(Translate, NothingToServe) {
  Check({
      {"headless", With(WebBut([](Service& s) { s.headless = true, s.cluster_ips.clear(); }), kOne),
       ""},
      {"ExternalName", With(WebBut([](Service& s) {
         s.type = Type::kExternalName, s.external_name = "example.com", s.cluster_ips.clear();
       })),
       ""},
      {"of another proxy", With(WebBut([](Service& s) {
         s.labels["service.kubernetes.io/service-proxy-name"] = "kpng";
       })),
       ""},
      {"of another proxy, by an empty label",
       With(WebBut([](Service& s) { s.labels["service.kubernetes.io/service-proxy-name"] = ""; })),
       ""},
      {"headless by label",
       With(WebBut([](Service& s) { s.labels["service.kubernetes.io/headless"] = ""; })), ""},
  });
}

TEST(Translate, RefusesAServiceThatLacksSomething) {
  Check({
      {"a clusterIP", With(WebBut([](Service& s) { s.cluster_ips.clear(); })), "",
       "Service x/web spec.clusterIP: is missing"},
      {"a nodePort", With(WebBut([](Service& s) { s.type = Type::kNodePort; })), "",
       "Service x/web spec.ports[0].nodePort: is missing"},
      {"a port", With(WebBut([](Service& s) { s.ports[0].port = 0; })), "",
       "Service x/web spec.ports[0].port: is missing"},
      {"a clusterIP that can be one",
       With(WebBut([](Service& s) { s.cluster_ips = Ips({"127.0.0.1"}); })), "",
       "Service x/web spec.clusterIPs[0]: 127.0.0.1 is not an address that a Service can have"},
  });
}

TEST(Translate, NodePorts) {
  const Options one_only = But(Here(), [](Options& o) {
    o.node_addresses = Ips({"192.0.2.1", "10.5.0.1", "127.0.0.1", "fe80::1"});
    o.nodeport_addresses = {Cidr("10.5.0.0/16"), Cidr("127.0.0.0/8")};
  });
  Check({
      {"at this node's addresses, no other node's, of the Service's family", With(NodePort(), kOne),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 -> 10.0.0.1 8080"},
      {"dual stack", With(DualStack(NodePort())),
       "x/web:http: cluster 10.96.0.1 80, cluster fd96::1 80, node 192.0.2.1 30080, "
       "node 2001:db8::1 30080 -> "},
      {"--nodeport-addresses chooses among them, loopback never", With(NodePort()),
       "x/web:http: cluster 10.96.0.1 80, node 10.5.0.1 30080 -> ", "", one_only},
      {"externalTrafficPolicy Local",
       With(But(NodePort(), [](Service& s) { s.external_traffic_policy = TrafficPolicy::kLocal; })),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 local -> "},
      {"internalTrafficPolicy Local binds the ClusterIP only",
       With(But(NodePort(), [](Service& s) { s.internal_traffic_policy = TrafficPolicy::kLocal; })),
       "x/web:http: cluster 10.96.0.1 80 local, node 192.0.2.1 30080 -> "},
      {"a nodePort left over in a Service of type ClusterIP",
       With(But(NodePort(), [](Service& s) { s.type = Type::kClusterIp; })),
       "x/web:http: cluster 10.96.0.1 80 -> "},
  });
}

TEST(Translate, LoadBalancers) {
  const auto but = [](const std::function<void(Service&)>& change) {
    return With(But(LoadBalancer(), change));
  };
  Check({
      {"address of the status", With(LoadBalancer(), kOne),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080, lb 198.51.100.1 80 -> "
       "10.0.0.1 8080"},
      {"without NodePorts", but([](Service& s) { s.ports[0].node_port = 0; }),
       "x/web:http: cluster 10.96.0.1 80, lb 198.51.100.1 80 -> "},
      {"no address yet", but([](Service& s) { s.load_balancer_ingress.clear(); }),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 -> "},
      {"ipMode Proxy: the balancer's own",
       but([](Service& s) { s.load_balancer_ingress[0].mode = LoadBalancerIngress::Mode::kProxy; }),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 -> "},
      {"loadBalancerSourceRanges bind the balancer's address only", but([](Service& s) {
         s.load_balancer_source_ranges = {Cidr("203.0.113.0/24"), Cidr("2001:db8::/32")};
       }),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080, "
       "lb 198.51.100.1 80 from 203.0.113.0/24 from 2001:db8::/32 -> "},
      {"externalTrafficPolicy Local",
       but([](Service& s) { s.external_traffic_policy = TrafficPolicy::kLocal; }),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 local, lb 198.51.100.1 80 local "
       "-> "},
      {"an address of a family that the Service hasn't",
       but([](Service& s) { s.load_balancer_ingress[0].ip = Ip("2001:db8:1::1"); }),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 -> "},
      {"a node's address stays a node's: its other ports are not refused", but([](Service& s) {
         s.load_balancer_ingress = {{Ip("192.0.2.1"), {}}, {Ip("203.0.113.2"), {}}};
       }),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080, node 192.0.2.1 80, "
       "node 203.0.113.2 80 -> "},
      {"left over in the status of a Service of type NodePort",
       but([](Service& s) { s.type = Type::kNodePort; }),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 -> "},
      {"an address that nobody can have",
       but([](Service& s) { s.load_balancer_ingress[0].ip = Ip("224.0.0.1"); }),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 -> ",
       "Service x/web status.loadBalancer.ingress[0].ip: 224.0.0.1 is not an address that a "
       "Service can have"},
  });
}

TEST(Translate, ExternalIps) {
  Check({
      {"not allowed", With(ExternalIp("198.51.100.7")), "x/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/web spec.externalIPs[0]: externalIPs are not allowed on this node"},
      {"allowed", With(ExternalIp("198.51.100.7")),
       "x/web:http: cluster 10.96.0.1 80, external 198.51.100.7 80 -> ", "", AllowExternal()},
      {"externalTrafficPolicy Local",
       With(But(ExternalIp("198.51.100.7"),
                [](Service& s) { s.external_traffic_policy = TrafficPolicy::kLocal; })),
       "x/web:http: cluster 10.96.0.1 80, external 198.51.100.7 80 local -> ", "", AllowExternal()},
      {"a node's address stays a node's", With(ExternalIp("192.0.2.2")),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.2 80 -> ", "", AllowExternal()},
      {"of another family", With(ExternalIp("2001:db8::7")), "x/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/web spec.externalIPs[0]: 2001:db8::7 is of a family that the Service has no "
       "clusterIP of",
       AllowExternal()},
      {"loopback", With(ExternalIp("127.0.0.1")), "x/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/web spec.externalIPs[0]: 127.0.0.1 is not an address that a Service can have",
       AllowExternal()},
  });
}

TEST(Translate, AnAddressAndPortIsOneServicesOnly) {
  const auto other = [](const std::function<void(Service&)>& change) {
    return But(Other(), change);
  };
  const auto takes = [&](const char* ip) {
    return other([&](Service& s) { s.cluster_ips = Ips({ip}); });
  };
  const auto aged = [](Service service, const char* created) {
    service.created = created;
    return service;
  };
  Check({
      {"without timestamps the first by name keeps it", With(Web(), takes("10.96.0.1")),
       "x/other:http: cluster 10.96.0.1 80 -> ",
       "Service x/web spec.clusterIPs[0]: 10.96.0.1 TCP port 80 is taken by Service x/other"},
      {"else the older one",
       With(aged(Web(), "2026-01-01T00:00:00Z"), aged(takes("10.96.0.1"), "2026-01-01T00:00:01Z")),
       "x/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/other spec.clusterIPs[0]: 10.96.0.1 TCP port 80 is taken by Service x/web"},
      {"the rest of the other one is served",
       With(NodePort(), But(takes("10.96.0.1"), [](Service& s) { s.ports[0].name = "h"; })),
       "x/other:h: cluster 10.96.0.1 80 -> \nx/web:http: node 192.0.2.1 30080 -> ",
       "Service x/web spec.clusterIPs[0]: 10.96.0.1 TCP port 80 is taken by Service x/other"},
      {"another port is not the same", With(Web(), other([](Service& s) {
                                              s.cluster_ips = Ips({"10.96.0.1"}),
                                              s.ports[0].port = 81;
                                            })),
       "x/other:http: cluster 10.96.0.1 81 -> \nx/web:http: cluster 10.96.0.1 80 -> "},
      {"nor is another protocol", With(Web(), other([](Service& s) {
                                         s.cluster_ips = Ips({"10.96.0.1"}),
                                         s.ports[0].protocol = kUdp;
                                       })),
       "x/other:http: cluster 10.96.0.1 80 -> \nx/web:http: cluster 10.96.0.1 80 -> "},
      {"a nodePort",
       With(NodePort(),
            But(NodePort(),
                [](Service& s) { s.name = "other", s.cluster_ips = Ips({"10.96.0.2"}); })),
       "x/other:http: cluster 10.96.0.2 80, node 192.0.2.1 30080 -> \n"
       "x/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/web spec.ports[0].nodePort: 192.0.2.1 TCP port 30080 is taken by Service "
       "x/other"},
      {"an externalIP never takes a ClusterIP, however old",
       With(Web(), other([](Service& s) { s.external_ips = Ips({"10.96.0.1"}); })),
       "x/other:http: cluster 10.96.0.2 80 -> \nx/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/other spec.externalIPs[0]: 10.96.0.1 TCP port 80 is taken by Service x/web",
       AllowExternal()},
      {"a balancer's address never takes a ClusterIP",
       With(Web(), other([](Service& s) {
              s.type = Type::kLoadBalancer, s.load_balancer_ingress = {{Ip("10.96.0.1"), {}}};
            })),
       "x/other:http: cluster 10.96.0.2 80 -> \nx/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/other status.loadBalancer.ingress[0].ip: 10.96.0.1 TCP port 80 is taken by "
       "Service x/web"},
      {"what a Service asks for twice it gets once, with the source ranges of the balancer",
       With(But(LoadBalancer(),
                [](Service& s) {
                  s.ports[0].node_port = 0;
                  s.external_ips = Ips({"198.51.100.1"});
                  s.load_balancer_source_ranges = {Cidr("203.0.113.0/24")};
                })),
       "x/web:http: cluster 10.96.0.1 80, lb 198.51.100.1 80 from 203.0.113.0/24 -> ", "",
       AllowExternal()},
      {"two ports of a Service with one number",
       With(WebBut([](Service& s) { s.ports.push_back(s.ports[0]), s.ports[1].name = "more"; })),
       "x/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/web spec.clusterIPs[0]: 10.96.0.1 TCP port 80 is taken by Service x/web"},
      {"two ports of a Service with one name",
       With(WebBut([](Service& s) { s.ports.push_back(s.ports[0]), s.ports[1].port = 81; })),
       "x/web:http: cluster 10.96.0.1 80 -> ",
       "Service x/web spec.ports[1]: the name x/web:http is not unique"},
  });
}

TEST(Translate, HostPorts) {
  const auto pod = [](const std::function<void(Pod&)>& change = [](Pod&) {}) {
    Pod made = WebPod("a", Ips({"10.1.0.1"}), "here");
    made.ports[0].host_port = 8000;
    change(made);
    return made;
  };
  const auto at = [](const char* ip) { return [ip](Pod& p) { p.ports[0].host_ip = Ip(ip); }; };
  Check({
      {"at every address of this node, of the pod's family", With(pod()),
       "x/a:hostPort-6-8000: host 192.0.2.1 8000 -> 10.1.0.1 8081 local"},
      {"dual stack", With(pod([](Pod& p) {
         p.ips = Ips({"10.1.0.1", "fd01::1"});
       })),
       "x/a:hostPort-6-8000: host 192.0.2.1 8000, host 2001:db8::1 8000 -> 10.1.0.1 8081 local, "
       "fd01::1 8081 local"},
      {"hostIP", With(pod([](Pod& p) {
         p.ips = Ips({"10.1.0.1", "fd01::1"}), p.ports[0].host_ip = Ip("2001:db8::1");
       })),
       "x/a:hostPort-6-8000-2001:db8::1: host 2001:db8::1 8000 -> 10.1.0.1 8081 local, "
       "fd01::1 8081 local"},
      {"hostIP 0.0.0.0 is every IPv4 address", With(pod(at("0.0.0.0"))),
       "x/a:hostPort-6-8000-0.0.0.0: host 192.0.2.1 8000 -> 10.1.0.1 8081 local"},
      {"hostIP :: where the pod has IPv4 only", With(pod(at("::"))), "",
       "Pod x/a spec.containers[*].ports[hostPort=8000].hostIP: :: can't be served on this node"},
      {"hostIP of another node", With(pod(at("192.0.2.2"))), "",
       "Pod x/a spec.containers[*].ports[hostPort=8000].hostIP: 192.0.2.2 can't be served on this "
       "node"},
      {"hostIP 127.0.0.1", With(pod(at("127.0.0.1"))), "",
       "Pod x/a spec.containers[*].ports[hostPort=8000].hostIP: 127.0.0.1 can't be served on this "
       "node"},
      {"not ready: its port all the same", With(pod([](Pod& p) { p.ready = false; })),
       "x/a:hostPort-6-8000: host 192.0.2.1 8000 -> 10.1.0.1 8081 local"},
      {"no hostPort", With(pod([](Pod& p) { p.ports[0].host_port = 0; })), ""},
      {"on another node", With(pod([](Pod& p) { p.node_name = "there"; })), ""},
      {"without nodeName: everybody's", With(pod([](Pod& p) { p.node_name = ""; })),
       "x/a:hostPort-6-8000: host 192.0.2.1 8000 -> 10.1.0.1 8081 local"},
      {"hostNetwork has the port by itself", With(pod([](Pod& p) { p.host_network = true; })), ""},
      {"Succeeded", With(pod([](Pod& p) { p.phase = "Succeeded"; })), ""},
      {"Failed", With(pod([](Pod& p) { p.phase = "Failed"; })), ""},
      {"without address", With(pod([](Pod& p) { p.ips.clear(); })), ""},
      {"the same port of two protocols",
       With(pod([](Pod& p) { p.ports.push_back(p.ports[0]), p.ports[1].protocol = kUdp; })),
       "x/a:hostPort-17-8000: host 192.0.2.1 8000 -> 10.1.0.1 8081 local\n"
       "x/a:hostPort-6-8000: host 192.0.2.1 8000 -> 10.1.0.1 8081 local"},
      {"the same port of two pods",
       With(pod(), pod([](Pod& p) { p.name = "b", p.ips = Ips({"10.1.0.2"}); })),
       "x/a:hostPort-6-8000: host 192.0.2.1 8000 -> 10.1.0.1 8081 local",
       "Pod x/b spec.containers[*].ports[hostPort=8000].hostPort: 192.0.2.1 TCP port 8000 is taken "
       "by Pod x/a"},
      {"a pod that terminates makes way",
       With(pod([](Pod& p) { p.deleted = true; }),
            pod([](Pod& p) { p.name = "b", p.ips = Ips({"10.1.0.2"}); })),
       "x/b:hostPort-6-8000: host 192.0.2.1 8000 -> 10.1.0.2 8081 local",
       "Pod x/a spec.containers[*].ports[hostPort=8000].hostPort: 192.0.2.1 TCP port 8000 is taken "
       "by Pod x/b"},
      {"a nodePort is stronger",
       With(pod([](Pod& p) { p.ports[0].host_port = 30080; }), NodePort(), Slice({})),
       "x/web:http: cluster 10.96.0.1 80, node 192.0.2.1 30080 -> ",
       "Pod x/a spec.containers[*].ports[hostPort=30080].hostPort: 192.0.2.1 TCP port 30080 is "
       "taken by Service x/web"},
  });
}

TEST(Translate, HintsAreForTheClusterPolicy) {
  const EndpointSlice hinted =
      Slice({ForZones(At("10.1.0.1", "here"), {"z2"}), ForZones(At("10.0.0.1"), {"z1"})});
  const auto local = [](Service service) {
    service.internal_traffic_policy = TrafficPolicy::kLocal;
    return service;
  };
  Check({
      {"those for another zone take no new connections", With(Web(), hinted),
       "x/web:http: cluster 10.96.0.1 80 -> 10.0.0.1 8080, 10.1.0.1 8080 local draining"},
      {"Local knows no hints", With(local(Web()), hinted),
       "x/web:http: cluster 10.96.0.1 80 local -> 10.0.0.1 8080, 10.1.0.1 8080 local"},
      {"but others that use the Service do", With(local(NodePort()), hinted),
       "x/web:http: cluster 10.96.0.1 80 local, node 192.0.2.1 30080 -> 10.0.0.1 8080, "
       "10.1.0.1 8080 local draining"},
      {"this node is in no zone", But(With(Web(), hinted), [](Cluster& c) { c.nodes.clear(); }),
       "x/web:http: cluster 10.96.0.1 80 -> 10.0.0.1 8080, 10.1.0.1 8080 local"},
  });
}

TEST(Translate, HealthChecks) {
  const auto checked = [](const std::function<void(Service&)>& change = [](Service&) {}) {
    return But(LoadBalancer(), [&](Service& s) {
      s.external_traffic_policy = TrafficPolicy::kLocal;
      s.health_check_node_port = 32000;
      s.cluster_ips = Ips({"10.96.0.1", "fd96::1"});
      change(s);
    });
  };
  const auto local = At("10.1.0.1", "here");
  struct CheckRow {
    const char* sentence;
    Cluster cluster;
    int local_endpoints;  // -1: no health check
  };
  const CheckRow rows[] = {
      {"ready ones of this node", With(checked(), Slice({local, At("10.0.0.1")})), 1},
      {"none", With(checked(), Slice({At("10.0.0.1")})), 0},
      {"one that terminates does not count, although it serves",
       With(checked(), Slice({Draining(local)})), 0},
      {"a pod with two families counts once",
       With(checked(), Slice({local}), Slice({At("fd01::1", "here")})), 1},
      {"a pod with two ports counts once",
       With(checked([](Service& s) {
              s.ports.push_back(s.ports[0]), s.ports[1].name = "more", s.ports[1].port = 81;
            }),
            Slice({local}), But(Slice({local}), [](auto& s) { s.ports[0].name = "more"; })),
       1},
      {"hints do not matter",
       With(checked(), Slice({ForZones(local, {"z2"}), ForZones(At("10.0.0.1"), {"z1"})})), 1},
      {"externalTrafficPolicy Cluster has none",
       With(checked([](Service& s) { s.external_traffic_policy = TrafficPolicy::kCluster; })), -1},
      {"type NodePort has none", With(checked([](Service& s) { s.type = Type::kNodePort; })), -1},
      {"no port was given", With(checked([](Service& s) { s.health_check_node_port = 0; })), -1},
  };
  for (const CheckRow& row : rows) {
    const auto checks = Translate(row.cluster, Here()).health_checks;
    ASSERT_EQ(checks.size(), row.local_endpoints < 0 ? 0U : 1U) << row.sentence;
    if (row.local_endpoints >= 0) {
      const auto count = static_cast<std::uint32_t>(row.local_endpoints);
      EXPECT_EQ(checks[0], (HealthCheck{32000, {"x", "web"}, count})) << row.sentence;
    }
  }

  const Translation both = Translate(
      With(checked(), checked([](Service& s) { s.name = "other", s.cluster_ips = {}; }),
           checked([](Service& s) {
             s.name = "third", s.cluster_ips = Ips({"10.96.0.3"}), s.ports[0].node_port = 30083;
             s.load_balancer_ingress.clear();
           })),
      Here());
  EXPECT_THAT(both.health_checks, ElementsAre(HealthCheck{32000, {"x", "third"}, 0}))
      << "a refused Service has none";
  EXPECT_EQ(Text(both.problems.back()),
            "Service x/web spec.healthCheckNodePort: 32000 is taken by Service x/third");
}

TEST(Translate, WhatIsUnchangedIsTheSameObject) {
  const Cluster before = With(Web(), Other(), kOne);
  const Translation first = Translate(before, Here());
  const Cluster after =
      With(Web(), Other(), kOne, Slice({At("10.0.0.2")}),
           But(Other(), [](Service& s) { s.name = "new", s.ports[0].port = 81; }));
  const Translation second = Translate(after, Here(), first.services);
  ASSERT_THAT(first.services, SizeIs(2));
  ASSERT_THAT(second.services, SizeIs(3));
  EXPECT_EQ(first.services[0], second.services[1]) << "x/other";
  EXPECT_NE(first.services[1], second.services[2]) << "x/web has got an endpoint";
  EXPECT_EQ(first.services, Translate(before, Here(), first.services).services);
  EXPECT_NE(first.services, Translate(before, Here()).services);
}

TEST(Translate, ProblemsOfSlicesAreTold) {
  Check({{"an endpoint that is everybody's own", With(Web(), Slice({At("127.0.0.1")})),
          "x/web:http: cluster 10.96.0.1 80 -> ",
          "EndpointSlice x/slice-0 endpoints[0].addresses[0]: 127.0.0.1 is not an address that a "
          "Service can send to"}});
}

}  // namespace
}  // namespace pollux::services
