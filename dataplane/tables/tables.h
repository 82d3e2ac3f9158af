// What the workers know: one immutable snapshot.
//
// The control side builds a new Tables for every change (parts that did not change are shared), and
// publishes it by one pointer swap; a worker reads the pointer once per burst, so a batch of
// changes is seen whole or not at all. The old snapshot is freed after a grace period.
// Threading: immutable after publication.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/port.h"
#include "dataplane/net/address.h"
#include "dataplane/net/ids.h"
#include "dataplane/tables/address_map.h"
#include "dataplane/tables/cluster.h"
#include "dataplane/tables/identity_table.h"
#include "dataplane/tables/route_trie.h"
#include "dataplane/tables/service_table.h"

namespace pollux::policy {
class CompiledPolicies;
}  // namespace pollux::policy

namespace pollux::tables {

// Names a row of the AdjacencyTable: its index in the lower bits, above them how often the index
// was given out before, so that whoever remembers a row notices that it belongs to somebody else
// now. 0: none.
using AdjacencyId = std::uint32_t;

// Where packets leave, and the Ethernet addresses that they leave with.
struct alignas(32) Adjacency {
  AdjacencyId id = 0;  // 0: free
  net::MacAddress destination;
  net::MacAddress source;
  net::PortId egress;
  std::uint16_t mtu = 0;        // L3 bytes
  std::uint32_t neighbour = 0;  // of the NeighbourTable, from 1; 0: not one of them
};
static_assert(sizeof(Adjacency) == 32);

class AdjacencyTable {
 public:
  static constexpr unsigned kIndexBits = 20;
  static constexpr std::uint32_t kIndexMask = (1U << kIndexBits) - 1;

  AdjacencyTable() : AdjacencyTable(std::vector<Adjacency>{}) {}
  // In any order.
  explicit AdjacencyTable(const std::vector<Adjacency>& adjacencies);

  // Null: not there, now.
  [[nodiscard]] const Adjacency* Find(AdjacencyId id) const {
    const std::uint32_t index = id & kIndexMask;
    const Adjacency& row = rows_[index < count_ ? index : 0];
    return row.id == id && id != 0 ? &row : nullptr;
  }

 private:
  std::vector<Adjacency> rows_;
  std::uint32_t count_;
};

// How the packet path sees a port. What every packet asks for lies in the first cache line.
struct alignas(64) PortEntry {
  core::Port* port = nullptr;  // null: no such port
  core::PortRole role = core::PortRole::kPod;
  std::uint16_t mtu = 1500;   // L3 bytes
  net::MacAddress local_mac;  // the switch's on this port: the gateway's, or the uplink device's
  net::MacAddress peer_mac;   // the host interface's, on kHost ports
  net::Ipv4Address local_v4;  // the switch's own address on this port for ICMP errors and ARP;
  net::Ipv6Address local_v6;  // zero: none (the gateway's link-local ones are used)
  std::vector<net::InterfaceAddress> addresses;  // all of them
  std::vector<net::MacAddress> endpoint_macs;    // kPod ports without one forward nothing
  AdjacencyId adjacency = 0;  // to the one machine behind a host or pod port, for what is routed
};

struct Endpoint {
  net::EndpointId id;
  net::PortId port;
  net::MacAddress mac;
  bool open = true;  // false: waits for its policy
  net::ObjectId object{};
  AdjacencyId adjacency = 0;
};

// Where a route leads. `via` unset: the destination itself is on the link.
struct NextHop {
  net::PortId port;
  bool has_via = false;
  net::IpAddress via;
  net::ObjectId object{};  // the route's
};

// Ethernet addresses of next hops on uplinks, learned by ARP and ND.
struct Neighbour {
  net::PortId port;
  net::IpAddress ip;
  net::MacAddress mac;
  bool failed = false;  // asked in vain: packets are dropped until it answers or the entry ages out
  AdjacencyId adjacency = 0;
};

class PortTable {
 public:
  static constexpr unsigned kMaxPorts = 4096;

  explicit PortTable(std::vector<PortEntry> entries) : entries_(std::move(entries)) {
    entries_.resize(std::max<std::size_t>(entries_.size(), 1));
    count_ = static_cast<std::uint32_t>(entries_.size());
  }
  // Entry 0, with a null port, for ids that are not there.
  [[nodiscard]] const PortEntry& operator[](net::PortId id) const {
    return entries_[id.value() < count_ ? id.value() : 0];
  }
  [[nodiscard]] const std::vector<PortEntry>& entries() const { return entries_; }

