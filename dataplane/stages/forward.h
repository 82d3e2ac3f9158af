// The last decision's work: each packet leaves as its connection says. Addresses and ports are
// translated, TTL or hop limit counted down, the Ethernet header written, the connection's counters
// and clock moved on.
//
// What needs more than that ends or waits here: a TTL that runs out, a frame that is too large, a
// next hop whose Ethernet address is not known yet, with the ICMP errors that RFC 1812 and RFC 4443
// ask for. An IPv4 packet without DF that is too large goes on: send cuts it into fragments.
// Threading: one worker.
#pragma once

#include "dataplane/net/checksum.h"
#include "dataplane/stages/context.h"
#include "dataplane/stages/translate.h"

namespace pollux::stages {

struct Forward {
  static constexpr core::StepId kId = core::StepId::kForward;

  static core::Verdict Decide(Context& ctx, core::Packet& packet) {
    tables::Direction* direction = packet.direction;
    const tables::Adjacency* adjacency =
        direction == nullptr
            ? nullptr
            : ctx.tables.adjacencies->Find(direction->adjacency.load(std::memory_order_relaxed));
    const bool v4 = packet.ip == core::IpVersion::k4;
    const unsigned hops_left = v4 ? packet.ipv4().ttl : packet.ipv6().hop_limit;
    if (adjacency == nullptr || hops_left <= 1 ||
        packet.frame_length() - packet.l3_offset > adjacency->mtu) [[unlikely]] {
      return Slow(ctx, packet);
    }
    Count(ctx, packet, *direction);
    if (direction->translates) {
      Translate(packet, *direction);
    }
    packet.ethernet().destination = adjacency->destination;
    Depart(packet, adjacency->source);
    packet.egress = adjacency->egress;
    return core::Verdict::Continue();
  }

  // Also for packets that waited for their neighbour: the Ethernet destination is written.
  static void Depart(core::Packet& packet, const net::MacAddress& source) {
    packet.ethernet().source = source;
    if (packet.ip == core::IpVersion::k4) {
      net::DecrementTtl(packet.ipv4());
    } else {
      --packet.ipv6().hop_limit;
    }
  }

 private:
  static core::Verdict Slow(Context& ctx, core::Packet& packet);
  static void Count(Context& ctx, const core::Packet& packet, tables::Direction& direction) {
    direction.last_seen.store(tables::TicksOf(ctx.now), std::memory_order_relaxed);
    if (direction.worker.load(std::memory_order_relaxed) == ctx.worker.id.value()) [[likely]] {
      direction.packets.Add(1);
      direction.bytes.Add(packet.frame_length());
    } else {
      CountForeign(ctx, packet, direction);
    }
  }
  static void CountForeign(Context& ctx, const core::Packet& packet, tables::Direction& direction);
};

}  // namespace pollux::stages
