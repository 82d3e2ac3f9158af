#include "dataplane/stages/translate.h"

#include "dataplane/stages/packet_tuple.h"

namespace pollux::stages {
namespace {

using core::Packet;
using tables::Direction;

std::uint16_t Fold(std::uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

void AddToChecksum(net::Be16& checksum, std::uint16_t delta) {
  const std::uint32_t sum = static_cast<std::uint16_t>(~checksum.raw()) + std::uint32_t{delta};
  checksum = net::Be16::FromRaw(static_cast<std::uint16_t>(~Fold(sum)));
}

void AddToPartial(net::Be16& checksum, std::uint16_t delta) {
  checksum = net::Be16::FromRaw(Fold(checksum.raw() + std::uint32_t{delta}));
}

void AddToUdp(net::Be16& checksum, std::uint16_t delta) {
  if (checksum.raw() == 0) {
    return;  // none
  }
  AddToChecksum(checksum, delta);
  if (checksum.raw() == 0) {
    checksum = net::Be16::FromRaw(0xffff);  // the other zero: not "none"
  }
}

void TranslateL4(Packet& packet, const Direction& direction) {
  std::uint8_t* l4 = packet.head + packet.l4_offset;
  const bool partial = packet.offload.needs_checksum;
  switch (packet.protocol) {
    case net::IpProtocol::kTcp: {
      auto& tcp = *reinterpret_cast<net::TcpHeader*>(l4);
      tcp.source_port = direction.new_source_port;
      tcp.destination_port = direction.new_destination_port;
      partial ? AddToPartial(tcp.checksum, direction.address_delta)
              : AddToChecksum(tcp.checksum, direction.l4_delta);
      return;
    }
    case net::IpProtocol::kUdp: {
      auto& udp = *reinterpret_cast<net::UdpHeader*>(l4);
      udp.source_port = direction.new_source_port;
      udp.destination_port = direction.new_destination_port;
      partial ? AddToPartial(udp.checksum, direction.address_delta)
              : AddToUdp(udp.checksum, direction.l4_delta);
      return;
    }
    case net::IpProtocol::kIcmp:
    case net::IpProtocol::kIcmpv6: {
      auto& icmp = *reinterpret_cast<net::IcmpHeader*>(l4);
      icmp.id_or_unused = direction.new_source_port;
      AddToChecksum(icmp.checksum, direction.l4_delta);
      return;
    }
    default:
      return;  // no ports, and no checksum over addresses that anybody knows
  }
}

}  // namespace

void Translate(Packet& packet, Direction& direction) {
  if (direction.v6) {
    const tables::ColdDirection& cold = tables::ColdOf(direction);
    packet.ipv6().source = cold.new_source;
    packet.ipv6().destination = cold.new_destination;
  } else {
    net::Ipv4Header& ip = packet.ipv4();
    ip.source = direction.new_source;
    ip.destination = direction.new_destination;
    AddToChecksum(ip.checksum, direction.address_delta);
  }
  TranslateL4(packet, direction);
}

}  // namespace pollux::stages
