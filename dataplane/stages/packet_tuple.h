// The flow key of a packet.
// Threading: pure functions.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/core/packet.h"
#include "dataplane/net/flow_key.h"

namespace pollux::stages {

struct PortPair {
  net::Be16 source;
  net::Be16 destination;
};
static_assert(sizeof(PortPair) == 4);

constexpr bool HasPorts(net::IpProtocol protocol) {
  return protocol == net::IpProtocol::kTcp || protocol == net::IpProtocol::kUdp ||
         protocol == net::IpProtocol::kSctp;
}
constexpr bool IsIcmp(net::IpProtocol protocol) {
  return protocol == net::IpProtocol::kIcmp || protocol == net::IpProtocol::kIcmpv6;
}

// Or an identifier in its place.
constexpr bool HasSourcePort(net::IpProtocol protocol) {
  return HasPorts(protocol) || IsIcmp(protocol);
}

// What kind of ICMP message a packet is, for connections. Parse has seen the whole header.
enum class IcmpRole : std::uint8_t { kRequest, kReply, kError, kOther };
IcmpRole IcmpRoleOf(net::IpProtocol protocol, std::uint8_t type);

// Of what lies at the first byte of an L4 header of at least 8 bytes (ICMP) or 4.
inline PortPair PortsAt(net::IpProtocol protocol, const std::uint8_t* l4) {
  PortPair ports;
  if (HasPorts(protocol)) {
    std::memcpy(&ports, l4, sizeof ports);
  } else if (IsIcmp(protocol)) {
    constexpr unsigned kIdentifier = 4;
    std::memcpy(&ports.source, l4 + kIdentifier, sizeof ports.source);
    ports.destination = ports.source;
  }
  return ports;
}

// `packet` has an L4 header (l4_offset). Made in registers, in as many loads as there must be: a
// key that is written in pieces and then read as a whole waits for its stores.
inline net::FlowKey4 Key4Of(core::Packet& packet, net::Zone zone) {
  static_assert(offsetof(net::FlowKey4, source_port) == 8 && offsetof(net::FlowKey4, zone) == 14);
  const PortPair ports = PortsAt(packet.protocol, packet.head + packet.l4_offset);
  std::array<std::uint64_t, 2> words;
  std::memcpy(&words[0], &packet.ipv4().source, sizeof words[0]);  // and the destination
  words[1] = std::bit_cast<std::uint32_t>(ports) |
             static_cast<std::uint64_t>(packet.protocol) << 32 |
             static_cast<std::uint64_t>(zone.value()) << 48;
  return std::bit_cast<net::FlowKey4>(words);
}
inline net::FlowKey6 Key6Of(core::Packet& packet, net::Zone zone) {
  const net::Ipv6Header& ip = packet.ipv6();
  const PortPair ports = PortsAt(packet.protocol, packet.head + packet.l4_offset);
  return {ip.source, ip.destination, ports.source, ports.destination, packet.protocol, 0, zone, 0};
}
net::FlowTuple TupleOf(core::Packet& packet, net::Zone zone);
// Without ports: of any IP packet.
net::FlowTuple AddressesOf(core::Packet& packet);

}  // namespace pollux::stages
