#include "dataplane/stages/track.h"

#include <optional>

#include "dataplane/stages/packet_tuple.h"
#include "dataplane/stages/renew.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;

// The tuple of the packet that an ICMP error quotes: of its IP header and the first 8 bytes behind
// it, which is all that RFC 792 asks for. None if that is not there or a later fragment.
std::optional<net::FlowTuple> QuotedTuple(const Packet& packet, net::Zone zone) {
  constexpr unsigned kQuotedL4 = 8;
  const unsigned at = packet.l4_offset + unsigned{sizeof(net::IcmpHeader)};
  net::FlowTuple tuple{.source = {}, .destination = {}, .zone = zone};
  unsigned l4 = 0;
  if (packet.ip == core::IpVersion::k4) {
    const auto* ip = packet.HeaderAt<net::Ipv4Header>(at);
    if (ip == nullptr || ip->version() != 4 ||
        (ip->fragment.value() & net::Ipv4Header::kOffsetMask) != 0) {
      return std::nullopt;
    }
    tuple.source = ip->source;
    tuple.destination = ip->destination;
    tuple.protocol = ip->protocol;
    l4 = at + ip->header_length();
  } else {
    const auto* ip = packet.HeaderAt<net::Ipv6Header>(at);
    if (ip == nullptr || ip->version() != 6) {
      return std::nullopt;
    }
    tuple.source = ip->source;
    tuple.destination = ip->destination;
    tuple.protocol = ip->next_header;
    l4 = at + unsigned{sizeof *ip};
  }
  if (l4 + kQuotedL4 > packet.head_length) {
    return std::nullopt;
  }
  const PortPair ports = PortsAt(tuple.protocol, packet.head + l4);
  tuple.source_port = ports.source;
  tuple.destination_port = ports.destination;
  return tuple;
}

// An error travels against the packet that it is about. Routers on the way may send one about
// anybody's packets; a pod about those of its own connections.
Verdict TrackError(Context& ctx, Packet& packet) {
  const std::optional<net::FlowTuple> quoted = QuotedTuple(packet, ctx.zone);
  const tables::Direction* against =
      quoted ? ctx.worker.flows->connections.Find(quoted->Reversed()) : nullptr;
  const bool may_speak = against != nullptr && (ctx.ingress.role != core::PortRole::kPod ||
                                                against->ingress == packet.ingress);
  return may_speak ? Verdict::Continue() : Verdict::Drop(DropReason::kIcmpUnrelated);
}

}  // namespace

Verdict Track::Decide(Context& ctx, Packet& packet) {
  ctx.tracked = false;
  if (ctx.worker.flows == nullptr || packet.l4_offset == 0 ||
      packet.ethernet().destination != ctx.ingress.local_mac) {
    return Verdict::Continue();
  }
  if (IsIcmp(packet.protocol) &&
      IcmpRoleOf(packet.protocol, packet.head[packet.l4_offset]) == IcmpRole::kError) {
    return TrackError(ctx, packet);
  }
  ctx.tracked = true;
  ctx.decision = {.ingress = packet.ingress,
                  .original = TupleOf(packet, ctx.zone),
                  .translated = {},
                  .source = {},
                  .destination = {}};
  ctx.decision.translated = ctx.decision.original;
  tables::Direction* known = ctx.worker.flows->connections.Find(ctx.decision.original);
  return known == nullptr ? Verdict::Continue() : Renew(ctx, packet, *known);
}

}  // namespace pollux::stages
