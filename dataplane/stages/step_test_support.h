// A small switch for the tests of single steps: two pods, the host and an uplink, no packet I/O.
//
//   port 1  pod      10.0.0.10 and fd00::10 at kPodMac
//   port 2  pod      10.0.0.11 and fd00::11; 192.0.2.50 and 2001:db8::50, which the wire sees, too
//   port 3  host     no endpoint
//   port 4  uplink   192.0.2.1/24 and 2001:db8::1/64 at kUplinkMac
// Threading: tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/core/copy.h"
#include "dataplane/net/checksum.h"
#include "dataplane/stages/context.h"
#include "dataplane/stages/parse.h"
#include "policy/compiler.h"

namespace pollux::stages::testing {

inline constexpr net::MacAddress kGatewayMac = {{2, 0, 0, 0, 0, 1}};
inline constexpr net::MacAddress kPodMac = {{2, 0, 0, 0, 0, 0x10}};
inline constexpr net::MacAddress kOtherPodMac = {{2, 0, 0, 0, 0, 0x11}};
inline constexpr net::MacAddress kHostMac = {{2, 0, 0, 0, 0, 0x20}};
inline constexpr net::MacAddress kUplinkMac = {{2, 0, 0, 0, 0, 0x30}};
inline constexpr net::MacAddress kRouterMac = {{2, 0, 0, 0, 0, 0x99}};
inline constexpr net::PortId kPod{1};
inline constexpr net::PortId kOtherPod{2};
inline constexpr net::PortId kHost{3};
inline constexpr net::PortId kUplink{4};

inline net::Ipv4Address V4(std::string_view text) { return net::Ipv4Address::Parse(text).value(); }
inline net::Ipv6Address V6(std::string_view text) { return net::Ipv6Address::Parse(text).value(); }
inline net::IpAddress Ip(std::string_view text) { return net::IpAddress::Parse(text).value(); }

// A port that is only looked at.
class SilentPort final : public core::Port {
 public:
  explicit SilentPort(net::PortId id) : Port(id, {}, 1) {}
  [[nodiscard]] unsigned rx_queue_count() const override { return 0; }
  [[nodiscard]] core::RxQueue& rx_queue(unsigned) override { std::abort(); }
  void Send(net::WorkerId, std::span<core::Packet* const>) override { std::abort(); }
  [[nodiscard]] core::PortCapabilities capabilities() const override { return {}; }
  [[nodiscard]] core::PortStatus Status() const override { return {}; }
};

class SmallSwitch {
 public:
  explicit SmallSwitch(Flows* flows = nullptr) : worker(net::WorkerId(0), flows) {
    tables.gateway_mac = kGatewayMac;
    entries.resize(5);
    for (std::uint16_t i = 1; i <= 4; ++i) {
      silent_ports_.push_back(std::make_unique<SilentPort>(net::PortId(i)));
      entries[i].port = silent_ports_.back().get();
      entries[i].local_mac = kGatewayMac;
    }
    entries[1].endpoint_macs = {kPodMac};
    entries[2].endpoint_macs = {kOtherPodMac};
    entries[3].role = core::PortRole::kHost;
    entries[3].peer_mac = kHostMac;
    entries[4].role = core::PortRole::kUplink;
    entries[4].local_mac = kUplinkMac;
    entries[4].addresses = {{Ip("192.0.2.1"), 24}, {Ip("2001:db8::1"), 64}};
    entries[4].local_v4 = V4("192.0.2.1");
    entries[4].local_v6 = V6("2001:db8::1");
    using Binding = tables::EndpointTable::Binding;
    tables.endpoints = std::make_shared<tables::EndpointTable>(std::vector<Binding>{
        {{net::EndpointId(1), kPod, kPodMac}, {Ip("10.0.0.10"), Ip("fd00::10")}},
        {{net::EndpointId(2), kOtherPod, kOtherPodMac},
         {Ip("10.0.0.11"), Ip("fd00::11"), Ip("192.0.2.50"), Ip("2001:db8::50")}}});
    tables.routes = std::make_shared<tables::RouteTable>();
    tables.adjacencies = std::make_shared<tables::AdjacencyTable>();
    tables.policies = std::make_shared<policy::CompiledPolicies>();
    SetNeighbours({});
    Publish();
  }

