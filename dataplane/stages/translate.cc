#include "dataplane/stages/translate.h"

#include "dataplane/net/checksum.h"
#include "dataplane/net/crc32c.h"
#include "dataplane/net/sctp.h"
#include "dataplane/stages/packet_tuple.h"
#include "dataplane/tables/connection_table.h"

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

// TCP and UDP: the ports, and the checksum at its place.
struct Ports {
  net::Be16 source;
  net::Be16 destination;
};

void SetPorts(std::uint8_t* l4, const net::FlowTuple& tuple) {
  *reinterpret_cast<Ports*>(l4) = {tuple.source_port, tuple.destination_port};
}

net::Be16& TcpChecksum(std::uint8_t* l4) { return reinterpret_cast<net::TcpHeader*>(l4)->checksum; }
net::Be16& UdpChecksum(std::uint8_t* l4) { return reinterpret_cast<net::UdpHeader*>(l4)->checksum; }

// The checksum covers what this packet has behind the ports, too, but need not be read for it.
void TranslateSctp(Packet& packet, const Direction& direction) {
  auto* l4 = packet.head + packet.l4_offset;
  const auto before = *reinterpret_cast<const net::Be32*>(l4);
  *reinterpret_cast<Ports*>(l4) = {direction.new_source_port, direction.new_destination_port};
  const std::uint32_t difference = before.raw() ^ reinterpret_cast<const net::Be32*>(l4)->raw();
  if (difference != 0) {
    auto& checksum = reinterpret_cast<net::SctpHeader*>(l4)->checksum;
    const std::uint32_t following =
        packet.frame_length() - packet.l4_offset - std::uint32_t{sizeof before};
    checksum = net::Be32::FromRaw(checksum.raw() ^ net::Crc32cDelta(difference, following));
  }
}

void TranslateL4(Packet& packet, const Direction& direction) {
  std::uint8_t* l4 = packet.head + packet.l4_offset;
  const bool partial = packet.offload.needs_checksum;
  switch (packet.protocol) {
    case net::IpProtocol::kTcp:
      *reinterpret_cast<Ports*>(l4) = {direction.new_source_port, direction.new_destination_port};
      partial ? AddToPartial(TcpChecksum(l4), direction.address_delta)
              : AddToChecksum(TcpChecksum(l4), direction.l4_delta);
      return;
    case net::IpProtocol::kUdp:
      *reinterpret_cast<Ports*>(l4) = {direction.new_source_port, direction.new_destination_port};
      partial ? AddToPartial(UdpChecksum(l4), direction.address_delta)
              : AddToUdp(UdpChecksum(l4), direction.l4_delta);
      return;
    case net::IpProtocol::kIcmp:
    case net::IpProtocol::kIcmpv6: {
      auto& icmp = *reinterpret_cast<net::IcmpHeader*>(l4);
      icmp.id_or_unused = direction.new_source_port;
      AddToChecksum(icmp.checksum, direction.l4_delta);
      return;
    }
    case net::IpProtocol::kSctp:
      return TranslateSctp(packet, direction);
    default:
      return;  // no ports, and no checksum over addresses that anybody knows
  }
}

// A quoted header's, as far as it is there.
void TranslateQuotedL4(Packet& error, const Quoted& quoted, const net::FlowTuple& tuple,
                       std::uint16_t l4_delta) {
  std::uint8_t* l4 = error.head + quoted.l4_offset;
  switch (tuple.protocol) {
    case net::IpProtocol::kTcp:
      SetPorts(l4, tuple);
      if (error.HeaderAt<net::TcpHeader>(quoted.l4_offset) != nullptr) {
        AddToChecksum(TcpChecksum(l4), l4_delta);
      }
      return;
    case net::IpProtocol::kUdp:
      SetPorts(l4, tuple);
      AddToUdp(UdpChecksum(l4), l4_delta);
      return;
    case net::IpProtocol::kIcmp:
    case net::IpProtocol::kIcmpv6: {
      auto& icmp = *reinterpret_cast<net::IcmpHeader*>(l4);
      icmp.id_or_unused = tuple.source_port;
      AddToChecksum(icmp.checksum, l4_delta);
      return;
    }
    case net::IpProtocol::kSctp:
      SetPorts(l4, tuple);  // what is quoted of it has no whole checksum
      return;
    default:
      return;
  }
}

// Of everything of the message that translation changes: what is quoted, and ICMPv6's
// pseudo-header.
std::uint16_t MessageSum(Packet& error) {
  net::ChecksumAccumulator sum;
  if (error.ip == core::IpVersion::k6) {
    sum.Add(error.ipv6().source.bytes);
    sum.Add(error.ipv6().destination.bytes);
  }
  sum.Add({error.head + error.l4_offset, error.head + error.head_length});
  return sum.FoldedRaw();
}

void TranslateQuotedAddresses(Packet& error, const Quoted& quoted, const net::FlowTuple& tuple,
                              std::uint16_t address_delta) {
  if (error.ip == core::IpVersion::k6) {
    auto& ip = *error.HeaderAt<net::Ipv6Header>(quoted.l3_offset);
    ip.source = tuple.source.v6();
    ip.destination = tuple.destination.v6();
    return;
  }
  auto& ip = *error.HeaderAt<net::Ipv4Header>(quoted.l3_offset);
  ip.source = tuple.source.v4();
  ip.destination = tuple.destination.v4();
  AddToChecksum(ip.checksum, address_delta);
}

// Who speaks is the quoted packet's destination itself, or a router on the way, whom nobody
// translates. `sent`: the quoted packet as its sender sent it.
void TranslateOuter(Packet& error, const Quoted& quoted, const net::FlowTuple& sent) {
  if (error.ip == core::IpVersion::k6) {
    net::Ipv6Header& ip = error.ipv6();
    if (net::IpAddress(ip.source) == quoted.tuple.destination) {
      ip.source = sent.destination.v6();
    }
    ip.destination = sent.source.v6();
    return;
  }
  net::Ipv4Header& ip = error.ipv4();
  if (net::IpAddress(ip.source) == quoted.tuple.destination) {
    ip.source = sent.destination.v4();
  }
  ip.destination = sent.source.v4();
  ip.checksum = {};
  ip.checksum = net::InternetChecksum({error.head + error.l3_offset, ip.header_length()});
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
  if (packet.l4_offset != 0) {  // later fragments have addresses only
    TranslateL4(packet, direction);
  }
}

void TranslateError(Packet& error, const Quoted& quoted, Direction& against) {
  // The quoted packet as its sender sent it.
  const net::FlowTuple sent = TranslatedOf(tables::ConnectionOf(against), against.reply).Reversed();
  const std::uint16_t before = MessageSum(error);
  TranslateQuotedAddresses(error, quoted, sent, against.address_delta);
  TranslateQuotedL4(error, quoted, sent, against.l4_delta);
  TranslateOuter(error, quoted, sent);
  const std::uint16_t after = MessageSum(error);
  auto& icmp = *error.HeaderAt<net::IcmpHeader>(error.l4_offset);
  AddToChecksum(icmp.checksum, static_cast<std::uint16_t>(~before));
  AddToChecksum(icmp.checksum, after);
}

}  // namespace pollux::stages
