// What a port should be: the value that the API, the saved state and the port factory share.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "dataplane/net/address.h"

namespace pollux::core {

enum class PortRole : std::uint8_t {
  kPod,     // strict source guard: only its endpoints' addresses
  kHost,    // the node's own interface (pollux0)
  kUplink,  // the wire: next hops are resolved by ARP and ND
};

// A TAP device, made by the switch in the network namespace at `netns` (a path that can be opened,
// such as /run/netns/NAME or /proc/PID/ns/net; empty: the switch's own).
struct TapSpec {
  std::string netns;
  std::string ifname;
  friend bool operator==(const TapSpec&, const TapSpec&) = default;
};

enum class SocketMode : std::uint8_t { kServer, kClient };

struct VhostUserSpec {
  std::string socket;  // absolute path
  SocketMode mode = SocketMode::kServer;
  std::string owner;              // "user[:group]" or numeric, server mode; empty: unchanged
  std::uint32_t socket_mode = 0;  // permission bits, server mode; 0: 0600
  friend bool operator==(const VhostUserSpec&, const VhostUserSpec&) = default;
};

struct MemifSpec {
  std::string socket;  // absolute path
  std::uint32_t id = 0;
  SocketMode role = SocketMode::kServer;  // server = memif "master"
  std::string owner;
  std::uint32_t socket_mode = 0;
  friend bool operator==(const MemifSpec&, const MemifSpec&) = default;
};

// A DPDK device: "0000:01:00.0", "net_af_packet0,iface=eth0", "net_null0", "net_ring0", ...
struct EthdevSpec {
  std::string devargs;
  friend bool operator==(const EthdevSpec&, const EthdevSpec&) = default;
};

using PortBackend = std::variant<TapSpec, VhostUserSpec, MemifSpec, EthdevSpec>;

struct PortSpec {
  std::string name;
  PortRole role = PortRole::kPod;
  net::MacAddress mac;       // the peer's address; zero: chosen by the switch where it makes the
                             // device (TAP), unknown otherwise
  std::uint16_t mtu = 1500;  // L3 bytes
  std::uint16_t queues = 1;
  std::uint16_t ring_size = 1024;                // descriptors per queue, where the switch chooses
  std::vector<net::InterfaceAddress> addresses;  // of the switch on this port (uplink, host)
  std::uint16_t vlan = 0;                        // 0: untagged
  PortBackend backend;

  friend bool operator==(const PortSpec&, const PortSpec&) = default;
};

inline constexpr std::uint16_t kMinMtu = 68;    // RFC 791
inline constexpr std::uint16_t kMaxMtu = 9216;  // jumbo frames
inline constexpr std::uint16_t kMaxQueues = 16;

}  // namespace pollux::core
