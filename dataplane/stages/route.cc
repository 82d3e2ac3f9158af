#include "dataplane/stages/route.h"

#include "dataplane/stages/icmp_error.h"
#include "dataplane/stages/neighbour.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Verdict;

net::IpAddress DestinationOf(core::Packet& packet) {
  return packet.ip == core::IpVersion::k4 ? net::IpAddress(packet.ipv4().destination)
                                          : net::IpAddress(packet.ipv6().destination);
}

// Destinations that no router forwards: RFC 1812 section 5.3.7, RFC 4291 section 2.5.
bool IsMartianDestination(const net::IpAddress& ip) {
  if (ip.is_v4()) {
    const net::Ipv4Address v4 = ip.v4();
    return v4.is_zero() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() ||
           v4.is_broadcast();
  }
  const net::Ipv6Address v6 = ip.v6();
  return v6.is_zero() || v6.is_loopback() || v6.is_link_local() || v6.is_multicast();
}

bool MayFragment(core::Packet& packet) {
  return packet.ip == core::IpVersion::k4 && packet.offload.gso == core::Gso::kNone &&
         !packet.offload.needs_checksum &&
         (packet.ipv4().fragment.value() & net::Ipv4Header::kDontFragment) == 0;
}

unsigned L4HeaderLength(const core::Packet& packet) {
  if (packet.protocol == net::IpProtocol::kTcp) {
    const auto* tcp = packet.HeaderAt<net::TcpHeader>(packet.l4_offset);
    return tcp == nullptr ? 0 : tcp->header_length();
  }
  return sizeof(net::UdpHeader);
}

}  // namespace

std::uint32_t LargestL3Length(const core::Packet& packet) {
  const std::uint32_t whole = packet.frame_length() - packet.l3_offset;
  if (packet.offload.gso == core::Gso::kNone) {
    return whole;
  }
  const std::uint32_t headers =
      packet.l4_offset - std::uint32_t{packet.l3_offset} + L4HeaderLength(packet);
  return std::min(whole, headers + packet.offload.gso_size);
}

Verdict Route::Slow(Context& ctx, core::Packet& packet, const tables::Endpoint* endpoint,
                    unsigned hops_left) {
  if (endpoint == nullptr && IsMartianDestination(DestinationOf(packet))) {
    return Verdict::Drop(DropReason::kMartianDestination);
  }
  if (hops_left <= 1) {
    return AnswerWithError(ctx, packet, IcmpError::kTimeExceeded, DropReason::kTtlExceeded);
  }
  if (endpoint == nullptr) {
    return ToNextHop(ctx, packet);
  }
  return endpoint->open ? ToEndpoint(ctx, packet, *endpoint)
                        : Verdict::Drop(DropReason::kDestinationClosed);
}

Verdict Route::ToNextHop(Context& ctx, core::Packet& packet) {
  const net::IpAddress destination = DestinationOf(packet);
  const tables::NextHop* hop = ctx.tables.routes->Find(destination);
  const tables::PortEntry* egress = hop == nullptr ? nullptr : &(*ctx.tables.ports)[hop->port];
  if (egress == nullptr || egress->port == nullptr) {
    return AnswerWithError(ctx, packet, IcmpError::kNoRoute, DropReason::kNoRoute);
  }
  if (egress->role == core::PortRole::kUplink && hop->port == packet.ingress) {
    return Verdict::Drop(DropReason::kSameInterface);
  }
  packet.egress = hop->port;
  if (packet.frame_length() - packet.l3_offset > egress->mtu) {
    if (const Verdict verdict = CheckMtu(ctx, packet, *egress); !verdict.continues()) {
      return verdict;
    }
  }
  if (egress->role == core::PortRole::kUplink) {
    return ResolveNextHop(ctx, packet, *egress, hop->has_via ? hop->via : destination);
  }
  // Behind a host or pod port there is one machine: its interface takes what is routed to it.
  packet.ethernet().destination = egress->peer_mac;
  return Verdict::Continue();
}

Verdict Route::CheckMtu(Context& ctx, core::Packet& packet, const tables::PortEntry& egress) {
  if (LargestL3Length(packet) <= egress.mtu || MayFragment(packet)) {
    return Verdict::Continue();
  }
  return AnswerWithError(ctx, packet, IcmpError::kTooBig, DropReason::kMtuExceeded, egress.mtu);
}

}  // namespace pollux::stages
