// What the switch is asked to forward, as one value: replaced as a whole, seen whole or not at all.
// Threading: plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/core/service_config.h"
#include "dataplane/net/address.h"
#include "dataplane/net/ids.h"
#include "policy/policy.h"

namespace pollux {

using core::BackendConfig;
using core::FrontendConfig;
using core::FrontendKind;
using core::ServiceConfig;

// What becomes of established connections when policies, labels or pods change.
enum class OnPolicyChange : std::uint8_t {
  kJudgeEstablished,  // at their next packet, as if it were their first
  kKeepEstablished,   // until they end, or their endpoints or services change
};

// A pod or VM on a port. Addresses are unique in the switch.
struct EndpointConfig {
  std::string name;
  net::PortId port;
  net::MacAddress mac;
  std::vector<net::IpAddress> addresses;
  bool open = true;
  std::string pod;  // the workload's name; its addresses are these then
  friend bool operator==(const EndpointConfig&, const EndpointConfig&) = default;
};

struct RouteConfig {
  net::IpPrefix prefix;
  std::optional<net::IpAddress> via;  // unset: on the link
  net::PortId port;
  friend bool operator==(const RouteConfig&, const RouteConfig&) = default;
};

// A pod anywhere in the cluster, as policies see it.
struct WorkloadConfig {
  std::string name;  // NAMESPACE/NAME
  policy::Profile profile;
  std::vector<net::IpAddress> addresses;  // none where it shares its node's
  friend bool operator==(const WorkloadConfig&, const WorkloadConfig&) = default;
};

// What is around the switch.
struct ClusterConfig {
  std::vector<net::IpPrefix> cidrs;            // the pods' addresses, on all nodes
  std::vector<net::IpAddress> node_addresses;  // of this node
  // Behind which connections hide that could not come back otherwise, and with which ports; at most
  // one address of each family.
  std::vector<net::IpAddress> snat_addresses;
  std::uint16_t snat_first_port = 61000;
  std::uint16_t snat_last_port = 65535;
  // What pods send out of the cluster hides, too, except towards these.
  bool masquerade = false;
  std::vector<net::IpPrefix> masquerade_exclude;
  friend bool operator==(const ClusterConfig&, const ClusterConfig&) = default;
};

// Everything that forwarding needs beside the ports.
struct ForwardingConfig {
  // Never null. Shared with the configuration before, so that ten thousand unchanged ones are
  // copied and compared by pointer.
  template <typename Value>
  using Shared = std::vector<std::shared_ptr<const Value>>;

  std::vector<EndpointConfig> endpoints;
  std::vector<RouteConfig> routes;
  Shared<ServiceConfig> services;
  Shared<WorkloadConfig> workloads;
  Shared<policy::Policy> policies;
  ClusterConfig cluster;

  template <typename Value>
  static bool Same(const Shared<Value>& a, const Shared<Value>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return x == y || *x == *y; });
  }
  friend bool operator==(const ForwardingConfig& a, const ForwardingConfig& b) {
    return a.endpoints == b.endpoints && a.routes == b.routes && a.cluster == b.cluster &&
           Same(a.services, b.services) && Same(a.workloads, b.workloads) &&
           Same(a.policies, b.policies);
  }
};

}  // namespace pollux
