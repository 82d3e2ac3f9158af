// What a packet-generator port sends, in the style of a DPDK device string:
//
//   pollux_generator,size=64,src=10.0.0.1-10.0.0.8,dst=10.1.0.1,sport=1024-1151,dport=80,proto=udp
//
//   size=N[:N...]      frame bytes without FCS, taken in turn                              64
//   src= dst=          address or range FIRST-LAST, both IPv4 or both IPv6          required
//   sport= dport=      port or range FIRST-LAST                                 1024 and 9
//   proto=udp|tcp                                                                         udp
//   flows=N            the first N combinations of the ranges, the source port fastest    all
//   seed=N             N random combinations instead of the first ones        0: the first ones
//   smac= dmac=        Ethernet addresses              the port's own; the switch's gateway
//   count=N            frames in all                                              0: no end
//   burst=N            frames that a poll finds, 1..64                                     64
//
// Threading: values and pure functions.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::vhost {

template <typename T>
struct GeneratorRange {
  T first{};
  std::uint32_t count = 1;
};

struct PacketGeneratorSpec {
  std::vector<std::uint16_t> sizes{64};
  GeneratorRange<net::IpAddress> source;
  GeneratorRange<net::IpAddress> destination;
  GeneratorRange<std::uint16_t> source_port{1024, 1};
  GeneratorRange<std::uint16_t> destination_port{9, 1};
  net::IpProtocol protocol = net::IpProtocol::kUdp;
  std::uint32_t flows = 0;
  std::uint64_t seed = 0;
  net::MacAddress source_mac;       // zero: not given
  net::MacAddress destination_mac;  // zero: not given
  std::uint64_t count = 0;
  unsigned burst = 64;
};

// Whether a device string asks for the generator instead of a DPDK device.
bool IsPacketGenerator(std::string_view devargs);

// InvalidArgument begins with "devargs: KEY".
absl::StatusOr<PacketGeneratorSpec> ParsePacketGenerator(const std::string& devargs);

// Ethernet, IP and L4 headers of the frames.
unsigned GeneratorHeaderBytes(const PacketGeneratorSpec& spec);

}  // namespace pollux::vhost
