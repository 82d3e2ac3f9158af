#include "dataplane/stages/source_guard.h"

#include <algorithm>

namespace pollux::stages {
namespace {

using core::DropReason;
using core::IpVersion;
using core::Packet;
using core::PortRole;
using net::Icmpv6Type;

constexpr std::uint8_t kMldQuery = 130;  // RFC 2710, RFC 3810
constexpr std::uint8_t kMldReport = 131;
constexpr std::uint8_t kMldDone = 132;
constexpr std::uint8_t kMldV2Report = 143;

// --- What the packet is

const net::ArpPacket* ArpBody(const Packet& packet) {
  const auto* arp = packet.HeaderAt<net::ArpPacket>(packet.l3_offset);
  const bool ethernet_ipv4 = arp != nullptr &&
                             arp->hardware_type.value() == net::ArpPacket::kEthernet &&
                             arp->protocol_type.value() == std::uint16_t{0x0800} &&
                             arp->hardware_length == sizeof(net::MacAddress) &&
                             arp->protocol_length == sizeof(net::Ipv4Address);
  return ethernet_ipv4 ? arp : nullptr;
}

// The ICMPv6 type, or 0 (which is reserved) for anything else.
std::uint8_t Icmpv6TypeOf(const Packet& packet) {
  const bool icmpv6 = packet.ip == IpVersion::k6 && packet.protocol == net::IpProtocol::kIcmpv6 &&
                      packet.l4_offset != 0;
  return icmpv6 ? packet.head[packet.l4_offset] : std::uint8_t{0};
}

bool IsMartian(const net::Ipv4Address& source) {
  return source.is_loopback() || source.is_multicast() || source.is_broadcast();
}
bool IsMartian(const net::Ipv6Address& source) {
  return source.is_loopback() || source.is_multicast();
}
bool HasMartianSource(Packet& packet) {
  return packet.ip == IpVersion::k4 ? IsMartian(packet.ipv4().source)
                                    : IsMartian(packet.ipv6().source);
}

bool IsGroupReport(std::uint8_t type) {
  return type == kMldReport || type == kMldDone || type == kMldV2Report;
}

// Calls visit(const net::LinkLayerOption&) for each source or target link-layer address option
// from `offset` on (RFC 4861 section 4.6), up to the first malformed one.
template <typename Visit>
void ForEachLinkLayerOption(const Packet& packet, unsigned offset, Visit&& visit) {
  constexpr unsigned kUnit = 8;
  while (offset < packet.frame_length()) {
    const auto* option = packet.HeaderAt<net::LinkLayerOption>(offset);
    if (option == nullptr || option->length == 0 ||
        offset + option->length * kUnit > packet.frame_length()) {
      return;
    }
    if (option->type == net::LinkLayerOption::kSource ||
        option->type == net::LinkLayerOption::kTarget) {
      visit(*option);
    }
    offset += option->length * kUnit;
  }
}

// --- Who may say it on a pod's port

// The addresses that the Ethernet source may speak for.
class Speaker {
 public:
  Speaker(const Context& ctx, Packet& packet)
      : endpoints_(*ctx.tables.endpoints), port_(packet.ingress), mac_(packet.ethernet().source) {}

  [[nodiscard]] const net::MacAddress& mac() const { return mac_; }

  template <typename Address>
  [[nodiscard]] const tables::Endpoint* EndpointOf(const Address& address) const {
    const tables::Endpoint* endpoint = endpoints_.Find(address);
    const bool own = endpoint != nullptr && endpoint->port == port_ && endpoint->mac == mac_;
    return own ? endpoint : nullptr;
  }
  [[nodiscard]] bool Owns(const net::Ipv4Address& address) const {
    return EndpointOf(address) != nullptr;
  }
  // Link-local addresses are each speaker's own affair, but for the gateway's.
  [[nodiscard]] bool Owns(const net::Ipv6Address& address) const {
    return EndpointOf(address) != nullptr ||
           (address.is_link_local() && address != tables::kGatewayV6);
  }

