// What identifies a connection in one direction: addresses, ports, protocol, zone.
//
// The ports are those of TCP, UDP and SCTP; of an ICMP echo both are its identifier (so that
// request and reply are each other's reverse), of every other protocol zero. The zone keeps
// networks apart that use the same addresses. Sizes are those for which hash tables compare
// fastest. Threading: plain values.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "dataplane/net/address.h"
#include "dataplane/net/endian.h"
#include "dataplane/net/headers.h"
#include "dataplane/net/ids.h"

namespace pollux::net {

struct FlowKey4 {
  Ipv4Address source;
  Ipv4Address destination;
  Be16 source_port;
  Be16 destination_port;
  IpProtocol protocol{};
  std::uint8_t unused = 0;
  Zone zone;

  friend bool operator==(const FlowKey4&, const FlowKey4&) = default;
};
static_assert(sizeof(FlowKey4) == 16 && std::is_trivially_copyable_v<FlowKey4>);

struct FlowKey6 {
  Ipv6Address source;
  Ipv6Address destination;
  Be16 source_port;
  Be16 destination_port;
  IpProtocol protocol{};
  std::uint8_t unused = 0;
  Zone zone;
  std::uint64_t padding = 0;

  friend bool operator==(const FlowKey6&, const FlowKey6&) = default;
};
static_assert(sizeof(FlowKey6) == 48 && std::is_trivially_copyable_v<FlowKey6>);

// Either, where speed does not matter: what the first packet of a connection is decided by.
struct FlowTuple {
  IpAddress source;
  IpAddress destination;
  Be16 source_port;
  Be16 destination_port;
  IpProtocol protocol{};
  Zone zone;

  [[nodiscard]] FlowTuple Reversed() const {
    return {destination, source, destination_port, source_port, protocol, zone};
  }
  [[nodiscard]] FlowKey4 key4() const {
    return {source.v4(), destination.v4(), source_port, destination_port, protocol, 0, zone};
  }
  [[nodiscard]] FlowKey6 key6() const {
    return {source.v6(), destination.v6(), source_port, destination_port, protocol, 0, zone, 0};
  }
  friend bool operator==(const FlowTuple&, const FlowTuple&) = default;
};

}  // namespace pollux::net
