// What the switch knows of the cluster and the node around it.
// Threading: immutable after publication.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/tables/route_trie.h"

namespace pollux::tables {

// The addresses behind which connections hide that could not come back otherwise.
struct SourceNat {
  net::Ipv4Address v4;  // zero: none
  net::Ipv6Address v6;
  std::uint16_t first_port = 61000;
  std::uint16_t last_port = 65535;
  bool hides_pods = false;  // what pods send out of the cluster (masquerade)
  RouteTrie not_hidden;     // destinations for which it does not

  [[nodiscard]] bool HasAddressOf(const net::IpAddress& peer) const {
    return peer.is_v4() ? !v4.is_zero() : !v6.is_zero();
  }
  [[nodiscard]] net::IpAddress AddressOf(const net::IpAddress& peer) const {
    return peer.is_v4() ? net::IpAddress(v4) : net::IpAddress(v6);
  }
};

struct Cluster {
  RouteTrie inside;                            // the pods' addresses, on all nodes
  std::vector<net::IpAddress> node_addresses;  // of this node
  SourceNat snat;

  [[nodiscard]] bool IsNodeAddress(const net::IpAddress& ip) const {
    return std::ranges::find(node_addresses, ip) != node_addresses.end();
  }
  [[nodiscard]] bool IsInside(const net::IpAddress& ip) const {
    return inside.Find(ip) != 0 || IsNodeAddress(ip);
  }
};

}  // namespace pollux::tables
