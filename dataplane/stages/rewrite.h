// What forwarding changes in the headers: the Ethernet source, TTL or hop limit.
// The Ethernet destination was written by route (it knows the next hop).
// Threading: one worker.
#pragma once

#include "dataplane/net/checksum.h"
#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Rewrite {
  static constexpr core::StepId kId = core::StepId::kRewrite;

  static core::Verdict Decide(Context& ctx, core::Packet& packet) {
    Apply(ctx.tables, packet);
    return core::Verdict::Continue();
  }

  // Also for packets that waited for their neighbour.
  static void Apply(const tables::Tables& tables, core::Packet& packet) {
    packet.ethernet().source = (*tables.ports)[packet.egress].local_mac;
    if (packet.ip == core::IpVersion::k4) {
      net::DecrementTtl(packet.ipv4());
    } else {
      --packet.ipv6().hop_limit;
    }
  }
};

}  // namespace pollux::stages
