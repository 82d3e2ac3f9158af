#include "dataplane/tables/route_trie.h"

#include <algorithm>
#include <bit>

namespace pollux::tables {
namespace {

constexpr std::uint32_t kRoot4 = 1;
constexpr std::uint32_t kRoot6 = 2;

unsigned BitAt(const net::IpAddress& address, unsigned index) {
  return (static_cast<unsigned>(address.bytes()[index / 8]) >> (7U - index % 8)) & 1U;
}

unsigned CommonBits(const net::IpAddress& a, const net::IpAddress& b, unsigned limit) {
  for (unsigned byte = 0; byte * 8 < limit; ++byte) {
    const unsigned difference = static_cast<unsigned>(a.bytes()[byte] ^ b.bytes()[byte]);
    if (difference != 0) {
      const auto same = static_cast<unsigned>(std::countl_zero(difference)) - 24;
      return std::min(limit, byte * 8 + same);
    }
  }
  return limit;
}

}  // namespace

RouteTrie::RouteTrie(std::span<const Route> routes) {
  nodes_.resize(1);
  AddNode(net::IpPrefix(net::Ipv4Address{}, 0), 0);
  AddNode(net::IpPrefix(net::Ipv6Address{}, 0), 0);
  for (const Route& route : routes) {
    Insert(route.prefix.address().is_v6() ? kRoot6 : kRoot4, route);
  }
}

std::uint32_t RouteTrie::AddNode(const net::IpPrefix& prefix, std::uint32_t next_hop) {
  nodes_.push_back({prefix, next_hop, {}});
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

void RouteTrie::Insert(std::uint32_t at, const Route& route) {
  const net::IpAddress& address = route.prefix.address();
  while (nodes_[at].prefix.length() < route.prefix.length()) {
    const unsigned side = BitAt(address, nodes_[at].prefix.length());
    const std::uint32_t child = nodes_[at].children[side];
    if (child == 0) {
      const std::uint32_t added = AddNode(route.prefix, route.next_hop);
      nodes_[at].children[side] = added;
      return;
    }
    const net::IpPrefix child_prefix = nodes_[child].prefix;
    const unsigned common = CommonBits(address, child_prefix.address(),
                                       std::min(child_prefix.length(), route.prefix.length()));
    if (common < child_prefix.length()) {
      // The child's path forks before the child: a branching node goes in between.
      const std::uint32_t fork = AddNode(net::IpPrefix(address, common), 0);
      nodes_[fork].children[BitAt(child_prefix.address(), common)] = child;
      nodes_[at].children[side] = fork;
    }
    at = nodes_[at].children[side];
  }
  nodes_[at].next_hop = route.next_hop;
}

std::uint32_t RouteTrie::Find(const net::IpAddress& address) const {
  std::uint32_t best = 0;
  std::uint32_t at = address.is_v6() ? kRoot6 : kRoot4;
  while (at != 0) {
    const Node& node = nodes_[at];
    if (!node.prefix.Contains(address)) {
      break;
    }
    best = node.next_hop != 0 ? node.next_hop : best;
    if (node.prefix.length() == address.bits()) {
      break;
    }
    at = node.children[BitAt(address, node.prefix.length())];
  }
  return best;
}

}  // namespace pollux::tables
