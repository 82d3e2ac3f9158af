#include "dataplane/tables/tables.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace pollux::tables {
namespace {

template <typename Address>
std::optional<Address> As(const net::IpAddress& address) {
  if constexpr (std::is_same_v<Address, net::Ipv4Address>) {
    return address.is_v4() ? std::optional(address.v4()) : std::nullopt;
  } else {
    return address.is_v6() ? std::optional(address.v6()) : std::nullopt;
  }
}

template <typename Address>
AddressMap<Address> MapOf(const std::vector<EndpointTable::Binding>& bindings) {
  std::vector<typename AddressMap<Address>::Entry> entries;
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    for (const net::IpAddress& address : bindings[i].addresses) {
      if (const auto key = As<Address>(address)) {
        entries.push_back({*key, static_cast<std::uint32_t>(i + 1)});
      }
    }
  }
  return AddressMap<Address>(entries);
}

auto Key(const Neighbour& n) { return std::tie(n.port, n.ip); }

}  // namespace

AdjacencyTable::AdjacencyTable(const std::vector<Adjacency>& adjacencies) : rows_(1) {
  for (const Adjacency& adjacency : adjacencies) {
    const std::size_t index = adjacency.id & kIndexMask;
    rows_.resize(std::max(rows_.size(), index + 1));
    rows_[index] = adjacency;
  }
  count_ = static_cast<std::uint32_t>(rows_.size());
}

EndpointTable::EndpointTable(const std::vector<Binding>& bindings)
    : endpoints_(1),
      v4_(MapOf<net::Ipv4Address>(bindings)),
      v6_(MapOf<net::Ipv6Address>(bindings)) {
  for (const Binding& binding : bindings) {
    endpoints_.push_back(binding.endpoint);
  }
}

RouteTable::RouteTable(const std::vector<Route>& routes) : next_hops_(1), prefixes_(1) {
  std::vector<RouteTrie::Route> entries;
  for (const Route& route : routes) {
    entries.push_back({route.prefix, static_cast<std::uint32_t>(next_hops_.size())});
    next_hops_.push_back(route.next_hop);
    prefixes_.push_back(route.prefix);
  }
  trie_ = RouteTrie(entries);
}

NeighbourTable::NeighbourTable(std::vector<Neighbour> neighbours)
    : sorted_(std::move(neighbours)), used_(std::make_unique<std::atomic<bool>[]>(sorted_.size())) {
  std::sort(sorted_.begin(), sorted_.end(),
            [](const Neighbour& a, const Neighbour& b) { return Key(a) < Key(b); });
}

const Neighbour* NeighbourTable::Find(net::PortId port, const net::IpAddress& ip) const {
  const auto it =
      std::lower_bound(sorted_.begin(), sorted_.end(), std::tie(port, ip),
                       [](const Neighbour& n, const auto& key) { return Key(n) < key; });
  return it != sorted_.end() && it->port == port && it->ip == ip ? &*it : nullptr;
}

}  // namespace pollux::tables
