#include "dataplane/first_packet.h"

#include <span>

#include "dataplane/net/checksum.h"

namespace pollux {
namespace {

constexpr std::uint8_t kTtl = 64;

template <typename Header>
Header& Push(core::Packet& packet) {
  auto* header = reinterpret_cast<Header*>(packet.head + packet.head_length);
  packet.head_length = static_cast<std::uint16_t>(packet.head_length + sizeof(Header));
  return *header;
}

// Without the checksum.
void WriteTcp(core::Packet& packet, const net::FlowTuple& tuple) {
  Push<net::TcpHeader>(packet) = {.source_port = tuple.source_port,
                                  .destination_port = tuple.destination_port,
                                  .sequence = {},
                                  .acknowledgement = {},
                                  .data_offset = sizeof(net::TcpHeader) / 4 << 4,
                                  .flags = net::TcpHeader::kSyn,
                                  .window = net::Be16(65535),
                                  .checksum = {},
                                  .urgent = {}};
}

void WriteUdp(core::Packet& packet, const net::FlowTuple& tuple) {
  Push<net::UdpHeader>(packet) = {.source_port = tuple.source_port,
                                  .destination_port = tuple.destination_port,
                                  .length = net::Be16(sizeof(net::UdpHeader)),
                                  .checksum = {}};
}

// RFC 9260 section 3.3.2.
void WriteSctp(core::Packet& packet, const net::FlowTuple& tuple) {
  struct Init {
    net::Be16 source_port;
    net::Be16 destination_port;
    net::Be32 verification_tag;
    net::Be32 checksum;
    std::uint8_t type;
    std::uint8_t flags;
    net::Be16 length;
    net::Be32 initiate_tag;
    net::Be32 window;
    net::Be16 outbound_streams;
    net::Be16 inbound_streams;
    net::Be32 initial_tsn;
  };
  static_assert(sizeof(Init) == 32);
  Push<Init>(packet) = {.source_port = tuple.source_port,
                        .destination_port = tuple.destination_port,
                        .verification_tag = {},
                        .checksum = {},
                        .type = 1,
                        .flags = 0,
                        .length = net::Be16(20),
                        .initiate_tag = net::Be32(1),
                        .window = net::Be32(65535),
                        .outbound_streams = net::Be16(1),
                        .inbound_streams = net::Be16(1),
                        .initial_tsn = net::Be32(1)};
}

void WriteEcho(core::Packet& packet, const net::FlowTuple& tuple) {
  Push<net::IcmpHeader>(packet) = {
      .type = tuple.source.is_v4() ? net::IcmpType::kEchoRequest : net::Icmpv6Type::kEchoRequest,
      .code = 0,
      .checksum = {},
      .id_or_unused = tuple.source_port,
      .sequence_or_mtu = {}};
}

void WriteL4(core::Packet& packet, const net::FlowTuple& tuple) {
  switch (tuple.protocol) {
    case net::IpProtocol::kTcp:
      return WriteTcp(packet, tuple);
    case net::IpProtocol::kUdp:
      return WriteUdp(packet, tuple);
    case net::IpProtocol::kSctp:
      return WriteSctp(packet, tuple);
    case net::IpProtocol::kIcmp:
    case net::IpProtocol::kIcmpv6:
      return WriteEcho(packet, tuple);
    default:
      return;
  }
}

// Where the checksum lies in the L4 header; 0: none over the whole message.
unsigned ChecksumAt(net::IpProtocol protocol) {
  switch (protocol) {
    case net::IpProtocol::kTcp:
      return 16;
    case net::IpProtocol::kUdp:
      return 6;
    case net::IpProtocol::kIcmp:
    case net::IpProtocol::kIcmpv6:
      return 2;
    default:
      return 0;
  }
}

void Complete(std::span<std::uint8_t> l4, net::IpProtocol protocol, net::ChecksumAccumulator sum) {
  if (const unsigned at = ChecksumAt(protocol); at != 0) {
    if (protocol == net::IpProtocol::kIcmp) {
      sum = {};
    }
    sum.Add(l4);
    *reinterpret_cast<net::Be16*>(l4.data() + at) = sum.Finish();
  }
}

void WriteIpv4(core::Packet& packet, const net::FlowTuple& tuple) {
  auto& ip = Push<net::Ipv4Header>(packet);
  const unsigned l4 = packet.head_length;
  WriteL4(packet, tuple);
  const unsigned length = packet.head_length - l4;
  ip = {.version_ihl = 0x45,
        .tos = 0,
        .total_length = net::Be16(static_cast<std::uint16_t>(sizeof ip + length)),
        .id = {},
        .fragment = {},
        .ttl = kTtl,
        .protocol = tuple.protocol,
        .checksum = {},
        .source = tuple.source.v4(),
        .destination = tuple.destination.v4()};
  ip.checksum = net::InternetChecksum({reinterpret_cast<const std::uint8_t*>(&ip), sizeof ip});
  Complete({packet.head + l4, length}, tuple.protocol,
           net::PseudoHeaderSum(ip, tuple.protocol, length));
}

void WriteIpv6(core::Packet& packet, const net::FlowTuple& tuple) {
  auto& ip = Push<net::Ipv6Header>(packet);
  const unsigned l4 = packet.head_length;
  WriteL4(packet, tuple);
  const unsigned length = packet.head_length - l4;
  ip = {.version_class_flow = net::Be32{0x60000000},
        .payload_length = net::Be16(static_cast<std::uint16_t>(length)),
        .next_header = tuple.protocol,
        .hop_limit = kTtl,
        .source = tuple.source.v6(),
        .destination = tuple.destination.v6()};
  Complete({packet.head + l4, length}, tuple.protocol,
           net::PseudoHeaderSum(ip, tuple.protocol, length));
}

}  // namespace

void WriteFirstPacket(FirstPacket& first, const FirstPacketTerms& terms) {
  core::Packet& packet = first.packet;
  packet.head = first.bytes.data() + core::kHeadroomBytes;
  auto& ethernet = Push<net::EthernetHeader>(packet);
  ethernet.destination = terms.ethernet_destination;
  ethernet.source = terms.ethernet_source;
  if (terms.tuple.source.is_v4()) {
    ethernet.set_ether_type(net::EtherType::kIpv4);
    WriteIpv4(packet, terms.tuple);
  } else {
    ethernet.set_ether_type(net::EtherType::kIpv6);
    WriteIpv6(packet, terms.tuple);
  }
}

}  // namespace pollux
