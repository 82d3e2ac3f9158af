// Who an address is to network policies: a pod, known by its profile, and a member of the longest
// address block that a rule names.
// Threading: immutable after construction.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/net/address.h"
#include "dataplane/tables/address_map.h"
#include "dataplane/tables/route_trie.h"

namespace pollux::tables {

struct Identity {
  std::uint32_t profile = 0;  // from 1, in the order of policy::Compile's argument; 0: no pod
  std::uint32_t cidr = 0;     // policy::CompiledPolicies::Cidr::id; 0: none

  [[nodiscard]] bool is_pod() const { return profile != 0; }
};

class IdentityTable {
 public:
  struct Pod {
    net::IpAddress ip;
    std::uint32_t profile = 0;  // from 1
  };
  IdentityTable() : IdentityTable({}, {}) {}
  // Of pods with one address the first counts. `cidrs` with their ids as next hops.
  IdentityTable(std::span<const Pod> pods, std::span<const RouteTrie::Route> cidrs);

  [[nodiscard]] Identity Of(const net::IpAddress& ip) const {
    return {.profile = ip.is_v4() ? v4_.Find(ip.v4()) : v6_.Find(ip.v6()), .cidr = cidrs_.Find(ip)};
  }

 private:
  AddressMap<net::Ipv4Address> v4_;
  AddressMap<net::Ipv6Address> v6_;
  RouteTrie cidrs_;
};

}  // namespace pollux::tables
