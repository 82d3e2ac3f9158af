// The headers that the switch reads and writes, as overlays on bytes (alignment 1).
// Each struct names its RFC; sizes are asserted. No pointer to a header is made from untrusted
// lengths here: reach headers through Packet::HeaderAt (core/packet.h), which checks.
// Threading: plain values.
#pragma once

#include <cstdint>

#include "dataplane/net/address.h"
#include "dataplane/net/endian.h"

namespace pollux::net {

// IEEE 802.3 / RFC 7042: EtherType values; below 0x600 the field is an LLC length.
enum class EtherType : std::uint16_t {
  kFirstEtherType = 0x0600,
  kIpv4 = 0x0800,
  kArp = 0x0806,
  kVlan = 0x8100,
  kIpv6 = 0x86dd,
  kQinQ = 0x88a8,
};

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  Be16 type;

  [[nodiscard]] EtherType ether_type() const { return static_cast<EtherType>(type.value()); }
  void set_ether_type(EtherType t) { type.set(static_cast<std::uint16_t>(t)); }
};
static_assert(sizeof(EthernetHeader) == 14);

// IANA protocol numbers, for IPv4's protocol and IPv6's next header.
enum class IpProtocol : std::uint8_t {
  kHopByHop = 0,
  kIcmp = 1,
  kIpip = 4,
  kTcp = 6,
  kUdp = 17,
  kIpv6 = 41,
  kRouting = 43,
  kFragment = 44,
  kGre = 47,
  kEsp = 50,
  kAuthentication = 51,
  kIcmpv6 = 58,
  kNoNext = 59,
  kDestinationOptions = 60,
  kSctp = 132,
  kMobility = 135,
};

// RFC 791.
struct Ipv4Header {
  std::uint8_t version_ihl;
  std::uint8_t tos;
  Be16 total_length;
  Be16 id;
  Be16 fragment;  // flags and offset in units of 8 bytes
  std::uint8_t ttl;
  IpProtocol protocol;
  Be16 checksum;
  Ipv4Address source;
  Ipv4Address destination;

  static constexpr std::uint16_t kDontFragment = 0x4000;
  static constexpr std::uint16_t kMoreFragments = 0x2000;
  static constexpr std::uint16_t kOffsetMask = 0x1fff;
  [[nodiscard]] unsigned header_length() const { return (version_ihl & 15U) * 4; }
  [[nodiscard]] unsigned version() const { return version_ihl >> 4; }
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);

// RFC 8200.
struct Ipv6Header {
  Be32 version_class_flow;
  Be16 payload_length;
  IpProtocol next_header;
  std::uint8_t hop_limit;
  Ipv6Address source;
  Ipv6Address destination;

  [[nodiscard]] unsigned version() const { return version_class_flow.value() >> 28; }
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);

// RFC 8200 section 4.5.
struct Ipv6FragmentHeader {
  IpProtocol next_header;
  std::uint8_t reserved;
  Be16 offset_and_more;  // offset in units of 8 bytes in the top 13 bits, M in the lowest
  Be32 id;
};
static_assert(sizeof(Ipv6FragmentHeader) == 8);

// RFC 9293.
struct TcpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgement;
  std::uint8_t data_offset;  // in the top 4 bits, units of 4 bytes
  std::uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent;

  static constexpr std::uint8_t kFin = 0x01;
  static constexpr std::uint8_t kSyn = 0x02;
  static constexpr std::uint8_t kRst = 0x04;
  static constexpr std::uint8_t kPsh = 0x08;
  static constexpr std::uint8_t kAck = 0x10;
  static constexpr std::uint8_t kCwr = 0x80;
  [[nodiscard]] unsigned header_length() const { return (data_offset >> 4) * 4U; }
  // The first segment of a connection (RFC 9293 section 3.5).
  [[nodiscard]] bool opens() const { return (flags & (kSyn | kAck | kRst | kFin)) == kSyn; }
};
static_assert(sizeof(TcpHeader) == 20);

// RFC 768.
struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

// RFC 792 and RFC 4443: the same first eight bytes.
struct IcmpHeader {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
  Be16 id_or_unused;     // echo: identifier
  Be16 sequence_or_mtu;  // echo: sequence; IPv4 fragmentation needed: next-hop MTU (RFC 1191)
};
static_assert(sizeof(IcmpHeader) == 8);

struct IcmpType {
  static constexpr std::uint8_t kEchoReply = 0;
  static constexpr std::uint8_t kDestinationUnreachable = 3;
  static constexpr std::uint8_t kSourceQuench = 4;
  static constexpr std::uint8_t kRedirect = 5;
  static constexpr std::uint8_t kEchoRequest = 8;
  static constexpr std::uint8_t kTimeExceeded = 11;
  static constexpr std::uint8_t kParameterProblem = 12;
};

struct Icmpv6Type {
  static constexpr std::uint8_t kDestinationUnreachable = 1;
  static constexpr std::uint8_t kPacketTooBig = 2;
  static constexpr std::uint8_t kTimeExceeded = 3;
  static constexpr std::uint8_t kParameterProblem = 4;
  static constexpr std::uint8_t kFirstInformational = 128;
  static constexpr std::uint8_t kEchoRequest = 128;
  static constexpr std::uint8_t kEchoReply = 129;
  static constexpr std::uint8_t kRouterSolicitation = 133;
  static constexpr std::uint8_t kRouterAdvertisement = 134;
  static constexpr std::uint8_t kNeighborSolicitation = 135;
  static constexpr std::uint8_t kNeighborAdvertisement = 136;
  static constexpr std::uint8_t kRedirect = 137;
};

// RFC 826, Ethernet and IPv4 only.
struct ArpPacket {
  Be16 hardware_type;
  Be16 protocol_type;
  std::uint8_t hardware_length;
  std::uint8_t protocol_length;
  Be16 operation;
  MacAddress sender_mac;
  Ipv4Address sender_ip;
  MacAddress target_mac;
  Ipv4Address target_ip;

  static constexpr std::uint16_t kEthernet = 1;
  static constexpr std::uint16_t kRequest = 1;
  static constexpr std::uint16_t kReply = 2;
};
static_assert(sizeof(ArpPacket) == 28);

// RFC 4861 sections 4.3 and 4.4: what follows the ICMPv6 type, code and checksum.
struct NeighborMessage {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
  Be32 flags;  // advertisement: router, solicited, override in the top three bits
  Ipv6Address target;

  static constexpr std::uint32_t kRouter = 0x80000000;
  static constexpr std::uint32_t kSolicited = 0x40000000;
  static constexpr std::uint32_t kOverride = 0x20000000;
};
static_assert(sizeof(NeighborMessage) == 24);

// RFC 4861 section 4.6.1, for Ethernet: length in units of 8 bytes.
struct LinkLayerOption {
  std::uint8_t type;
  std::uint8_t length;
  MacAddress mac;

  static constexpr std::uint8_t kSource = 1;
  static constexpr std::uint8_t kTarget = 2;
};
static_assert(sizeof(LinkLayerOption) == 8);

}  // namespace pollux::net
