#include "dataplane/stages/route.h"

#include "dataplane/stages/icmp_error.h"
#include "dataplane/stages/packet_tuple.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Verdict;

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

// What a node port of an uplink hands on to another node goes out where it came in.
bool TurnsBack(const tables::Tables& tables, const Decision& decision) {
  return decision.backend == nullptr && decision.destination.port() == decision.ingress &&
         (*tables.ports)[decision.ingress].role == core::PortRole::kUplink;
}

DropReason Judge(const tables::Tables& tables, const Decision& decision) {
  const Way& way = decision.destination;
  if (way.endpoint != nullptr) {
    return way.endpoint->open ? DropReason::kNone : DropReason::kDestinationClosed;
  }
  if (IsMartianDestination(decision.translated.destination)) {
    return DropReason::kMartianDestination;
  }
  if (way.next_hop == nullptr) {
    return DropReason::kNoRoute;
  }
  return TurnsBack(tables, decision) ? DropReason::kSameInterface : DropReason::kNone;
}

}  // namespace

DropReason Route::Find(const tables::Tables& tables, Decision& decision) {
  decision.source = FindWay(tables, decision.original.source);
  decision.destination = FindWay(tables, decision.translated.destination);
  return Judge(tables, decision);
}

Verdict Route::Decide(Context& ctx, core::Packet& packet) {
  if (!ctx.tracked) {
    ctx.decision = Undecided(packet.ingress, AddressesOf(packet));
  }
  const DropReason reason = Find(ctx.tables, ctx.decision);
  if (reason == DropReason::kNoRoute) {
    return AnswerWithError(ctx, packet, IcmpError::kNoRoute, reason);
  }
  if (reason != DropReason::kNone) {
    return Verdict::Drop(reason);
  }
  packet.egress = ctx.decision.destination.port();
  return Verdict::Continue();
}

}  // namespace pollux::stages