  // After a change of `entries`.
  void Publish() { tables.ports = std::make_shared<tables::PortTable>(entries); }
  void SetNeighbours(std::vector<tables::Neighbour> neighbours) {
    tables.neighbours = std::make_shared<tables::NeighbourTable>(std::move(neighbours));
  }
  Context ContextOf(net::PortId ingress) {
    const tables::PortEntry& entry = (*tables.ports)[ingress];
    return {.tables = tables,
            .ingress = entry,
            .counters = entry.port->counters(worker.id),
            .worker = worker,
            .now = now};
  }
  core::PortCounters& counters(net::PortId port) {
    return entries[port.value()].port->counters(worker.id);
  }
  std::vector<NeighbourEvent> Events() {
    std::vector<NeighbourEvent> events;
    for (NeighbourEvent event; worker.events.TryPop(event);) {
      events.push_back(event);
    }
    return events;
  }

  std::vector<tables::PortEntry> entries;
  tables::Tables tables;
  WorkerState worker;
  net::Nanos now{1'000'000'000};

 private:
  std::vector<std::unique_ptr<SilentPort>> silent_ports_;
};

// A verdict as a row of a table says it: "continue", "send", "consumed" or the drop's name.
inline std::string Text(core::Verdict verdict) {
  switch (verdict.kind()) {
    case core::VerdictKind::kContinue:
      return "continue";
    case core::VerdictKind::kSend:
      return "send";
    case core::VerdictKind::kConsumed:
      return "consumed";
    case core::VerdictKind::kDrop:
    case core::VerdictKind::kDropAnswer:
      break;
  }
  return std::string(core::Describe(verdict.reason()).name);
}

using Bytes = std::vector<std::uint8_t>;

// Not inlined: GCC 12 sees overflows in inlined insertions that are none.
[[gnu::noinline]] inline void AppendBytes(Bytes& bytes, std::span<const std::uint8_t> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}
template <typename Header>
void Append(Bytes& bytes, const Header& header) {
  AppendBytes(bytes, {reinterpret_cast<const std::uint8_t*>(&header), sizeof header});
}
template <typename Header>
Header& Overlay(Bytes& bytes, std::size_t offset) {
  EXPECT_LE(offset + sizeof(Header), bytes.size());
  return *reinterpret_cast<Header*>(bytes.data() + offset);
}
inline Bytes EthernetFrame(const net::MacAddress& to, const net::MacAddress& from,
                           net::EtherType type) {
  Bytes frame;
  Append(frame, net::EthernetHeader{to, from, net::Be16(static_cast<std::uint16_t>(type))});
  return frame;
}
inline Bytes Pattern(std::size_t length) {
  Bytes bytes(length);
  for (std::size_t i = 0; i < length; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  }
  return bytes;
}

// Whole frames with right lengths and checksums around `l4` (whose own checksum field, at
// `checksum_at`, is filled in; kNoChecksum: left alone).
inline constexpr std::size_t kNoChecksum = ~std::size_t{0};
// NOLINTNEXTLINE(readability-function-size): a frame has as many parts
inline Bytes Ipv4Frame(const net::MacAddress& to, const net::MacAddress& from,
                       net::Ipv4Address source, net::Ipv4Address destination,
                       net::IpProtocol protocol, Bytes l4, std::size_t checksum_at,
                       const Bytes& options = {}) {
  Bytes frame = EthernetFrame(to, from, net::EtherType::kIpv4);
  const auto header_length = static_cast<unsigned>(20 + options.size());
  net::Ipv4Header ip{
      .version_ihl = static_cast<std::uint8_t>(0x40 | header_length / 4),
      .tos = 0,
      .total_length = net::Be16(static_cast<std::uint16_t>(header_length + l4.size())),
      .id = net::Be16(0x1234),
      .fragment = {},
      .ttl = 9,
      .protocol = protocol,
      .checksum = {},
      .source = source,
      .destination = destination};
  Append(frame, ip);
  AppendBytes(frame, options);
  Overlay<net::Ipv4Header>(frame, 14).checksum =
      net::InternetChecksum({frame.data() + 14, header_length});
  if (checksum_at != kNoChecksum) {
    const auto length = static_cast<std::uint32_t>(l4.size());
    auto sum = protocol == net::IpProtocol::kIcmp ? net::ChecksumAccumulator{}
                                                  : net::PseudoHeaderSum(ip, protocol, length);
    Overlay<net::Be16>(l4, checksum_at) = {};
    sum.Add(l4);
    Overlay<net::Be16>(l4, checksum_at) = sum.Finish();
  }
  AppendBytes(frame, l4);
  return frame;
}
// NOLINTNEXTLINE(readability-function-size): a frame has as many parts
inline Bytes Ipv6Frame(const net::MacAddress& to, const net::MacAddress& from,
                       const net::Ipv6Address& source, const net::Ipv6Address& destination,
                       net::IpProtocol protocol, Bytes l4, std::size_t checksum_at,
                       std::uint8_t hop_limit = 255) {
  Bytes frame = EthernetFrame(to, from, net::EtherType::kIpv6);
  const net::Ipv6Header ip{.version_class_flow = net::Be32(0x60000000),
                           .payload_length = net::Be16(static_cast<std::uint16_t>(l4.size())),
                           .next_header = protocol,
                           .hop_limit = hop_limit,
                           .source = source,
                           .destination = destination};
  Append(frame, ip);
  if (checksum_at != kNoChecksum) {
    auto sum = net::PseudoHeaderSum(ip, protocol, static_cast<std::uint32_t>(l4.size()));
    Overlay<net::Be16>(l4, checksum_at) = {};
    sum.Add(l4);
    Overlay<net::Be16>(l4, checksum_at) = sum.Finish();
  }
  AppendBytes(frame, l4);
  return frame;
}
inline Bytes Echo(std::uint8_t type, const Bytes& payload) {
  Bytes icmp;
  Append(icmp, net::IcmpHeader{type, 0, {}, net::Be16(0xbeef), net::Be16(7)});
  AppendBytes(icmp, payload);
  return icmp;
}
inline constexpr std::size_t kIcmpChecksumAt = 2;

// A received frame after load_headers, with everything beyond the head in foreign memory that is
// cut into `pieces`.
class LoadedPacket {
 public:
  explicit LoadedPacket(Bytes frame, net::PortId ingress, std::size_t pieces = 1)
      : frame_(std::move(frame)), buffer_(core::kHeadroomBytes + core::kHeaderBytes) {
    const std::size_t each = frame_.size() / pieces;
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::size_t length = i + 1 < pieces ? each : frame_.size() - each * i;
      segments_.push_back({frame_.data() + each * i, static_cast<std::uint32_t>(length)});
    }
    packet.head = buffer_.data() + core::kHeadroomBytes;
    packet.segments = segments_.data();
    packet.segment_count = static_cast<std::uint16_t>(pieces);
    packet.payload_length = static_cast<std::uint32_t>(frame_.size());
    packet.ingress = ingress;
    core::LoadHead(packet);
  }
  LoadedPacket(const LoadedPacket&) = delete;
  LoadedPacket& operator=(const LoadedPacket&) = delete;

