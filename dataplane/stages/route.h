// Where a packet goes: an endpoint of this node, else the longest prefix.
//
// Decides the egress port and writes the Ethernet destination. Time-to-live, MTU and unresolved
// next hops end here, with the ICMP error that RFC 1812 and RFC 4443 ask for (icmp_error.h).
// An IPv4 packet without DF that is too large goes on: send cuts it into fragments.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Route {
  static constexpr core::StepId kId = core::StepId::kRoute;

  static core::Verdict Decide(Context& ctx, core::Packet& packet) {
    const bool v4 = packet.ip == core::IpVersion::k4;
    const tables::Endpoint* endpoint = v4 ? ctx.tables.endpoints->Find(packet.ipv4().destination)
                                          : ctx.tables.endpoints->Find(packet.ipv6().destination);
    const unsigned hops_left = v4 ? packet.ipv4().ttl : packet.ipv6().hop_limit;
    if (endpoint == nullptr || !endpoint->open || hops_left <= 1) [[unlikely]] {
      return Slow(ctx, packet, endpoint, hops_left);
    }
    return ToEndpoint(ctx, packet, *endpoint);
  }

 private:
  static core::Verdict ToEndpoint(Context& ctx, core::Packet& packet,
                                  const tables::Endpoint& endpoint) {
    packet.egress = endpoint.port;
    packet.ethernet().destination = endpoint.mac;
    const tables::PortEntry& egress = (*ctx.tables.ports)[endpoint.port];
    if (packet.frame_length() - packet.l3_offset > egress.mtu) [[unlikely]] {
      return CheckMtu(ctx, packet, egress);
    }
    return core::Verdict::Continue();
  }

  static core::Verdict Slow(Context& ctx, core::Packet& packet, const tables::Endpoint* endpoint,
                            unsigned hops_left);
  static core::Verdict ToNextHop(Context& ctx, core::Packet& packet);
  static core::Verdict CheckMtu(Context& ctx, core::Packet& packet,
                                const tables::PortEntry& egress);
};

// L3 bytes of the largest frame that leaves for this packet: of one segment where it is a large
// frame to be segmented.
std::uint32_t LargestL3Length(const core::Packet& packet);

}  // namespace pollux::stages
