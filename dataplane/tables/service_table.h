// All services of the switch: what a worker asks on the first packet of a connection.
//
// Immutable, and made of shared parts: a table with one service changed shares the shards, the
// services and the Maglev tables of the one before (service_table_builder.h).
// Threading: immutable after construction.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"
#include "dataplane/tables/service.h"
#include "dataplane/tables/sharded_map.h"

namespace pollux::tables {

template <typename Address>
struct FrontendKey {
  Address ip;
  std::uint16_t port = 0;
  net::IpProtocol protocol{};
  friend bool operator==(const FrontendKey&, const FrontendKey&) = default;
};

struct ServiceHash {
  std::uint64_t operator()(const FrontendKey<net::Ipv4Address>& key) const;
  std::uint64_t operator()(const FrontendKey<net::Ipv6Address>& key) const;
  std::uint64_t operator()(const FrontendKey<net::IpAddress>& key) const;
  std::uint64_t operator()(const net::IpAddress& ip) const;
  std::uint64_t operator()(std::uint32_t id) const;
};

class ServiceTable {
 public:
  // Null: no service there.
  [[nodiscard]] const Frontend* Find(const net::IpAddress& ip, net::IpProtocol protocol,
                                     std::uint16_t port) const;
  // Does the address belong to a service, so that what it has no frontend for is refused? Those of
  // NodePort and HostPort frontends do not: they are a node's.
  [[nodiscard]] bool IsFrontendAddress(const net::IpAddress& ip) const {
    return addresses_.Find(ip) != nullptr;
  }
  // For a connection that is decided again, or remembered: the backend, draining or not, if it
  // still is one of the service's (Frontend::service).
  [[nodiscard]] const Backend* FindBackend(std::uint32_t service, const net::IpAddress& ip,
                                           std::uint16_t port) const;
  // Null: no such service.
  [[nodiscard]] const Service* FindService(std::uint32_t id) const;

 private:
  friend class ServiceTableBuilder;
  template <typename Key, typename Value>
  using Map = ShardedMap<Key, Value, ServiceHash>;

  Map<FrontendKey<net::Ipv4Address>, const Frontend*> v4_;
  Map<FrontendKey<net::Ipv6Address>, const Frontend*> v6_;
  Map<net::IpAddress, std::uint32_t> addresses_;                 // with how many frontends have it
  Map<std::uint32_t, std::shared_ptr<const Service>> services_;  // by id; own the frontends above
};

}  // namespace pollux::tables