 private:
  const tables::EndpointTable& endpoints_;
  const net::PortId port_;
  const net::MacAddress mac_;
};

DropReason CheckArp(const Speaker& speaker, const Packet& packet) {
  const net::ArpPacket* arp = ArpBody(packet);
  if (arp == nullptr) {
    return DropReason::kNone;
  }
  const bool probe = arp->sender_ip.is_zero();
  return arp->sender_mac == speaker.mac() && (probe || speaker.Owns(arp->sender_ip))
             ? DropReason::kNone
             : DropReason::kArpSpoof;
}

// Solicitations and advertisements: the address that is announced and the link-layer addresses
// that it is said to be at. The IP source has been checked.
DropReason CheckNeighbourMessage(const Speaker& speaker, const Packet& packet, std::uint8_t type) {
  unsigned options = packet.l4_offset + unsigned{sizeof(net::IcmpHeader)};
  if (type != Icmpv6Type::kRouterSolicitation) {
    const auto* message = packet.HeaderAt<net::NeighborMessage>(packet.l4_offset);
    if (message == nullptr) {
      return DropReason::kNone;
    }
    if (type == Icmpv6Type::kNeighborAdvertisement && !speaker.Owns(message->target)) {
      return DropReason::kNdSpoof;
    }
    options = packet.l4_offset + unsigned{sizeof *message};
  }
  bool own = true;
  ForEachLinkLayerOption(packet, options, [&](const net::LinkLayerOption& option) {
    own = own && option.mac == speaker.mac();
  });
  return own ? DropReason::kNone : DropReason::kNdSpoof;
}

DropReason CheckIcmpv6(const Speaker& speaker, const Packet& packet) {
  switch (const std::uint8_t type = Icmpv6TypeOf(packet)) {
    case Icmpv6Type::kRouterAdvertisement:
    case Icmpv6Type::kRedirect:
      return DropReason::kRouterAdvertisement;
    case Icmpv6Type::kRouterSolicitation:
    case Icmpv6Type::kNeighborSolicitation:
    case Icmpv6Type::kNeighborAdvertisement:
      return CheckNeighbourMessage(speaker, packet, type);
    default:
      return DropReason::kNone;
  }
}

// Sources that are no endpoint's address but may talk to the switch.
bool TalksToSwitchOnly(Packet& packet) {
  const net::Ipv6Header& ip = packet.ipv6();
  const std::uint8_t type = Icmpv6TypeOf(packet);
  if (ip.source.is_zero()) {  // RFC 4862 section 5.4, RFC 3590, RFC 4861 section 4.1
    return type == Icmpv6Type::kNeighborSolicitation || type == Icmpv6Type::kRouterSolicitation ||
           IsGroupReport(type);
  }
  if (!ip.source.is_link_local() || ip.source == tables::kGatewayV6) {
    return false;
  }
  const bool ping = type == Icmpv6Type::kEchoRequest && ip.destination.is_link_local();
  return ping || type == Icmpv6Type::kNeighborSolicitation ||
         type == Icmpv6Type::kNeighborAdvertisement || type == Icmpv6Type::kRouterSolicitation ||
         type == kMldQuery || IsGroupReport(type);
}

DropReason CheckIpSource(const Speaker& speaker, Packet& packet) {
  const tables::Endpoint* endpoint = packet.ip == IpVersion::k4
                                         ? speaker.EndpointOf(packet.ipv4().source)
                                         : speaker.EndpointOf(packet.ipv6().source);
  if (endpoint == nullptr) {
    if (HasMartianSource(packet)) {
      return DropReason::kMartianSource;
    }
    return packet.ip == IpVersion::k6 && TalksToSwitchOnly(packet) ? DropReason::kNone
                                                                   : DropReason::kSourceIp;
  }
  const std::uint8_t type = Icmpv6TypeOf(packet);
  const bool neighbour_message =
      type == Icmpv6Type::kNeighborSolicitation || type == Icmpv6Type::kNeighborAdvertisement;
  return endpoint->open || neighbour_message ? DropReason::kNone : DropReason::kEndpointClosed;
}

DropReason CheckPod(const Context& ctx, Packet& packet) {
  const auto& macs = ctx.ingress.endpoint_macs;
  if (macs.empty()) {
    return DropReason::kPortWithoutEndpoint;
  }
  const Speaker speaker(ctx, packet);
  if (std::find(macs.begin(), macs.end(), speaker.mac()) == macs.end()) {
    return DropReason::kSourceMac;
  }
  if (packet.ip == IpVersion::kNone) {
    return CheckArp(speaker, packet);
  }
  if (SourceGuard::FromDhcpServer(packet)) {
    return DropReason::kDhcpServer;
  }
  // What a message claims says more than where it claims to come from.
  const DropReason reason = CheckIcmpv6(speaker, packet);
  return reason != DropReason::kNone ? reason : CheckIpSource(speaker, packet);
}

// --- The host and the wire

// Whether the address is that of an endpoint on another port than the one it came from.
template <typename Address>
bool OwnedElsewhere(const Context& ctx, const Packet& packet, const Address& address) {
  const tables::Endpoint* endpoint = ctx.tables.endpoints->Find(address);
  return endpoint != nullptr && endpoint->port != packet.ingress;
}

struct ClaimReasons {
  DropReason ip, arp, nd;
};

// What is claimed by a sender who may speak for anybody but endpoints of other ports.
DropReason CheckClaims(const Context& ctx, Packet& packet, const ClaimReasons& reasons) {
  if (packet.ip == IpVersion::kNone) {
    const net::ArpPacket* arp = ArpBody(packet);
    const bool spoofed = arp != nullptr && OwnedElsewhere(ctx, packet, arp->sender_ip);
    return spoofed ? reasons.arp : DropReason::kNone;
  }
  if (HasMartianSource(packet)) {
    return DropReason::kMartianSource;
  }
  const bool spoofed = packet.ip == IpVersion::k4
                           ? OwnedElsewhere(ctx, packet, packet.ipv4().source)
                           : OwnedElsewhere(ctx, packet, packet.ipv6().source);
  if (spoofed) {
    return reasons.ip;
  }
  if (Icmpv6TypeOf(packet) == Icmpv6Type::kNeighborAdvertisement) {
    const auto* message = packet.HeaderAt<net::NeighborMessage>(packet.l4_offset);
    if (message != nullptr && OwnedElsewhere(ctx, packet, message->target)) {
      return reasons.nd;
    }
  }
  return DropReason::kNone;
}

DropReason CheckHost(const Context& ctx, Packet& packet) {
  if (packet.ethernet().source != ctx.ingress.peer_mac) {
    return DropReason::kSourceMac;
  }
  return CheckClaims(ctx, packet,
                     {DropReason::kSourceIp, DropReason::kArpSpoof, DropReason::kNdSpoof});
}

DropReason CheckUplink(const Context& ctx, Packet& packet) {
  if (packet.ethernet().source.is_group()) {
    return DropReason::kSourceMac;
  }
  constexpr DropReason kSpoof = DropReason::kUplinkSpoof;
  return CheckClaims(ctx, packet, {kSpoof, kSpoof, kSpoof});
}

}  // namespace

core::Verdict SourceGuard::DecideFully(Context& ctx, Packet& packet) {
  DropReason reason = DropReason::kNone;
  switch (ctx.ingress.role) {
    case PortRole::kPod:
      reason = CheckPod(ctx, packet);
      break;
    case PortRole::kHost:
      reason = CheckHost(ctx, packet);
      break;
    case PortRole::kUplink:
      reason = CheckUplink(ctx, packet);
      break;
  }
  return reason == DropReason::kNone ? core::Verdict::Continue() : core::Verdict::Drop(reason);
}

}  // namespace pollux::stages
