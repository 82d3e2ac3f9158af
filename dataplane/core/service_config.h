// What a service should be: the value that the API, the saved state and the service table share.
//
// One port of one Kubernetes Service, already resolved: no selectors, no names of ports. Follows
// "Virtual IPs and Service Proxies" (kubernetes.io/docs/reference/networking/virtual-ips/).
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::core {

enum class FrontendKind : std::uint8_t {
  kClusterIp,
  kNodePort,
  kLoadBalancer,
  kExternalIp,
  kHostPort,
};

// Where clients send to. {ip, protocol, port} is unique in the switch.
struct FrontendConfig {
  net::IpAddress ip;
  std::uint16_t port = 0;
  FrontendKind kind = FrontendKind::kClusterIp;
  bool local_only = false;                   // traffic policy Local: only this node's backends
  std::vector<net::IpPrefix> source_ranges;  // who may use it; empty: everybody
  friend bool operator==(const FrontendConfig&, const FrontendConfig&) = default;
};

// Who answers. {ip, port} is unique in the service. Frontends are served by backends of their own
// address family.
struct BackendConfig {
  net::IpAddress ip;
  std::uint16_t port = 0;
  bool local = false;     // on this node
  bool draining = false;  // takes no new connections unless nothing else is there
  friend bool operator==(const BackendConfig&, const BackendConfig&) = default;
};

struct ServiceConfig {
  std::string name;  // NAMESPACE/NAME:PORT, unique in the switch
  net::IpProtocol protocol = net::IpProtocol::kTcp;
  std::vector<FrontendConfig> frontends;
  std::vector<BackendConfig> backends;
  std::uint32_t affinity_seconds = 0;  // since a client's last connection; 0: none
  friend bool operator==(const ServiceConfig&, const ServiceConfig&) = default;
};

inline constexpr std::uint32_t kMaxAffinitySeconds = 86'400;  // as the API server has it

}  // namespace pollux::core
