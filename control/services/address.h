// Which addresses a Service may be reached at, or send to.
// Source: Kubernetes' ValidateNonSpecialIP; the API server holds endpoints and externalIPs to it.
// Threading: pure functions.
#pragma once

#include "control/kubernetes/service.h"
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

constexpr kubernetes::IpFamily FamilyOf(const net::IpAddress& ip) {
  return ip.is_v4() ? kubernetes::IpFamily::kIpv4 : kubernetes::IpFamily::kIpv6;
}

}  // namespace pollux::services
