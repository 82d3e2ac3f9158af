#include "dataplane/stages/forward.h"

#include "dataplane/stages/icmp_error.h"
#include "dataplane/stages/neighbour.h"
#include "dataplane/stages/packet_tuple.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;
using tables::Direction;

bool MayFragment(Packet& packet) {
  return packet.ip == core::IpVersion::k4 && packet.offload.gso == core::Gso::kNone &&
         !packet.offload.needs_checksum &&
         (packet.ipv4().fragment.value() & net::Ipv4Header::kDontFragment) == 0;
}

unsigned L4HeaderLength(const Packet& packet) {
  if (packet.protocol == net::IpProtocol::kTcp) {
    const auto* tcp = packet.HeaderAt<net::TcpHeader>(packet.l4_offset);
    return tcp == nullptr ? 0 : tcp->header_length();
  }
  return sizeof(net::UdpHeader);
}

// L3 bytes of the largest frame that leaves for this packet: of one segment where it is a large
// frame to be segmented.
std::uint32_t LargestL3Length(const Packet& packet) {
  const std::uint32_t whole = packet.frame_length() - packet.l3_offset;
  if (packet.offload.gso == core::Gso::kNone) {
    return whole;
  }
  const std::uint32_t headers =
      packet.l4_offset - std::uint32_t{packet.l3_offset} + L4HeaderLength(packet);
  return std::min(whole, headers + packet.offload.gso_size);
}

Verdict CheckLimits(Context& ctx, Packet& packet, std::uint16_t mtu) {
  const unsigned hops_left =
      packet.ip == core::IpVersion::k4 ? packet.ipv4().ttl : packet.ipv6().hop_limit;
  if (hops_left <= 1) {
    return AnswerWithError(ctx, packet, IcmpError::kTimeExceeded, DropReason::kTtlExceeded);
  }
  if (LargestL3Length(packet) > mtu && !MayFragment(packet)) {
    return AnswerWithError(ctx, packet, IcmpError::kTooBig, DropReason::kMtuExceeded, mtu);
  }
  return Verdict::Continue();
}

// Where the packet goes after translation.
net::IpAddress DestinationOf(Packet& packet) {
  return packet.direction == nullptr
             ? AddressesOf(packet).destination
             : TranslatedOf(tables::ConnectionOf(*packet.direction), packet.direction->reply)
                   .destination;
}

}  // namespace

// Everything, step by step: without a connection, without an adjacency, or beyond a limit.
Verdict Forward::Slow(Context& ctx, Packet& packet) {
  const net::IpAddress destination = DestinationOf(packet);
  const Way way = FindWay(ctx.tables, destination);
  const tables::PortEntry& egress = (*ctx.tables.ports)[way.port()];
  if (egress.port == nullptr) {
    return AnswerWithError(ctx, packet, IcmpError::kNoRoute, DropReason::kNoRoute);
  }
  if (way.endpoint != nullptr && !way.endpoint->open) {
    return Verdict::Drop(DropReason::kDestinationClosed);  // since a moment ago
  }
  packet.egress = way.port();
  if (const Verdict verdict = CheckLimits(ctx, packet, egress.mtu); !verdict.continues()) {
    return verdict;
  }
  const net::IpAddress next =
      way.next_hop != nullptr && way.next_hop->has_via ? way.next_hop->via : destination;
  const tables::Neighbour* neighbour = ctx.tables.neighbours->Find(way.port(), next);
  if (neighbour != nullptr && neighbour->failed) {  // before anything is changed that errors quote
    return AnswerWithError(ctx, packet, IcmpError::kHostUnreachable, DropReason::kNeighbourFailed);
  }
  Direction* direction = packet.direction;
  if (direction != nullptr) {
    Count(ctx, packet, *direction);
    direction->adjacency.store(AdjacencyOf(ctx.tables, way, destination),
                               std::memory_order_relaxed);
    if (direction->translates) {
      Translate(packet, *direction);
    }
  }
  if (way.endpoint != nullptr) {
    packet.ethernet().destination = way.endpoint->mac;
  } else if (egress.role != core::PortRole::kUplink) {
    // Behind a host or pod port there is one machine: its interface takes what is routed to it.
    packet.ethernet().destination = egress.peer_mac;
  } else {
    if (const Verdict verdict = ResolveNextHop(ctx, packet, egress, next); !verdict.continues()) {
      return verdict;
    }
  }
  Depart(packet, egress.local_mac);
  return Verdict::Continue();
}

// The first worker that gets packets of a direction is the one that counts in its lines.
void Forward::CountForeign(Context& ctx, const Packet& packet, Direction& direction) {
  std::uint8_t nobody = Direction::kNobody;
  const auto me = static_cast<std::uint8_t>(ctx.worker.id.value());
  if (direction.worker.compare_exchange_strong(nobody, me, std::memory_order_relaxed)) {
    direction.packets.Add(1);
    direction.bytes.Add(packet.frame_length());
    return;
  }
  tables::ColdDirection& cold = tables::ColdOf(direction);
  cold.foreign_packets.fetch_add(1, std::memory_order_relaxed);
  cold.foreign_bytes.fetch_add(packet.frame_length(), std::memory_order_relaxed);
}

}  // namespace pollux::stages
