// Kubernetes objects in few words, for tests. This node is "here", in zone "z1", with the addresses
// 192.0.2.1 and 2001:db8::1; node "there" has 192.0.2.2 and is in zone "z2".
// Threading: tests.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/services/options.h"

namespace pollux::services {

using kubernetes::Cluster;
using kubernetes::EndpointSlice;
using kubernetes::Pod;
using kubernetes::Service;
using kubernetes::ServicePort;

inline constexpr auto kTcp = net::IpProtocol::kTcp;
inline constexpr auto kUdp = net::IpProtocol::kUdp;

inline net::IpAddress Ip(const std::string& text) { return net::IpAddress::Parse(text).value(); }
inline net::IpPrefix Cidr(const std::string& text) { return net::IpPrefix::Parse(text).value(); }

inline std::vector<net::IpAddress> Ips(std::initializer_list<const char*> texts) {
  std::vector<net::IpAddress> ips;
  for (const char* text : texts) {
    ips.push_back(Ip(text));
  }
  return ips;
}

inline Options Here() {
  return {.node_name = "here",
          .node_addresses = Ips({"192.0.2.1", "2001:db8::1"}),
          .nodeport_addresses = {},
          .pod_cidrs = {Cidr("10.1.0.0/24")}};
}

inline Cluster TwoNodes() {
  Cluster cluster;
  kubernetes::Node& here = cluster.nodes["here"];
  here.name = "here";
  here.labels["topology.kubernetes.io/zone"] = "z1";
  here.addresses = {{"InternalIP", Ip("192.0.2.1")}, {"InternalIP", Ip("2001:db8::1")}};
  kubernetes::Node& there = cluster.nodes["there"];
  there.name = "there";
  there.labels["topology.kubernetes.io/zone"] = "z2";
  there.addresses = {{"InternalIP", Ip("192.0.2.2")}, {"ExternalIP", Ip("203.0.113.2")}};
  return cluster;
}

// x/web, of ClusterIP 10.96.0.1, with port 80 "http" to 8080.
inline Service Web() {
  Service service;
  service.namespace_name = "x";
  service.name = "web";
  service.cluster_ips = Ips({"10.96.0.1"});
  service.ports = {{.name = "http", .port = 80, .target_port = std::uint16_t{8080}}};
  service.selector = {{"app", "web"}};
  return service;
}

inline kubernetes::Endpoint At(const char* ip, const char* node = "there") {
  kubernetes::Endpoint endpoint;
  endpoint.addresses = Ips({ip});
  endpoint.node_name = node;
  return endpoint;
}

inline kubernetes::Endpoint Unready(kubernetes::Endpoint endpoint) {
  endpoint.ready = false;
  endpoint.serving = false;
  return endpoint;
}

inline kubernetes::Endpoint Draining(kubernetes::Endpoint endpoint) {
  endpoint.ready = false;
  endpoint.serving = true;
  endpoint.terminating = true;
  return endpoint;
}

inline kubernetes::Endpoint ForZones(kubernetes::Endpoint endpoint,
                                     std::vector<std::string> zones) {
  endpoint.hinted_zones = std::move(zones);
  return endpoint;
}

inline kubernetes::Endpoint ForNodes(kubernetes::Endpoint endpoint,
                                     std::vector<std::string> nodes) {
  endpoint.hinted_nodes = std::move(nodes);
  return endpoint;
}

// Of x/web, for port "http".
inline EndpointSlice Slice(std::vector<kubernetes::Endpoint> endpoints) {
  EndpointSlice slice;
  slice.namespace_name = "x";
  slice.service_name = "web";
  slice.address_type = endpoints.empty() || endpoints[0].addresses[0].is_v4()
                           ? EndpointSlice::AddressType::kIpv4
                           : EndpointSlice::AddressType::kIpv6;
  slice.ports = {{"http", kTcp, 8080}};
  slice.endpoints = std::move(endpoints);
  return slice;
}

// app=web, ready, with the named port "web" 8081.
inline Pod WebPod(const std::string& name, std::vector<net::IpAddress> ips,
                  const std::string& node = "there") {
  Pod pod;
  pod.namespace_name = "x";
  pod.name = name;
  pod.labels = {{"app", "web"}};
  pod.node_name = node;
  pod.ports = {{.name = "web", .container_port = 8081, .host_ip = {}}};
  pod.ips = std::move(ips);
  return pod;
}

inline void Add(Cluster& cluster, Service service) {
  cluster.services[{service.namespace_name, service.name}] = std::move(service);
}
inline void Add(Cluster& cluster, Pod pod) {
  cluster.pods[{pod.namespace_name, pod.name}] = std::move(pod);
}
// Unnamed ones get a number.
inline void Add(Cluster& cluster, EndpointSlice slice) {
  if (slice.name.empty()) {
    slice.name = "slice-" + std::to_string(cluster.endpoint_slices.size());
  }
  cluster.endpoint_slices[{slice.namespace_name, slice.name}] = std::move(slice);
}

template <typename... Objects>
Cluster With(Objects... objects) {
  Cluster cluster = TwoNodes();
  (Add(cluster, std::move(objects)), ...);
  return cluster;
}

template <typename Object, typename Change>
Object But(Object object, Change change) {
  change(object);
  return object;
}

}  // namespace pollux::services
