#include "dataplane/tables/identity_table.h"

#include <vector>

namespace pollux::tables {

IdentityTable::IdentityTable(std::span<const Pod> pods, std::span<const RouteTrie::Route> cidrs)
    : cidrs_(cidrs) {
  std::vector<AddressMap<net::Ipv4Address>::Entry> v4;
  std::vector<AddressMap<net::Ipv6Address>::Entry> v6;
  for (const Pod& pod : pods) {
    if (pod.ip.is_v4()) {
      v4.push_back({pod.ip.v4(), pod.profile});
    } else {
      v6.push_back({pod.ip.v6(), pod.profile});
    }
  }
  v4_ = AddressMap<net::Ipv4Address>(v4);
  v6_ = AddressMap<net::Ipv6Address>(v6);
}

}  // namespace pollux::tables
