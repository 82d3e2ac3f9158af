// Random clusters: whatever they ask for, the switch takes what comes out, and sends connections
// where kube-proxy would (its rules are written down here once more, plainly).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>

#include "control/services/test_objects.h"
#include "control/services/translate.h"
#include "dataplane/tables/service_diff.h"
#include "dataplane/tables/service_table_builder.h"

namespace pollux::services {
namespace {

using kubernetes::LoadBalancerIngress;
using kubernetes::TrafficPolicy;
using Type = Service::Type;
using Socket = std::pair<net::IpAddress, std::uint16_t>;

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {}

  Cluster Next() {
    Cluster cluster = TwoNodes();
    for (const char* name : {"a", "b", "c", "d"}) {
      if (Below(4) != 0) {
        Add(cluster, RandomService(name));
      }
      for (std::size_t i = Below(3); i > 0; --i) {
        Add(cluster, RandomSlice(name));
      }
      if (Below(2) == 0) {
        Add(cluster, RandomPod(name));
      }
    }
    return cluster;
  }
  std::size_t Below(std::size_t limit) { return random_() % limit; }

 private:
  bool Maybe() { return Below(2) == 0; }
  // Often the same ones, and some that nobody can have.
  net::IpAddress RandomIp() {
    constexpr const char* kIps[] = {"10.96.0.1", "10.96.0.2", "192.0.2.1",   "192.0.2.2",
                                    "fd96::1",   "fd96::2",   "2001:db8::1", "127.0.0.1",
                                    "224.0.0.1", "::",        "198.51.100.1"};
    return Ip(kIps[Below(std::size(kIps))]);
  }
  std::uint16_t RandomPort() { return static_cast<std::uint16_t>(Below(4)); }
  TrafficPolicy RandomPolicy() { return Maybe() ? TrafficPolicy::kLocal : TrafficPolicy::kCluster; }

  Service RandomService(const char* name) {
    Service service;
    service.namespace_name = "x";
    service.name = name;
    service.created = Maybe() ? "2026" : "";
    service.type = std::array{Type::kClusterIp, Type::kNodePort, Type::kLoadBalancer}[Below(3)];
    for (std::size_t i = Below(3); i > 0; --i) {
      service.cluster_ips.push_back(RandomIp());
    }
    for (std::size_t i = 1 + Below(2); i > 0; --i) {
      service.ports.push_back({.name = Maybe() ? "p" : "",
                               .protocol = Maybe() ? kTcp : kUdp,
                               .port = static_cast<std::uint16_t>(1 + Below(2)),
                               .target_port = RandomPort(),
                               .node_port = RandomPort()});
    }
    service.selector = Maybe() ? kubernetes::Labels{{"app", name}} : kubernetes::Labels{};
    service.external_ips = {RandomIp(), RandomIp()};
    service.load_balancer_ingress = {{RandomIp(), LoadBalancerIngress::Mode::kVip}};
    service.internal_traffic_policy = RandomPolicy();
    service.external_traffic_policy = RandomPolicy();
    service.publish_not_ready_addresses = Below(4) == 0;
    return service;
  }
  std::string NewIp() { return net::Ipv4Address::FromHost(0x0a000000 + ++hosts_).ToString(); }
  std::optional<bool> RandomCondition() {
    return Below(3) == 0 ? std::nullopt : std::optional(Maybe());
  }
  EndpointSlice RandomSlice(const char* service) {
    EndpointSlice slice = Slice({});
    slice.service_name = service;
    slice.ports = {{Maybe() ? "p" : "", Maybe() ? kTcp : kUdp, RandomPort()}};
    for (std::size_t i = Below(5); i > 0; --i) {
      const std::string ip = Below(20) == 0 ? "127.0.0.1" : NewIp();
      kubernetes::Endpoint endpoint = At(ip.c_str(), Maybe() ? "here" : "there");
      endpoint.ready = RandomCondition();
      endpoint.serving = RandomCondition();
      endpoint.terminating = RandomCondition();
      slice.endpoints.push_back(endpoint);
    }
    return slice;
  }
  Pod RandomPod(const char* name) {
    Pod pod = WebPod(name, {RandomIp(), RandomIp()}, Maybe() ? "here" : "there");
    pod.labels = {{"app", name}};
    pod.ports[0].host_port = RandomPort();
    pod.ports[0].container_port = RandomPort();
    pod.ports[0].host_ip = Maybe() ? std::optional(RandomIp()) : std::nullopt;
    pod.ports.push_back(pod.ports[0]);
    pod.ready = RandomCondition();
    pod.deleted = Maybe();
    return pod;
  }