  // What a hostile owner may do at any time: nothing that was loaded may be read again.
  void ScribbleOverLoadedBytes() {
    std::fill_n(frame_.begin(), packet.payload_offset, std::uint8_t{0xdb});
  }

  // As it would reach a port.
  [[nodiscard]] Bytes frame() const { return FrameOf(packet); }
  static Bytes FrameOf(const core::Packet& packet) {
    Bytes bytes(packet.frame_length());
    core::CopyFrame(packet, bytes.data());
    return bytes;
  }

  core::Packet packet;

 private:
  Bytes frame_;
  Bytes buffer_;
  std::vector<core::Segment> segments_;
};

// The same after parse, which must let it pass.
class ReceivedPacket : public LoadedPacket {
 public:
  explicit ReceivedPacket(Bytes frame, net::PortId ingress, std::size_t pieces = 1,
                          const core::Offload& offload = {})
      : LoadedPacket(std::move(frame), ingress, pieces) {
    constexpr std::uint16_t kAnyMtu = 65535;
    packet.offload = offload;
    EXPECT_TRUE(Parse::DecideFully(packet, kAnyMtu).continues());
  }
};

// Sums that must come out right over bytes as they lie in a finished frame.
inline bool Ipv4HeaderSumsUp(Bytes frame) {
  auto& ip = Overlay<net::Ipv4Header>(frame, 14);
  return net::InternetChecksum({frame.data() + 14, ip.header_length()}).raw() == 0;
}
inline bool Icmpv4SumsUp(Bytes frame) {
  const std::size_t l4 = 14 + Overlay<net::Ipv4Header>(frame, 14).header_length();
  return net::InternetChecksum({frame.data() + l4, frame.size() - l4}).raw() == 0;
}
inline bool Icmpv6SumsUp(Bytes frame) {
  const auto& ip = Overlay<net::Ipv6Header>(frame, 14);
  auto sum = net::PseudoHeaderSum(ip, net::IpProtocol::kIcmpv6, ip.payload_length.value());
  sum.Add({frame.data() + 54, frame.size() - 54});
  return sum.Finish().raw() == 0 && ip.payload_length.value() == frame.size() - 54;
}

}  // namespace pollux::stages::testing
