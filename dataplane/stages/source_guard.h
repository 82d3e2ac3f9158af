// Nobody speaks for somebody else.
//
//  - A pod's port: Ethernet, ARP, neighbour discovery and IP sources are one of its endpoints';
//    routers and DHCP servers are not in pods; an endpoint that waits for its policy sends no IP.
//    What has no endpoint's source and passes yet is what a pod needs before it has an address or
//    to talk to the switch alone: ARP probes (RFC 5227), duplicate address detection (RFC 4862),
//    and MLD, neighbour discovery and ping from a link-local address.
//  - The host's interface speaks for everything behind the host, but not for pods.
//  - The wire speaks for everybody but this node's endpoints.
//
// ARP and ND bodies that are too short or malformed pass: they cannot be believed by anybody, and
// answer drops them by name.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct SourceGuard {
  static constexpr core::StepId kId = core::StepId::kSourceGuard;

  static core::Verdict Decide(Context& ctx, core::Packet& packet) {
    if (ctx.ingress.role == core::PortRole::kPod && IsPlainTransport(packet)) [[likely]] {
      const tables::Endpoint* source = FindSource(*ctx.tables.endpoints, packet);
      if (source != nullptr && source->port == packet.ingress && source->open &&
          source->mac == packet.ethernet().source) [[likely]] {
        return core::Verdict::Continue();
      }
    }
    return DecideFully(ctx, packet);
  }

  // Every case; agrees with the fast path where that accepts.
  static core::Verdict DecideFully(Context& ctx, core::Packet& packet);

  static bool FromDhcpServer(core::Packet& packet) {
    constexpr std::uint16_t kServerPort = net::Be16(67).raw();     // RFC 2131
    constexpr std::uint16_t kServerPortV6 = net::Be16(547).raw();  // RFC 8415
    if (packet.protocol != net::IpProtocol::kUdp || packet.l4_offset == 0) {
      return false;  // later fragments: they are nothing without the first
    }
    const auto* udp = reinterpret_cast<const net::UdpHeader*>(packet.head + packet.l4_offset);
    return udp->source_port.raw() ==
           (packet.ip == core::IpVersion::k4 ? kServerPort : kServerPortV6);
  }

 private:
  // TCP, or UDP that no DHCP server sent: its IP source is all there is to check.
  static bool IsPlainTransport(core::Packet& packet) {
    return packet.protocol == net::IpProtocol::kTcp ||
           (packet.protocol == net::IpProtocol::kUdp && !FromDhcpServer(packet));
  }
  static const tables::Endpoint* FindSource(const tables::EndpointTable& endpoints,
                                            core::Packet& packet) {
    return packet.ip == core::IpVersion::k4 ? endpoints.Find(packet.ipv4().source)
                                            : endpoints.Find(packet.ipv6().source);
  }
};

}  // namespace pollux::stages
