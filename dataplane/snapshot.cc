#include "dataplane/snapshot.h"

#include <absl/strings/str_format.h>

#include <unordered_map>
#include <utility>

namespace pollux {
namespace {

bool IsForbiddenEndpointAddress(const net::IpAddress& ip) {
  if (ip.is_v4()) {
    const net::Ipv4Address v4 = ip.v4();
    return v4.is_zero() || v4.is_loopback() || v4.is_multicast() || v4.is_broadcast() ||
           v4.is_link_local();
  }
  const net::Ipv6Address v6 = ip.v6();
  return v6.is_zero() || v6.is_loopback() || v6.is_multicast() || v6.is_link_local();
}

bool Exists(const std::vector<PortView>& ports, net::PortId id) {
  for (const PortView& view : ports) {
    if (view.port->id() == id) {
      return true;
    }
  }
  return false;
}

absl::Status CheckEndpoint(const EndpointConfig& endpoint, const std::vector<PortView>& ports) {
  if (!Exists(ports, endpoint.port)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("endpoint %s: port: no such port", endpoint.name));
  }
  if (endpoint.mac.is_zero() || endpoint.mac.is_group()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("endpoint %s: mac: %s is not the address of one interface", endpoint.name,
                        endpoint.mac.ToString()));
  }
  for (const net::IpAddress& ip : endpoint.addresses) {
    if (IsForbiddenEndpointAddress(ip)) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "endpoint %s: ip: %s cannot be an endpoint's address", endpoint.name, ip.ToString()));
    }
  }
  return absl::OkStatus();
}

tables::PortEntry EntryOf(const PortView& view, const ObjectBook& book,
                          net::MacAddress gateway_mac) {
  const core::PortSpec& spec = view.port->spec();
  tables::PortEntry entry;
  entry.port = view.port;
  entry.role = spec.role;
  entry.mtu = spec.mtu;
  const net::MacAddress own = view.mac.is_zero() ? spec.mac : view.mac;
  entry.local_mac = spec.role == core::PortRole::kUplink ? own : gateway_mac;
  entry.peer_mac = own;
  entry.adjacency = book.OfPort(view.port->id());
  entry.addresses = spec.addresses;
  for (const net::InterfaceAddress& address : spec.addresses) {
    if (address.ip.is_v4() && entry.local_v4.is_zero()) {
      entry.local_v4 = address.ip.v4();
    } else if (address.ip.is_v6() && entry.local_v6.is_zero()) {
      entry.local_v6 = address.ip.v6();
    }
  }
  return entry;
}

std::shared_ptr<const tables::PortTable> PortTableOf(const ForwardingConfig& config,
                                                     const std::vector<PortView>& ports,
                                                     const ObjectBook& book,
                                                     net::MacAddress gateway_mac) {
  std::vector<tables::PortEntry> entries(1);
  for (const PortView& view : ports) {
    const std::size_t index = view.port->id().value();
    if (entries.size() <= index) {
      entries.resize(index + 1);
    }
    entries[index] = EntryOf(view, book, gateway_mac);
  }
  for (const EndpointConfig& endpoint : config.endpoints) {
    entries[endpoint.port.value()].endpoint_macs.push_back(endpoint.mac);
  }
  return std::make_shared<const tables::PortTable>(std::move(entries));
}

class AdjacencyList {
 public:
  explicit AdjacencyList(const tables::PortTable& ports) : ports_(ports) {}

  void Add(tables::AdjacencyId id, net::PortId egress, net::MacAddress to,
           std::uint32_t neighbour = 0) {
    const tables::PortEntry& port = ports_[egress];
    if (id != 0 && port.port != nullptr) {
      list_.push_back({.id = id,
                       .destination = to,
                       .source = port.local_mac,
                       .egress = egress,
                       .mtu = port.mtu,
                       .neighbour = neighbour});
    }
  }
  [[nodiscard]] std::shared_ptr<const tables::AdjacencyTable> Table() const {
    return std::make_shared<const tables::AdjacencyTable>(list_);
  }

 private:
  const tables::PortTable& ports_;
  std::vector<tables::Adjacency> list_;
};

