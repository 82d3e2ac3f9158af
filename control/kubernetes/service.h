// Service of v1 and EndpointSlice of discovery.k8s.io/v1 as values.
// https://kubernetes.io/docs/reference/kubernetes-api/service-resources/
// Threading: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/kubernetes/network_policy.h"
#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::kubernetes {

enum class TrafficPolicy : std::uint8_t { kCluster, kLocal };
enum class IpFamily : std::uint8_t { kIpv4, kIpv6 };

struct ServicePort {
  std::string name;
  net::IpProtocol protocol = net::IpProtocol::kTcp;
  std::uint16_t port = 0;
  IntOrString target_port;
  std::uint16_t node_port = 0;  // 0: none

  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

struct LoadBalancerIngress {
  enum class Mode : std::uint8_t { kVip, kProxy };

  net::IpAddress ip;
  Mode mode = Mode::kVip;

  friend bool operator==(const LoadBalancerIngress&, const LoadBalancerIngress&) = default;
};

struct Service {
  enum class Type : std::uint8_t { kClusterIp, kNodePort, kLoadBalancer, kExternalName };

  std::string namespace_name;
  std::string name;
  std::string created;  // creationTimestamp, RFC 3339 in UTC: sorts as text; empty: not given
  Labels labels;
  Labels annotations;
  Type type = Type::kClusterIp;
  bool headless = false;                    // clusterIP: None
  std::vector<net::IpAddress> cluster_ips;  // empty only if headless or of type kExternalName
  std::vector<IpFamily> ip_families;
  std::vector<ServicePort> ports;
  Labels selector;
  std::vector<net::IpAddress> external_ips;
  std::string external_name;
  std::vector<LoadBalancerIngress> load_balancer_ingress;
  std::vector<net::IpPrefix> load_balancer_source_ranges;
  std::optional<std::uint32_t> affinity_seconds;  // sessionAffinity: ClientIP
  TrafficPolicy internal_traffic_policy = TrafficPolicy::kCluster;
  TrafficPolicy external_traffic_policy = TrafficPolicy::kCluster;
  std::string traffic_distribution;
  std::uint16_t health_check_node_port = 0;  // 0: none
  bool publish_not_ready_addresses = false;

  friend bool operator==(const Service&, const Service&) = default;
};

struct EndpointPort {
  std::string name;
  net::IpProtocol protocol = net::IpProtocol::kTcp;
  std::optional<std::uint16_t> port;  // none: every port

  friend bool operator==(const EndpointPort&, const EndpointPort&) = default;
};

struct ObjectReference {
  std::string kind;
  std::string namespace_name;
  std::string name;

  friend bool operator==(const ObjectReference&, const ObjectReference&) = default;
};

// The conditions are as written; absent means ready, serving, not terminating.
struct Endpoint {
  std::vector<net::IpAddress> addresses;
  std::optional<bool> ready;
  std::optional<bool> serving;
  std::optional<bool> terminating;
  std::string node_name;
  std::string zone;
  std::optional<ObjectReference> target;
  std::vector<std::string> hinted_zones;
  std::vector<std::string> hinted_nodes;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct EndpointSlice {
  enum class AddressType : std::uint8_t { kIpv4, kIpv6, kFqdn };

  std::string namespace_name;
  std::string name;
  std::string service_name;  // label kubernetes.io/service-name
  AddressType address_type = AddressType::kIpv4;
  std::vector<EndpointPort> ports;
  std::vector<Endpoint> endpoints;  // none of a slice of type kFqdn, which nothing can be sent to

  friend bool operator==(const EndpointSlice&, const EndpointSlice&) = default;
};

}  // namespace pollux::kubernetes
