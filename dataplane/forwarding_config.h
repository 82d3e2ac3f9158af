// What the switch is asked to forward, as one value: replaced as a whole, seen whole or not at all.
// Threading: plain values.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/core/service_config.h"
#include "dataplane/net/address.h"
#include "dataplane/net/ids.h"

namespace pollux {

using core::BackendConfig;
using core::FrontendConfig;
using core::FrontendKind;
using core::ServiceConfig;

// A pod or VM on a port. Addresses are unique in the switch.
struct EndpointConfig {
  std::string name;
  net::PortId port;
  net::MacAddress mac;
  std::vector<net::IpAddress> addresses;
  bool open = true;
  friend bool operator==(const EndpointConfig&, const EndpointConfig&) = default;
};

struct RouteConfig {
  net::IpPrefix prefix;
  std::optional<net::IpAddress> via;  // unset: on the link
  net::PortId port;
  friend bool operator==(const RouteConfig&, const RouteConfig&) = default;
};

// Everything that forwarding needs beside the ports.
struct ForwardingConfig {
  std::vector<EndpointConfig> endpoints;
  std::vector<RouteConfig> routes;
  // Never null. Shared with the configuration before, so that ten thousand unchanged ones are
  // copied and compared by pointer.
  std::vector<std::shared_ptr<const ServiceConfig>> services;
  std::vector<net::IpPrefix> cluster_cidrs;  // sources that count as inside the cluster

  friend bool operator==(const ForwardingConfig& a, const ForwardingConfig& b) {
    const auto same = [](const auto& x, const auto& y) { return x == y || *x == *y; };
    return a.endpoints == b.endpoints && a.routes == b.routes &&
           a.cluster_cidrs == b.cluster_cidrs &&
           std::equal(a.services.begin(), a.services.end(), b.services.begin(), b.services.end(),
                      same);
  }
};

}  // namespace pollux
