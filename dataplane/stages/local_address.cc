#include "dataplane/stages/local_address.h"

#include <algorithm>

namespace pollux::stages {
namespace {

bool IsGateway(const net::IpAddress& ip) {
  return ip == net::IpAddress(tables::kGatewayV4) || ip == net::IpAddress(tables::kGatewayV6);
}

}  // namespace

bool IsSwitchAddress(const tables::PortEntry& port, const net::IpAddress& ip) {
  return (port.role != core::PortRole::kUplink && IsGateway(ip)) ||
         std::any_of(port.addresses.begin(), port.addresses.end(),
                     [&](const net::InterfaceAddress& own) { return own.ip == ip; });
}

bool IsOnLink(const tables::PortEntry& port, const net::IpAddress& ip) {
  return std::any_of(port.addresses.begin(), port.addresses.end(),
                     [&](const net::InterfaceAddress& own) { return own.subnet().Contains(ip); });
}

Claim ClaimOf(const Context& ctx, const net::IpAddress& ip) {
  if (IsSwitchAddress(ctx.ingress, ip)) {
    return Claim::kOwn;
  }
  const tables::Endpoint* endpoint = ctx.tables.endpoints->Find(ip);
  if (endpoint != nullptr && endpoint->port == ctx.ingress.port->id()) {
    return Claim::kEndpoint;
  }
  if (ctx.ingress.role == core::PortRole::kUplink) {
    return endpoint != nullptr && IsOnLink(ctx.ingress, ip) ? Claim::kProxy : Claim::kNone;
  }
  return ip.is_v6() && ip.v6().is_link_local() ? Claim::kNone : Claim::kProxy;
}

std::optional<net::IpAddress> SourceTowards(const tables::PortEntry& port,
                                            const net::IpAddress& target) {
  std::optional<net::IpAddress> first;
  for (const net::InterfaceAddress& own : port.addresses) {
    if (own.subnet().Contains(target)) {
      return own.ip;
    }
    if (!first && own.ip.is_v6() == target.is_v6()) {
      first = own.ip;
    }
  }
  if (!first && port.role != core::PortRole::kUplink) {
    return target.is_v4() ? net::IpAddress(tables::kGatewayV4) : tables::kGatewayV6;
  }
  return first;
}

bool IsHostSource(const net::IpAddress& ip) {
  if (ip.is_v4()) {
    constexpr std::uint32_t kFirstGroup = 0xe0000000;  // multicast, reserved, broadcast
    return !ip.v4().is_zero() && !ip.v4().is_loopback() && ip.v4().host() < kFirstGroup;
  }
  return !ip.v6().is_zero() && !ip.v6().is_loopback() && !ip.v6().is_multicast();
}

}  // namespace pollux::stages
