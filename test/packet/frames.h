// The packet language of the tests: whole frames from readable terms.
//
//   UdpFrame({.to = "10.0.0.11", .ttl = 1}, 100)      TcpFrame({.from = "fd00::10", ...}, 4000)
//
// A term that is left out has the value of a plain packet from one pod to the other of SmallSwitch
// (dataplane/stages/step_test_support.h). Lengths and checksums are right; a test that wants them
// wrong overlays them afterwards.
// Threading: tests.
#pragma once

#include "dataplane/stages/step_test_support.h"

namespace pollux::stages::testing {

struct FrameTerms {
  std::string_view from = "10.0.0.10";  // the family of both is that of `from`
  std::string_view to = "10.0.0.11";
  net::MacAddress from_mac = kPodMac;
  net::MacAddress to_mac = kGatewayMac;
  std::uint8_t ttl = 64;       // or hop limit
  std::uint16_t fragment = 0;  // IPv4 only: flags and offset
  Bytes options{};             // IPv4 only
};

inline constexpr std::size_t kUdpChecksumAt = 6;
inline constexpr std::size_t kTcpChecksumAt = 16;

// After a change of the IPv4 header.
inline void RenewIpv4Checksum(Bytes& frame) {
  auto& ip = Overlay<net::Ipv4Header>(frame, 14);
  ip.checksum = {};
  ip.checksum = net::InternetChecksum({frame.data() + 14, ip.header_length()});
}

inline Bytes IpFrame(const FrameTerms& terms, net::IpProtocol protocol, const Bytes& l4,
                     std::size_t checksum_at = kNoChecksum) {
  if (Ip(terms.from).is_v6()) {
    return Ipv6Frame(terms.to_mac, terms.from_mac, V6(terms.from), V6(terms.to), protocol, l4,
                     checksum_at, terms.ttl);
  }
  Bytes frame = Ipv4Frame(terms.to_mac, terms.from_mac, V4(terms.from), V4(terms.to), protocol, l4,
                          checksum_at, terms.options);
  auto& ip = Overlay<net::Ipv4Header>(frame, 14);
  ip.ttl = terms.ttl;
  ip.fragment = net::Be16(terms.fragment);
  RenewIpv4Checksum(frame);
  return frame;
}

// --- L4 messages, checksums still to come

inline Bytes Udp(std::size_t payload, std::uint16_t from = 1000, std::uint16_t to = 53) {
  Bytes l4;
  Append(
      l4,
      net::UdpHeader{
          net::Be16(from), net::Be16(to), net::Be16(static_cast<std::uint16_t>(8 + payload)), {}});
  const Bytes pattern = Pattern(payload);
  l4.insert(l4.end(), pattern.begin(), pattern.end());
  return l4;
}

// Options are no-operations.
inline Bytes Tcp(std::size_t payload, std::size_t options = 0) {
  constexpr std::uint8_t kNoOperation = 1;
  Bytes l4;
  Append(l4, net::TcpHeader{net::Be16(1000),
                            net::Be16(80),
                            net::Be32(5000),
                            net::Be32(77),
                            static_cast<std::uint8_t>((20 + options) / 4 << 4),
                            net::TcpHeader::kAck,
                            net::Be16(500),
                            {},
                            {}});
  l4.resize(20 + options, kNoOperation);
  const Bytes pattern = Pattern(payload);
  l4.insert(l4.end(), pattern.begin(), pattern.end());
  return l4;
}

// --- Whole frames

inline Bytes UdpFrame(const FrameTerms& terms = {}, std::size_t payload = 64) {
  return IpFrame(terms, net::IpProtocol::kUdp, Udp(payload), kUdpChecksumAt);
}
inline Bytes TcpFrame(const FrameTerms& terms = {}, std::size_t payload = 64,
                      std::size_t options = 0) {
  return IpFrame(terms, net::IpProtocol::kTcp, Tcp(payload, options), kTcpChecksumAt);
}
// An ICMP message of four bytes that are its type's own, then `payload`.
inline Bytes IcmpFrame(const FrameTerms& terms, std::uint8_t type, std::size_t payload = 56) {
  const auto protocol = Ip(terms.from).is_v6() ? net::IpProtocol::kIcmpv6 : net::IpProtocol::kIcmp;
  return IpFrame(terms, protocol, Echo(type, Pattern(payload)), kIcmpChecksumAt);
}
inline Bytes PingFrame(const FrameTerms& terms = {}, std::size_t payload = 56) {
  return IcmpFrame(
      terms, Ip(terms.from).is_v6() ? net::Icmpv6Type::kEchoRequest : net::IcmpType::kEchoRequest,
      payload);
}

// Both Ethernet addresses of an ARP packet are those of its frame unless said otherwise.
struct ArpTerms {
  std::uint16_t operation = net::ArpPacket::kRequest;
  std::string_view sender = "10.0.0.10";
  std::string_view target = "169.254.1.1";
  net::MacAddress from_mac = kPodMac;
  net::MacAddress to_mac = net::MacAddress::Broadcast();
  net::MacAddress sender_mac = from_mac;
  net::MacAddress target_mac{};
};
inline Bytes ArpFrame(const ArpTerms& terms = {}) {
  Bytes frame = EthernetFrame(terms.to_mac, terms.from_mac, net::EtherType::kArp);
  Append(frame, net::ArpPacket{.hardware_type = net::Be16(net::ArpPacket::kEthernet),
                               .protocol_type = net::Be16(0x0800),
                               .hardware_length = 6,
                               .protocol_length = 4,
                               .operation = net::Be16(terms.operation),
                               .sender_mac = terms.sender_mac,
                               .sender_ip = V4(terms.sender),
                               .target_mac = terms.target_mac,
                               .target_ip = V4(terms.target)});
  return frame;
}

// A neighbour discovery message with one link-layer option.
struct NeighbourTerms {
  std::uint8_t type = net::Icmpv6Type::kNeighborSolicitation;
  std::uint32_t flags = 0;
  std::string_view from = "fd00::10";
  std::string_view to = "ff02::1:ff00:1";
  std::string_view target = "fe80::1";
  net::MacAddress from_mac = kPodMac;
  net::MacAddress to_mac = {{0x33, 0x33, 0xff, 0, 0, 1}};
  net::MacAddress option_mac = from_mac;
  std::uint8_t option = type == net::Icmpv6Type::kNeighborSolicitation
                            ? net::LinkLayerOption::kSource
                            : net::LinkLayerOption::kTarget;
};
inline Bytes NeighbourFrame(const NeighbourTerms& terms = {}) {
  Bytes l4;
  Append(l4, net::NeighborMessage{terms.type, 0, {}, net::Be32(terms.flags), V6(terms.target)});
  if (terms.from != "::") {
    Append(l4, net::LinkLayerOption{terms.option, 1, terms.option_mac});
  }
  return Ipv6Frame(terms.to_mac, terms.from_mac, V6(terms.from), V6(terms.to),
                   net::IpProtocol::kIcmpv6, l4, kIcmpChecksumAt);
}

// --- What a guest leaves to the device

struct OffloadedFrame {
  Bytes bytes;
  core::Offload offload;
};

inline std::size_t L4OffsetOf(Bytes& frame) {
  const bool v4 = Overlay<net::EthernetHeader>(frame, 0).ether_type() == net::EtherType::kIpv4;
  return v4 ? 14 + Overlay<net::Ipv4Header>(frame, 14).header_length() : 54;
}

// The frame (TCP or UDP, no extension headers) with the pseudo-header's sum in its checksum field.
// With a gso_size: to be segmented.
inline OffloadedFrame Offloaded(Bytes frame, std::uint16_t gso_size = 0) {
  const std::size_t l4 = L4OffsetOf(frame);
  const auto length = static_cast<std::uint32_t>(frame.size() - l4);
  const bool v4 = Overlay<net::EthernetHeader>(frame, 0).ether_type() == net::EtherType::kIpv4;
  const net::IpProtocol protocol = v4 ? Overlay<net::Ipv4Header>(frame, 14).protocol
                                      : Overlay<net::Ipv6Header>(frame, 14).next_header;
  const bool tcp = protocol == net::IpProtocol::kTcp;
  const auto sum = v4 ? net::PseudoHeaderSum(Overlay<net::Ipv4Header>(frame, 14), protocol, length)
                      : net::PseudoHeaderSum(Overlay<net::Ipv6Header>(frame, 14), protocol, length);
  const std::size_t field = tcp ? kTcpChecksumAt : kUdpChecksumAt;
  Overlay<net::Be16>(frame, l4 + field) = net::Be16::FromRaw(sum.FoldedRaw());
  core::Gso gso = core::Gso::kNone;
  if (gso_size > 0) {
    gso = !tcp ? core::Gso::kUdp : v4 ? core::Gso::kTcp4 : core::Gso::kTcp6;
  }
  return {std::move(frame),
          {.needs_checksum = true,
           .gso = gso,
           .gso_size = gso_size,
           .checksum_start = static_cast<std::uint16_t>(l4),
           .checksum_offset = static_cast<std::uint16_t>(field)}};
}

}  // namespace pollux::stages::testing