std::shared_ptr<const tables::AdjacencyTable> AdjacencyTableOf(
    const std::vector<tables::EndpointTable::Binding>& bindings, const tables::PortTable& ports,
    const tables::NeighbourTable& neighbours) {
  AdjacencyList list(ports);
  for (const tables::EndpointTable::Binding& binding : bindings) {
    const tables::Endpoint& endpoint = binding.endpoint;
    list.Add(endpoint.open ? endpoint.adjacency : 0, endpoint.port, endpoint.mac);
  }
  for (const tables::PortEntry& port : ports.entries()) {
    if (port.port != nullptr && port.role != core::PortRole::kUplink) {
      list.Add(port.adjacency, port.port->id(), port.peer_mac);
    }
  }
  std::uint32_t index = 0;
  for (const tables::Neighbour& neighbour : neighbours.entries()) {
    ++index;
    if (!neighbour.failed) {
      list.Add(neighbour.adjacency, neighbour.port, neighbour.mac, index);
    }
  }
  return list.Table();
}

}  // namespace

absl::Status CheckForwarding(const ForwardingConfig& config, const std::vector<PortView>& ports) {
  std::unordered_map<net::IpAddress, const EndpointConfig*> owners;
  for (const EndpointConfig& endpoint : config.endpoints) {
    if (const absl::Status status = CheckEndpoint(endpoint, ports); !status.ok()) {
      return status;
    }
    for (const net::IpAddress& ip : endpoint.addresses) {
      const auto [it, fresh] = owners.emplace(ip, &endpoint);
      if (!fresh) {
        return absl::InvalidArgumentError(
            absl::StrFormat("endpoint %s: ip: %s belongs to endpoint %s", endpoint.name,
                            ip.ToString(), it->second->name));
      }
    }
  }
  for (const RouteConfig& route : config.routes) {
    if (!Exists(ports, route.port)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("route %s: port: no such port", route.prefix.ToString()));
    }
    if (route.via && route.via->is_v6() != route.prefix.address().is_v6()) {
      return absl::InvalidArgumentError(absl::StrFormat("route %s: via: %s is of the other family",
                                                        route.prefix.ToString(),
                                                        route.via->ToString()));
    }
  }
  return absl::OkStatus();
}

std::unique_ptr<tables::Tables> BuildTables(
    const ForwardingConfig& config, const std::vector<PortView>& ports, const ObjectBook& book,
    net::MacAddress gateway_mac, std::shared_ptr<const tables::NeighbourTable> neighbours,
    net::Revision revision) {
  std::vector<tables::EndpointTable::Binding> bindings;
  for (const EndpointConfig& endpoint : config.endpoints) {
    const net::EndpointId id{static_cast<std::uint32_t>(bindings.size() + 1)};
    const ObjectBook::EndpointIds ids = book.OfEndpoint(endpoint.name);
    bindings.push_back({.endpoint = {.id = id,
                                     .port = endpoint.port,
                                     .mac = endpoint.mac,
                                     .open = endpoint.open,
                                     .object = ids.object,
                                     .adjacency = ids.adjacency},
                        .addresses = endpoint.addresses});
  }
  std::vector<tables::RouteTable::Route> routes;
  for (const RouteConfig& route : config.routes) {
    routes.push_back({.prefix = route.prefix,
                      .next_hop = {.port = route.port,
                                   .has_via = route.via.has_value(),
                                   .via = route.via.value_or(net::IpAddress{}),
                                   .object = book.OfRoute(route.prefix)}});
  }
  auto tables = std::make_unique<tables::Tables>();
  tables->revision = revision;
  tables->gateway_mac = gateway_mac;
  tables->ports = PortTableOf(config, ports, book, gateway_mac);
  tables->endpoints = std::make_shared<const tables::EndpointTable>(bindings);
  tables->routes = std::make_shared<const tables::RouteTable>(routes);
  tables->adjacencies = AdjacencyTableOf(bindings, *tables->ports, *neighbours);
  tables->neighbours = std::move(neighbours);
  return tables;
}

}  // namespace pollux
