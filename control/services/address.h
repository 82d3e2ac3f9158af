// Which addresses a Service may be reached at, or send to.
// Source: Kubernetes' ValidateNonSpecialIP; the API server holds endpoints and externalIPs to it.
// Threading: pure functions.
#pragma once

#include <algorithm>
#include <vector>

#include "dataplane/net/address.h"

namespace pollux::services {

// That of one host, and one that another host could use: not unspecified, broadcast, multicast,
// loopback or link-local.
constexpr bool IsServiceAddress(const net::IpAddress& ip) {
  const auto special = [](const auto& address) {
    return address.is_zero() || address.is_multicast() || address.is_loopback() ||
           address.is_link_local();
  };
  return ip.is_v4() ? !special(ip.v4()) && !ip.v4().is_broadcast() : !special(ip.v6());
}

// Is one of them of the family of `ip`?
inline bool HasFamilyOf(const net::IpAddress& ip, const std::vector<net::IpAddress>& ips) {
  return std::any_of(ips.begin(), ips.end(),
                     [&](const net::IpAddress& other) { return other.is_v4() == ip.is_v4(); });
}

// The first usable one of each family: a pod, and a node, has one that counts.
inline std::vector<net::IpAddress> FirstOfFamilies(const std::vector<net::IpAddress>& ips) {
  std::vector<net::IpAddress> first;
  for (const net::IpAddress& ip : ips) {
    if (IsServiceAddress(ip) && !HasFamilyOf(ip, first)) {
      first.push_back(ip);
    }
  }
  return first;
}

}  // namespace pollux::services
