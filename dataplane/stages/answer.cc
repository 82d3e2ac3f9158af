#include "dataplane/stages/answer.h"

#include <utility>

#include "dataplane/net/checksum.h"
#include "dataplane/stages/answer_arp.h"
#include "dataplane/stages/answer_nd.h"
#include "dataplane/stages/local_address.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;

constexpr std::uint8_t kOwnTtl = 64;

bool IsNeighbourDiscovery(const Packet& packet) {
  const auto* icmp = packet.HeaderAt<net::IcmpHeader>(packet.l4_offset);
  return packet.protocol == net::IpProtocol::kIcmpv6 && packet.l4_offset != 0 && icmp != nullptr &&
         icmp->type >= net::Icmpv6Type::kRouterSolicitation &&
         icmp->type <= net::Icmpv6Type::kRedirect;
}

// Echo request to echo reply. Later fragments of one have no header of it to change.
bool BecomeReply(Packet& packet, std::uint8_t request, std::uint8_t reply) {
  if (packet.l4_offset == 0) {
    return packet.is_fragment;
  }
  auto* icmp = packet.HeaderAt<net::IcmpHeader>(packet.l4_offset);
  if (icmp == nullptr || icmp->type != request || icmp->code != 0) {
    return false;
  }
  icmp->type = reply;
  // The whole checksum: parse lets partial ones pass with TCP and UDP only.
  icmp->checksum =
      net::UpdateChecksum(icmp->checksum, net::Be16(static_cast<std::uint16_t>(request << 8)),
                          net::Be16(static_cast<std::uint16_t>(reply << 8)));
  return true;
}

void RestartTtl(net::Ipv4Header& ip) {
  const auto word = [&ip] {
    return net::Be16(static_cast<std::uint16_t>(static_cast<unsigned>(ip.ttl) << 8 |
                                                static_cast<unsigned>(ip.protocol)));
  };
  const net::Be16 before = word();
  ip.ttl = kOwnTtl;
  ip.checksum = net::UpdateChecksum(ip.checksum, before, word());
}

bool Reflect(Packet& packet) {
  if (packet.ip == core::IpVersion::k4) {
    net::Ipv4Header& ip = packet.ipv4();
    if (packet.protocol != net::IpProtocol::kIcmp ||
        !BecomeReply(packet, net::IcmpType::kEchoRequest, net::IcmpType::kEchoReply)) {
      return false;
    }
    std::swap(ip.source, ip.destination);
    RestartTtl(ip);
    return true;
  }
  net::Ipv6Header& ip = packet.ipv6();
  if (packet.protocol != net::IpProtocol::kIcmpv6 ||
      !BecomeReply(packet, net::Icmpv6Type::kEchoRequest, net::Icmpv6Type::kEchoReply)) {
    return false;
  }
  std::swap(ip.source, ip.destination);
  ip.hop_limit = kOwnTtl;
  return true;
}

// Sources that no router forwards: RFC 1812 section 5.3.7, RFC 3927 section 7, RFC 4291 sections
// 2.5.2 and 2.5.6. They may talk to the switch alone. (Such destinations are route's to drop.)
bool StaysOnLink(const net::IpAddress& ip) {
  return ip.is_v4() ? ip.v4().is_zero() || ip.v4().is_link_local()
                    : ip.v6().is_zero() || ip.v6().is_link_local();
}

// To an address of the switch's own: ping is all it serves.
Verdict Serve(Context& ctx, Packet& packet, const net::IpAddress& from) {
  const net::MacAddress asker = packet.ethernet().source;
  if (!IsHostSource(from) || asker.is_group()) {
    return Verdict::Drop(DropReason::kMartianSource);
  }
  if (!Reflect(packet)) {
    return Verdict::Drop(DropReason::kGatewayService);
  }
  packet.ethernet().destination = asker;
  packet.ethernet().source = ctx.ingress.local_mac;
  packet.egress = packet.ingress;
  return Verdict::Send();
}

Verdict ExamineIp(Context& ctx, Packet& packet, const net::IpAddress& from,
                  const net::IpAddress& to) {
  const bool to_group =
      to.is_v4() ? to.v4().is_multicast() || to.v4().is_broadcast() : to.v6().is_multicast();
  // What came by link-layer broadcast is never forwarded (RFC 1812 section 5.3.4).
  if (to_group || packet.ethernet().destination.is_group()) {
    return Verdict::Drop(DropReason::kMulticast);
  }
  // An endpoint may have the address of an uplink: the host's interface, where it moved to. And a
  // service may have it: node ports.
  const bool to_service = ctx.tracked && ctx.decision.backend != nullptr;
  if (!to_service && IsSwitchAddress(ctx.ingress, to) &&
      ctx.tables.endpoints->Find(to) == nullptr) {
    return Serve(ctx, packet, from);
  }
  return StaysOnLink(from) && !StaysOnLink(to) ? Verdict::Drop(DropReason::kMartianSource)
                                               : Verdict::Continue();
}

}  // namespace

Verdict Answer::Examine(Context& ctx, Packet& packet) {
  const net::MacAddress& to = packet.ethernet().destination;
  if (to != ctx.ingress.local_mac && !to.is_group()) {
    return Verdict::Drop(DropReason::kNotForGateway);
  }
  if (packet.ip == core::IpVersion::kNone) {
    return AnswerArp(ctx, packet);
  }
  if (packet.ip == core::IpVersion::k4) {
    return ExamineIp(ctx, packet, packet.ipv4().source, packet.ipv4().destination);
  }
  // Before multicast: solicitations go to groups. Before routing: no router passes them on, though
  // a pod that checks an address which we claimed sends them straight to that address.
  if (IsNeighbourDiscovery(packet)) {
    return AnswerNeighbourDiscovery(ctx, packet);
  }
  return ExamineIp(ctx, packet, packet.ipv6().source, packet.ipv6().destination);
}

}  // namespace pollux::stages