  std::mt19937 random_;
  unsigned hosts_ = 0;
};

Options AllowAll() {
  Options options = Here();
  options.allow_external_ips = true;
  return options;
}

constexpr std::uint32_t kMostBackends = 10'000;

TEST(TranslateProperty, TheSwitchTakesWhatComesOut) {
  World world(1);
  core::Epochs ids(kMostBackends);
  tables::ServiceTableBuilder switch_table(ids);
  ServiceConfigs live;
  std::size_t services = 0;
  std::size_t problems = 0;
  for (int i = 0; i < 2000; ++i) {
    const Translation next = Translate(world.Next(), AllowAll(), live);
    const tables::ServiceDiff diff = tables::DiffServices(live, next.services);
    const auto change = switch_table.Apply(diff.put, diff.removed);
    ASSERT_TRUE(change.ok()) << "round " << i << ": " << change.status();
    for (const net::ObjectId gone : change->gone) {
      ids.Release(gone);
    }
    services += next.services.size();
    problems += next.problems.size();
    live = next.services;
  }
  EXPECT_GT(services, 4000U);
  EXPECT_GT(problems, 4000U);
}

// Who may get a connection by kube-proxy's rules, from what the slices say.
std::set<Socket> Expected(const Cluster& cluster, const Service& service, const ServicePort& port,
                          bool local_only) {
  std::set<Socket> ready;
  std::set<Socket> draining;
  for (const auto& [name, slice] : cluster.endpoint_slices) {
    const auto& of = slice.ports.at(0);
    if (slice.service_name != service.name || of.name != port.name ||
        of.protocol != port.protocol || of.port == 0) {
      continue;
    }
    for (const kubernetes::Endpoint& endpoint : slice.endpoints) {
      const Socket socket(endpoint.addresses[0], *of.port);
      if (socket.first == Ip("127.0.0.1") || (local_only && endpoint.node_name != "here")) {
        continue;
      }
      if (endpoint.ready.value_or(true)) {
        ready.insert(socket);
      } else if (endpoint.serving.value_or(true) && endpoint.terminating.value_or(false)) {
        draining.insert(socket);
      }
    }
  }
  return ready.empty() ? draining : ready;
}

std::set<Socket> Reached(const tables::Frontend& frontend, bool inside) {
  std::set<Socket> reached;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto choice = tables::Select(frontend, i * 0x9e3779b97f4a7c15, inside);
    if (choice.backend != nullptr) {
      reached.emplace(choice.backend->ip, choice.backend->port);
    }
  }
  return reached;
}

// One Service with slices at a time, so that nobody takes anything from it.
TEST(TranslateProperty, ConnectionsGoWhereKubeProxySendsThem) {
  World world(2);
  std::map<bool, int> compared;  // by whether somebody is there
  for (int i = 0; i < 3000; ++i) {
    Cluster cluster = world.Next();
    cluster.pods.clear();
    cluster.services.clear();
    Service service = Web();
    service.name = "a";
    service.type = Type::kNodePort;
    service.ports = {{.name = "p", .port = 80, .node_port = 30080}};
    service.internal_traffic_policy =
        world.Below(2) == 0 ? TrafficPolicy::kLocal : TrafficPolicy::kCluster;
    service.external_traffic_policy =
        world.Below(2) == 0 ? TrafficPolicy::kLocal : TrafficPolicy::kCluster;
    Add(cluster, service);
    core::Epochs ids(kMostBackends);
    tables::ServiceTableBuilder builder(ids);
    ASSERT_TRUE(builder.Apply(Translate(cluster, Here()).services, {}).ok());
    const auto* cluster_ip = builder.table()->Find(Ip("10.96.0.1"), kTcp, 80);
    const auto* node_port = builder.table()->Find(Ip("192.0.2.1"), kTcp, 30080);
    ASSERT_TRUE(cluster_ip != nullptr && node_port != nullptr);

    const bool internal = service.internal_traffic_policy == TrafficPolicy::kLocal;
    const bool external = service.external_traffic_policy == TrafficPolicy::kLocal;
    const ServicePort& port = service.ports[0];
    const auto all = Expected(cluster, service, port, false);
    EXPECT_EQ(Reached(*cluster_ip, true), Expected(cluster, service, port, internal));
    EXPECT_EQ(Reached(*node_port, false), Expected(cluster, service, port, external));
    EXPECT_EQ(Reached(*node_port, true), all) << "inside, the external policy does not bind";
    ++compared[!all.empty()];
  }
  EXPECT_GT(compared[false], 100);
  EXPECT_GT(compared[true], 100);
}

}  // namespace
}  // namespace pollux::services
