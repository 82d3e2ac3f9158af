// From bytes to meaning: Ethernet, IPv4/IPv6, extension headers, fragments, the L4 header, and the
// offload header against what was parsed. Fills the fields of core::Packet that parse sets, and
// cuts off what lies behind the IP packet (Ethernet padding).
//
// Nearly every packet is TCP or UDP in a whole IPv4 packet without options or in an IPv6 packet
// without extension headers: ParseCommon recognises those inline, with few branches, and leaves
// everything else to DecideFully, which parses any packet and is the specification: where
// ParseCommon accepts, both come to the same result (parse_test.cc holds them to it).
//
// What is passed on by rule:
//  - IPv4 options (RFC 791, RFC 7126): end, no-operation, record route, timestamp, router alert.
//    Source routes, unknown options and impossible lengths are dropped.
//  - IPv6 extension headers (RFC 8200 section 4): at most kMaxExtensionHeaders, hop-by-hop only
//    first, one fragment header; jumbograms (RFC 2675) are dropped, and so are routing headers of
//    type 0 (RFC 5095) or with segments left: source routes, as in IPv4.
//  - Fragments: the first one holds the whole L4 header (RFC 7112), later ones do not overlap it
//    (RFC 1858, RFC 3128). An IPv6 atomic fragment is a whole packet (RFC 6946). Neighbour
//    discovery is never fragmented (RFC 6980).
//  - L4 protocols that the switch does not know.
// Threading: one worker.
#pragma once

#include <algorithm>

#include "dataplane/net/checksum.h"
#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Parse {
  static constexpr core::StepId kId = core::StepId::kParse;
  static constexpr unsigned kMaxExtensionHeaders = 6;

  static core::Verdict Decide(Context& ctx, core::Packet& packet) {
    if (ParseCommon(packet, ctx.ingress.mtu)) [[likely]] {
      return core::Verdict::Continue();
    }
    return DecideFully(packet, ctx.ingress.mtu);
  }

  // `mtu` in L3 bytes.
  static core::Verdict DecideFully(core::Packet& packet, std::uint16_t mtu);

 private:
  static constexpr std::uint8_t kL3Offset = sizeof(net::EthernetHeader);

  static bool ParseCommon(core::Packet& packet, std::uint16_t mtu);
  static bool ParseCommonL4(core::Packet& packet, std::uint16_t mtu, std::uint32_t ip_header_length,
                            std::uint32_t ip_length, net::IpProtocol protocol);
  static core::DropReason ParseFrame(core::Packet& packet);
  static core::DropReason ParseIpv4(core::Packet& packet);
  static core::DropReason ParseIpv6(core::Packet& packet);
  // The offload header against the parsed packet.
  static bool OffloadHolds(const core::Packet& packet);
  // Cuts the frame behind its first `frame_length` bytes.
  static void Trim(core::Packet& packet, std::uint32_t frame_length) {
    packet.head_length =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(packet.head_length, frame_length));
    packet.payload_length = frame_length - packet.head_length;
  }
};

inline bool Parse::ParseCommon(core::Packet& packet, std::uint16_t mtu) {
  const net::EtherType type = packet.ethernet().ether_type();
  if (type == net::EtherType::kIpv4) [[likely]] {
    const auto* ip = packet.HeaderAt<net::Ipv4Header>(kL3Offset);
    constexpr net::Be16 kFragmented{net::Ipv4Header::kMoreFragments | net::Ipv4Header::kOffsetMask};
    if (ip == nullptr || ip->version_ihl != 0x45 || (ip->fragment.raw() & kFragmented.raw()) != 0 ||
        !net::Ipv4HeaderChecksumHolds(*ip)) [[unlikely]] {
      return false;
    }
    packet.ip = core::IpVersion::k4;
    return ParseCommonL4(packet, mtu, sizeof *ip, ip->total_length.value(), ip->protocol);
  }
  if (type == net::EtherType::kIpv6) {
    const auto* ip = packet.HeaderAt<net::Ipv6Header>(kL3Offset);
    if (ip == nullptr || ip->version() != 6) [[unlikely]] {
      return false;
    }
    packet.ip = core::IpVersion::k6;
    return ParseCommonL4(packet, mtu, sizeof *ip, sizeof *ip + ip->payload_length.value(),
                         ip->next_header);
  }
  return false;
}

// With the shortest IP headers even the longest TCP header ends within the head, so a length that
// fits the packet fits the head.
inline bool Parse::ParseCommonL4(core::Packet& packet, std::uint16_t mtu,
                                 std::uint32_t ip_header_length, std::uint32_t ip_length,
                                 net::IpProtocol protocol) {
  const bool tcp = protocol == net::IpProtocol::kTcp;
  const std::uint32_t minimum = tcp ? sizeof(net::TcpHeader) : sizeof(net::UdpHeader);
  const bool known = tcp || protocol == net::IpProtocol::kUdp;
  const bool too_long = ip_length > mtu && packet.offload.gso == core::Gso::kNone;
  if (!known || too_long || ip_length < ip_header_length + minimum ||
      kL3Offset + ip_length > packet.frame_length()) [[unlikely]] {
    return false;
  }
  const std::uint32_t l4_offset = kL3Offset + ip_header_length;
  const std::uint8_t* l4 = packet.head + l4_offset;
  // What the L4 header says of a length: its own in TCP, the datagram's in UDP.
  const std::uint32_t length = tcp ? reinterpret_cast<const net::TcpHeader*>(l4)->header_length()
                                   : reinterpret_cast<const net::UdpHeader*>(l4)->length.value();
  if (length < minimum || length > ip_length - ip_header_length) [[unlikely]] {
    return false;
  }
  Trim(packet, kL3Offset + ip_length);
  packet.l3_offset = kL3Offset;
  packet.l4_offset = static_cast<std::uint8_t>(l4_offset);
  packet.protocol = protocol;
  packet.is_fragment = false;
  packet.is_first_fragment = false;
  return packet.offload.none() || OffloadHolds(packet);
}

}  // namespace pollux::stages
