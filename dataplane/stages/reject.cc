#include "dataplane/stages/reject.h"

#include <utility>

#include "dataplane/net/checksum.h"
#include "dataplane/stages/icmp_error.h"
#include "dataplane/stages/local_address.h"
#include "dataplane/stages/packet_tuple.h"

namespace pollux::stages {
namespace {

using core::Packet;
using core::Verdict;
using net::TcpHeader;

constexpr std::uint8_t kOwnTtl = 64;

bool MayBeReset(Packet& packet) {
  const auto* tcp = packet.HeaderAt<TcpHeader>(packet.l4_offset);
  const net::FlowTuple tuple = AddressesOf(packet);
  return tcp != nullptr && (tcp->flags & TcpHeader::kRst) == 0 && IsHostSource(tuple.source) &&
         IsHostSource(tuple.destination) && !packet.ethernet().source.is_group() &&
         !packet.ethernet().destination.is_group();
}

// What acknowledges all of the segment.
std::uint32_t EndOf(const Packet& packet, const TcpHeader& tcp) {
  const std::uint32_t payload = packet.frame_length() - packet.l4_offset - tcp.header_length();
  const std::uint32_t syn = (tcp.flags & TcpHeader::kSyn) != 0 ? 1 : 0;
  const std::uint32_t fin = (tcp.flags & TcpHeader::kFin) != 0 ? 1 : 0;
  return tcp.sequence.value() + payload + syn + fin;
}

TcpHeader ResetOf(const Packet& packet, const TcpHeader& tcp) {
  const bool acknowledges = (tcp.flags & TcpHeader::kAck) != 0;
  return {.source_port = tcp.destination_port,
          .destination_port = tcp.source_port,
          .sequence = acknowledges ? tcp.acknowledgement : net::Be32(0),
          .acknowledgement = acknowledges ? net::Be32(0) : net::Be32(EndOf(packet, tcp)),
          .data_offset = sizeof(TcpHeader) / 4 << 4,
          .flags = static_cast<std::uint8_t>(TcpHeader::kRst |
                                             (acknowledges ? 0U : unsigned{TcpHeader::kAck})),
          .window = {},
          .checksum = {},
          .urgent = {}};
}

// The IP header turned around, and the pseudo-header's sum.
net::ChecksumAccumulator TurnV4(Packet& packet) {
  net::Ipv4Header& ip = packet.ipv4();
  std::swap(ip.source, ip.destination);
  ip.total_length = net::Be16(static_cast<std::uint16_t>(packet.head_length - packet.l3_offset));
  ip.id = {};
  ip.fragment = net::Be16(net::Ipv4Header::kDontFragment);
  ip.ttl = kOwnTtl;
  ip.checksum = {};
  ip.checksum = net::InternetChecksum({packet.head + packet.l3_offset, ip.header_length()});
  return net::PseudoHeaderSum(ip, net::IpProtocol::kTcp, sizeof(TcpHeader));
}

net::ChecksumAccumulator TurnV6(Packet& packet) {
  net::Ipv6Header& ip = packet.ipv6();
  std::swap(ip.source, ip.destination);
  ip.payload_length = net::Be16(
      static_cast<std::uint16_t>(packet.head_length - packet.l3_offset - sizeof(net::Ipv6Header)));
  ip.hop_limit = kOwnTtl;
  return net::PseudoHeaderSum(ip, net::IpProtocol::kTcp, sizeof(TcpHeader));
}

void BecomeReset(const Context& ctx, Packet& packet) {
  auto& tcp = *packet.HeaderAt<TcpHeader>(packet.l4_offset);
  tcp = ResetOf(packet, tcp);
  packet.head_length = static_cast<std::uint16_t>(packet.l4_offset + sizeof tcp);
  packet.payload_length = 0;
  packet.offload = {};
  packet.ethernet().destination = packet.ethernet().source;
  packet.ethernet().source = ctx.ingress.local_mac;
  auto sum = packet.ip == core::IpVersion::k4 ? TurnV4(packet) : TurnV6(packet);
  sum.Add({packet.head + packet.l4_offset, sizeof tcp});
  tcp.checksum = sum.Finish();
  packet.egress = packet.ingress;
}

}  // namespace

Verdict Reject(Context& ctx, Packet& packet, core::DropReason reason) {
  if (packet.protocol != net::IpProtocol::kTcp) {
    return AnswerWithError(ctx, packet, IcmpError::kPortUnreachable, reason);
  }
  if (packet.is_fragment || !MayBeReset(packet) ||
      !ctx.worker.icmp_errors.Allow(packet.ingress, ctx.now)) {
    return Verdict::Drop(reason);
  }
  BecomeReset(ctx, packet);
  return Verdict::DropAnswer(reason);
}

}  // namespace pollux::stages
