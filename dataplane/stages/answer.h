// What the switch answers itself: ARP and neighbour solicitations for the gateway and every address
// that a pod asks for except its own, ping of the gateway; and what ends at the switch. On uplinks:
// ARP and ND for the addresses of this node there, and neighbours that answer.
//
// Pings are answered in place, whole or in fragments: addresses swapped, the type changed, the
// checksum updated by the difference. The payload is never read, so an echo request with a wrong
// checksum gets a reply with a wrong checksum, which its sender discards.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Answer {
  static constexpr core::StepId kId = core::StepId::kAnswer;

  static core::Verdict Decide(Context& ctx, core::Packet& packet) {
    return IsOrdinaryTransit(ctx, packet) ? core::Verdict::Continue() : Examine(ctx, packet);
  }

 private:
  // The quick no: unicast IP of a pod that nobody here could want to look at. (The sources of other
  // ports are not all endpoints', so those are looked at.)
  static bool IsOrdinaryTransit(const Context& ctx, core::Packet& packet) {
    if (packet.ethernet().destination != ctx.ingress.local_mac ||
        ctx.ingress.role != core::PortRole::kPod || !ctx.ingress.addresses.empty()) {
      return false;
    }
    if (packet.ip == core::IpVersion::k4) {
      const net::Ipv4Address to = packet.ipv4().destination;
      return !to.is_link_local() && !to.is_multicast() && !to.is_broadcast();
    }
    return packet.ip == core::IpVersion::k6 && packet.protocol != net::IpProtocol::kIcmpv6 &&
           !packet.ipv6().destination.is_link_local() && !packet.ipv6().destination.is_multicast();
  }
  static core::Verdict Examine(Context& ctx, core::Packet& packet);
};

}  // namespace pollux::stages
