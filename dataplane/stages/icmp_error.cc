#include "dataplane/stages/icmp_error.h"

#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/stages/local_address.h"

namespace pollux::stages {
namespace {

using core::Packet;
using core::Verdict;

constexpr std::uint8_t kOwnTtl = 64;

struct Kind {
  std::uint8_t type;
  std::uint8_t code;
};

// RFC 792 and RFC 1191.
Kind KindV4(IcmpError error) {
  switch (error) {
    case IcmpError::kTimeExceeded:
      return {net::IcmpType::kTimeExceeded, 0};
    case IcmpError::kTooBig:
      return {net::IcmpType::kDestinationUnreachable, 4};
    case IcmpError::kNoRoute:
      return {net::IcmpType::kDestinationUnreachable, 0};
    case IcmpError::kHostUnreachable:
      return {net::IcmpType::kDestinationUnreachable, 1};
    case IcmpError::kPortUnreachable:
      break;
  }
  return {net::IcmpType::kDestinationUnreachable, 3};
}

// RFC 4443.
Kind KindV6(IcmpError error) {
  switch (error) {
    case IcmpError::kTimeExceeded:
      return {net::Icmpv6Type::kTimeExceeded, 0};
    case IcmpError::kTooBig:
      return {net::Icmpv6Type::kPacketTooBig, 0};
    case IcmpError::kNoRoute:
      return {net::Icmpv6Type::kDestinationUnreachable, 0};
    case IcmpError::kHostUnreachable:
      return {net::Icmpv6Type::kDestinationUnreachable, 3};
    case IcmpError::kPortUnreachable:
      break;
  }
  return {net::Icmpv6Type::kDestinationUnreachable, 4};
}

// Errors, redirects and what nobody knows: none about these (RFC 1122 section 3.2.2, RFC 4443
// section 2.4 (e)).
bool IsIcmpQuery(const Packet& packet) {
  const auto* icmp = packet.HeaderAt<net::IcmpHeader>(packet.l4_offset);
  if (packet.l4_offset == 0 || icmp == nullptr) {
    return false;
  }
  if (packet.ip == core::IpVersion::k6) {
    return icmp->type >= net::Icmpv6Type::kFirstInformational &&
           icmp->type != net::Icmpv6Type::kRedirect;
  }
  constexpr std::uint8_t kFirstQuery = 8;  // echo, router discovery, timestamps, ... but for
  constexpr std::uint8_t kLastQuery = 18;  // two errors in between
  return icmp->type == net::IcmpType::kEchoReply ||
         (icmp->type >= kFirstQuery && icmp->type <= kLastQuery &&
          icmp->type != net::IcmpType::kTimeExceeded &&
          icmp->type != net::IcmpType::kParameterProblem);
}

bool IsIcmp(const Packet& packet) {
  return packet.protocol ==
         (packet.ip == core::IpVersion::k4 ? net::IpProtocol::kIcmp : net::IpProtocol::kIcmpv6);
}

bool DeservesError(Packet& packet, const net::IpAddress& from, const net::IpAddress& to) {
  const net::EthernetHeader& ethernet = packet.ethernet();
  return IsHostSource(from) && IsHostSource(to) && !ethernet.source.is_group() &&
         !ethernet.destination.is_group() && (!packet.is_fragment || packet.is_first_fragment) &&
         (!IsIcmp(packet) || IsIcmpQuery(packet));
}

bool IsGlobal(const net::IpAddress& ip) {
  return ip.is_v4() ? !ip.v4().is_link_local() : !ip.v6().is_link_local();
}

net::IpAddress ChooseSource(const Context& ctx, IcmpError error, const net::IpAddress& offender,
                            const net::IpAddress& was_for) {
  if (error == IcmpError::kPortUnreachable) {
    return was_for;  // it speaks for that host
  }
  for (const net::InterfaceAddress& own : ctx.ingress.addresses) {
    if (own.ip.is_v6() == offender.is_v6() && IsGlobal(own.ip)) {
      return own.ip;
    }
  }
  const tables::Endpoint* endpoint = ctx.tables.endpoints->Find(offender);
  if (endpoint == nullptr || endpoint->port != ctx.ingress.port->id()) {
    return was_for;
  }
  return offender.is_v4() ? net::IpAddress(tables::kGatewayV4) : tables::kGatewayV6;
}

// Makes room for `headers` bytes between Ethernet and the packet's IP header, and turns the
// Ethernet header around.
void Prepend(const Context& ctx, Packet& packet, unsigned headers) {
  std::memmove(packet.head - headers, packet.head, packet.l3_offset);
  packet.head -= headers;
  packet.ethernet().destination = packet.ethernet().source;
  packet.ethernet().source = ctx.ingress.local_mac;
  packet.head_length = static_cast<std::uint16_t>(packet.head_length + headers);
  packet.payload_length = 0;
  packet.offload = {};
  packet.l4_offset =
      static_cast<std::uint8_t>(packet.l3_offset + headers - sizeof(net::IcmpHeader));
  packet.is_fragment = packet.is_first_fragment = false;
}

// The ICMP header and what it quotes, with the checksum still to come.
std::span<std::uint8_t> WriteIcmp(Packet& packet, Kind kind, std::uint16_t mtu) {
  *packet.HeaderAt<net::IcmpHeader>(packet.l4_offset) = {.type = kind.type,
                                                         .code = kind.code,
                                                         .checksum = {},
                                                         .id_or_unused = {},
                                                         .sequence_or_mtu = net::Be16(mtu)};
  return {packet.head + packet.l4_offset, packet.head + packet.head_length};
}

void BecomeErrorV4(const Context& ctx, Packet& packet, IcmpError error, std::uint16_t mtu) {
  const net::Ipv4Header offending = packet.ipv4();
  constexpr std::uint8_t kInternetworkControl = 0xc0;  // RFC 1812 section 4.3.2.5
  Prepend(ctx, packet, sizeof(net::Ipv4Header) + sizeof(net::IcmpHeader));
  packet.protocol = net::IpProtocol::kIcmp;
  net::Ipv4Header& ip = packet.ipv4();
  ip = {
      .version_ihl = 0x45,
      .tos = kInternetworkControl,
      .total_length = net::Be16(static_cast<std::uint16_t>(packet.head_length - packet.l3_offset)),
      .id = {},
      .fragment = net::Be16(net::Ipv4Header::kDontFragment),  // so the id may be 0 (RFC 6864)
      .ttl = kOwnTtl,
      .protocol = net::IpProtocol::kIcmp,
      .checksum = {},
      .source = ChooseSource(ctx, error, offending.source, offending.destination).v4(),
      .destination = offending.source};
  ip.checksum = net::InternetChecksum({packet.head + packet.l3_offset, sizeof ip});
  const auto icmp = WriteIcmp(packet, KindV4(error), mtu);
  packet.HeaderAt<net::IcmpHeader>(packet.l4_offset)->checksum = net::InternetChecksum(icmp);
}

void BecomeErrorV6(const Context& ctx, Packet& packet, IcmpError error, std::uint16_t mtu) {
  const net::Ipv6Header offending = packet.ipv6();
  Prepend(ctx, packet, sizeof(net::Ipv6Header) + sizeof(net::IcmpHeader));
  packet.protocol = net::IpProtocol::kIcmpv6;
  const auto icmp = WriteIcmp(packet, KindV6(error), mtu);
  packet.ipv6() = {.version_class_flow = net::Be32(0x60000000),
                   .payload_length = net::Be16(static_cast<std::uint16_t>(icmp.size())),
                   .next_header = net::IpProtocol::kIcmpv6,
                   .hop_limit = kOwnTtl,
                   .source = ChooseSource(ctx, error, offending.source, offending.destination).v6(),
                   .destination = offending.source};
  auto sum = net::PseudoHeaderSum(packet.ipv6(), net::IpProtocol::kIcmpv6,
                                  static_cast<std::uint32_t>(icmp.size()));
  sum.Add(icmp);
  packet.HeaderAt<net::IcmpHeader>(packet.l4_offset)->checksum = sum.Finish();
}

}  // namespace

Verdict AnswerWithError(Context& ctx, Packet& packet, IcmpError error, core::DropReason reason,
                        std::uint16_t mtu) {
  const bool v4 = packet.ip == core::IpVersion::k4;
  const net::IpAddress from = v4 ? net::IpAddress(packet.ipv4().source) : packet.ipv6().source;
  const net::IpAddress to =
      v4 ? net::IpAddress(packet.ipv4().destination) : packet.ipv6().destination;
  if (!DeservesError(packet, from, to) || !ctx.worker.icmp_errors.Allow(packet.ingress, ctx.now)) {
    return Verdict::Drop(reason);
  }
  if (v4) {
    BecomeErrorV4(ctx, packet, error, mtu);
  } else {
    BecomeErrorV6(ctx, packet, error, mtu);
  }
  packet.egress = packet.ingress;
  return Verdict::DropAnswer(reason);
}

}  // namespace pollux::stages
