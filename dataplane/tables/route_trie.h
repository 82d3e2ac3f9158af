// Longest-prefix match: a path-compressed binary trie over address bits, immutable.
//
// Why not rte_lpm or rte_fib: they cost 16-128 MB a copy, and routes are read only for packets
// whose destination is no local endpoint. A node here is 32 bytes or less, a table of a thousand
// routes fits the L2 cache, and a new version is built whole and swapped.
// Threading: immutable after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/net/address.h"

namespace pollux::tables {

class RouteTrie {
 public:
  struct Route {
    net::IpPrefix prefix;
    std::uint32_t next_hop = 0;  // index of the caller's; not 0
  };

  RouteTrie() : RouteTrie(std::span<const Route>{}) {}
  // Of equal prefixes the last wins.
  explicit RouteTrie(std::span<const Route> routes);

  // The next hop of the longest prefix that contains the address, or 0.
  [[nodiscard]] std::uint32_t Find(const net::IpAddress& address) const;

 private:
  struct Node {
    net::IpPrefix prefix;
    std::uint32_t next_hop = 0;      // 0: the node only branches
    std::uint32_t children[2] = {};  // by the bit behind the prefix; 0: none
  };

  void Insert(std::uint32_t root, const Route& route);
  std::uint32_t AddNode(const net::IpPrefix& prefix, std::uint32_t next_hop);

  std::vector<Node> nodes_;  // [1] is the root for IPv4, [2] for IPv6
};

}  // namespace pollux::tables