 private:
  std::vector<PortEntry> entries_;  // by PortId
  std::uint32_t count_;             // of them, without the division that size() is
};

class EndpointTable {
 public:
  struct Binding {
    Endpoint endpoint;
    std::vector<net::IpAddress> addresses;
  };
  EndpointTable() : EndpointTable(std::vector<Binding>{}) {}
  // Addresses are unique over all bindings (the control side refuses others).
  explicit EndpointTable(const std::vector<Binding>& bindings);

  // Null: no endpoint has the address.
  [[nodiscard]] const Endpoint* Find(const net::Ipv4Address& address) const {
    return At(v4_.Find(address));
  }
  [[nodiscard]] const Endpoint* Find(const net::Ipv6Address& address) const {
    return At(v6_.Find(address));
  }
  [[nodiscard]] const Endpoint* Find(const net::IpAddress& address) const {
    return address.is_v4() ? Find(address.v4()) : Find(address.v6());
  }

 private:
  [[nodiscard]] const Endpoint* At(std::uint32_t index) const {
    return index == 0 ? nullptr : &endpoints_[index];
  }

  std::vector<Endpoint> endpoints_;  // [0] unused
  AddressMap<net::Ipv4Address> v4_;
  AddressMap<net::Ipv6Address> v6_;
};

class RouteTable {
 public:
  struct Route {
    net::IpPrefix prefix;
    NextHop next_hop;
  };
  RouteTable() : RouteTable(std::vector<Route>{}) {}
  explicit RouteTable(const std::vector<Route>& routes);
  [[nodiscard]] const NextHop* Find(const net::IpAddress& address) const {
    const std::uint32_t index = trie_.Find(address);
    return index == 0 ? nullptr : &next_hops_[index];
  }
  // Of a next hop of this table.
  [[nodiscard]] const net::IpPrefix& PrefixOf(const NextHop& next_hop) const {
    return prefixes_[static_cast<std::size_t>(&next_hop - next_hops_.data())];
  }

 private:
  std::vector<NextHop> next_hops_;       // [0] unused
  std::vector<net::IpPrefix> prefixes_;  // by the same index: for people, not for packets
  RouteTrie trie_;
};

// Immutable but for one mark per neighbour, by which the control side knows what is in use: set by
// workers, taken by the control side, relaxed (a mark that is seen late ages nothing too early:
// ages are many seconds).
class NeighbourTable {
 public:
  NeighbourTable() : NeighbourTable(std::vector<Neighbour>{}) {}
  explicit NeighbourTable(std::vector<Neighbour> neighbours);
  [[nodiscard]] const Neighbour* Find(net::PortId port, const net::IpAddress& ip) const;
  [[nodiscard]] const std::vector<Neighbour>& entries() const { return sorted_; }

  // `neighbour` is one of this table's.
  void MarkUsed(const Neighbour& neighbour) const {
    std::atomic<bool>& mark = MarkOf(neighbour);
    if (!mark.load(std::memory_order_relaxed)) {  // no write to a shared line per packet
      mark.store(true, std::memory_order_relaxed);
    }
  }
  // Was it used since the last call? False if it is not in the table.
  bool TakeUsed(net::PortId port, const net::IpAddress& ip) const {
    const Neighbour* neighbour = Find(port, ip);
    return neighbour != nullptr && MarkOf(*neighbour).exchange(false, std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] std::atomic<bool>& MarkOf(const Neighbour& neighbour) const {
    return used_[static_cast<std::size_t>(&neighbour - sorted_.data())];
  }

  std::vector<Neighbour> sorted_;  // by port and address
  std::unique_ptr<std::atomic<bool>[]> used_;
};

struct Tables {
  net::Revision revision;
  net::MacAddress gateway_mac;
  std::shared_ptr<const PortTable> ports;
  std::shared_ptr<const EndpointTable> endpoints;
  std::shared_ptr<const RouteTable> routes;
  std::shared_ptr<const NeighbourTable> neighbours;
  std::shared_ptr<const AdjacencyTable> adjacencies;
  std::shared_ptr<const ServiceTable> services = std::make_shared<const ServiceTable>();
  std::shared_ptr<const Cluster> cluster = std::make_shared<const Cluster>();
  std::shared_ptr<const IdentityTable> identities = std::make_shared<const IdentityTable>();
  // Of the identities; may be null where nobody has one.
  std::shared_ptr<const policy::CompiledPolicies> policies;
};

// The gateway's addresses in every pod (docs/life-of-a-packet.md): 169.254.1.1 and fe80::1.
inline constexpr net::Ipv4Address kGatewayV4 = net::Ipv4Address::FromHost(0xa9fe0101);
inline constexpr net::Ipv6Address kGatewayV6 = {
    {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

}  // namespace pollux::tables
