// What the translation of Services has to know beside the cluster: whose node this is.
// Threading: plain values.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "dataplane/net/address.h"

namespace pollux::services {

struct Options {
  std::string node_name;
  std::vector<net::IpAddress> node_addresses;     // this node's own, pollux0's among them
  std::vector<net::IpPrefix> nodeport_addresses;  // which of them serve NodePorts; empty: all
  std::vector<net::IpPrefix> pod_cidrs;           // this node's: where its pods are
  bool allow_external_ips = false;                // CVE-2020-8554: anybody may claim any address

  [[nodiscard]] bool ServesNodePorts(const net::IpAddress& ip) const {
    return nodeport_addresses.empty() ||
           std::ranges::any_of(nodeport_addresses,
                               [&](const net::IpPrefix& range) { return range.Contains(ip); });
  }
};

}  // namespace pollux::services
