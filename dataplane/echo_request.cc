#include "dataplane/echo_request.h"

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

void WriteIpv4Echo(core::Packet& packet, net::Ipv4Address source, net::Ipv4Address destination) {
  auto& ip = Push<net::Ipv4Header>(packet);
  ip = {.version_ihl = 0x45,
        .tos = 0,
        .total_length = net::Be16{sizeof ip + sizeof(net::IcmpHeader)},
        .id = {},
        .fragment = {},
        .ttl = kTtl,
        .protocol = net::IpProtocol::kIcmp,
        .checksum = {},
        .source = source,
        .destination = destination};
  ip.checksum = net::InternetChecksum({reinterpret_cast<const std::uint8_t*>(&ip), sizeof ip});
  auto& icmp = Push<net::IcmpHeader>(packet);
  icmp = {.type = net::IcmpType::kEchoRequest,
          .code = 0,
          .checksum = {},
          .id_or_unused = {},
          .sequence_or_mtu = {}};
  icmp.checksum =
      net::InternetChecksum({reinterpret_cast<const std::uint8_t*>(&icmp), sizeof icmp});
}

void WriteIpv6Echo(core::Packet& packet, const net::Ipv6Address& source,
                   const net::Ipv6Address& destination) {
  auto& ip = Push<net::Ipv6Header>(packet);
  ip = {.version_class_flow = net::Be32{0x60000000},
        .payload_length = net::Be16{sizeof(net::IcmpHeader)},
        .next_header = net::IpProtocol::kIcmpv6,
        .hop_limit = kTtl,
        .source = source,
        .destination = destination};
  auto& icmp = Push<net::IcmpHeader>(packet);
  icmp = {.type = net::Icmpv6Type::kEchoRequest,
          .code = 0,
          .checksum = {},
          .id_or_unused = {},
          .sequence_or_mtu = {}};
  auto sum = net::PseudoHeaderSum(ip, net::IpProtocol::kIcmpv6, sizeof icmp);
  sum.Add({reinterpret_cast<const std::uint8_t*>(&icmp), sizeof icmp});
  icmp.checksum = sum.Finish();
}

}  // namespace

void WriteEchoRequest(EchoRequest& request, const EchoAddresses& addresses) {
  core::Packet& packet = request.packet;
  packet.head = request.bytes.data() + core::kHeadroomBytes;
  auto& ethernet = Push<net::EthernetHeader>(packet);
  ethernet.destination = addresses.ethernet_destination;
  ethernet.source = addresses.ethernet_source;
  if (addresses.source.is_v4()) {
    ethernet.set_ether_type(net::EtherType::kIpv4);
    WriteIpv4Echo(packet, addresses.source.v4(), addresses.destination.v4());
  } else {
    ethernet.set_ether_type(net::EtherType::kIpv6);
    WriteIpv6Echo(packet, addresses.source.v6(), addresses.destination.v6());
  }
}

}  // namespace pollux
