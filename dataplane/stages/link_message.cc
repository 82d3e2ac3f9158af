#include "dataplane/stages/link_message.h"

#include "dataplane/net/checksum.h"

namespace pollux::stages {
namespace {

constexpr unsigned kL3 = sizeof(net::EthernetHeader);
constexpr unsigned kIcmp = kL3 + sizeof(net::Ipv6Header);
constexpr unsigned kMessageLength = sizeof(net::NeighborMessage) + sizeof(net::LinkLayerOption);
constexpr std::uint8_t kHopLimit =
    255;  // proves that no router passed it on (RFC 4861 section 3.1)

template <typename Header>
Header& At(core::Packet& packet, unsigned offset) {
  return *reinterpret_cast<Header*>(packet.head + offset);
}

void BecomeFrame(core::Packet& packet, unsigned length, net::EtherType type) {
  packet.ethernet().set_ether_type(type);
  packet.head_length = static_cast<std::uint16_t>(length);
  packet.payload_length = 0;
  packet.offload = {};
  packet.l3_offset = kL3;
  packet.l4_offset = 0;
  packet.ip = core::IpVersion::kNone;
  packet.is_fragment = packet.is_first_fragment = false;
}

}  // namespace

void WriteArp(core::Packet& packet, const ArpMessage& message) {
  BecomeFrame(packet, kL3 + sizeof(net::ArpPacket), net::EtherType::kArp);
  packet.ethernet().destination = message.ethernet_destination;
  packet.ethernet().source = message.sender_mac;
  At<net::ArpPacket>(packet, kL3) = {
      .hardware_type = net::Be16(net::ArpPacket::kEthernet),
      .protocol_type = net::Be16(static_cast<std::uint16_t>(net::EtherType::kIpv4)),
      .hardware_length = sizeof(net::MacAddress),
      .protocol_length = sizeof(net::Ipv4Address),
      .operation = net::Be16(message.operation),
      .sender_mac = message.sender_mac,
      .sender_ip = message.sender_ip,
      .target_mac = message.target_mac,
      .target_ip = message.target_ip};
}

void WriteNeighbourMessage(core::Packet& packet, const NeighbourMessage& message) {
  BecomeFrame(packet, kIcmp + kMessageLength, net::EtherType::kIpv6);
  packet.ip = core::IpVersion::k6;
  packet.l4_offset = kIcmp;
  packet.protocol = net::IpProtocol::kIcmpv6;
  packet.ethernet().destination = message.ethernet_destination;
  packet.ethernet().source = message.mac;
  packet.ipv6() = {.version_class_flow = net::Be32(0x60000000),
                   .payload_length = net::Be16(kMessageLength),
                   .next_header = net::IpProtocol::kIcmpv6,
                   .hop_limit = kHopLimit,
                   .source = message.source,
                   .destination = message.destination};
  auto& icmp = At<net::NeighborMessage>(packet, kIcmp);
  icmp = {.type = message.type,
          .code = 0,
          .checksum = {},
          .flags = net::Be32(message.flags),
          .target = message.target};
  At<net::LinkLayerOption>(packet, kIcmp + sizeof icmp) = {
      .type = message.type == net::Icmpv6Type::kNeighborSolicitation
                  ? net::LinkLayerOption::kSource
                  : net::LinkLayerOption::kTarget,
      .length = 1,
      .mac = message.mac};
  auto sum = net::PseudoHeaderSum(packet.ipv6(), net::IpProtocol::kIcmpv6, kMessageLength);
  sum.Add({packet.head + kIcmp, kMessageLength});
  icmp.checksum = sum.Finish();
}

}  // namespace pollux::stages
