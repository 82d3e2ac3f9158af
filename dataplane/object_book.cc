#include "dataplane/object_book.h"

#include <algorithm>

namespace pollux {
namespace {

using Change = core::Epochs::Change;

template <typename Map, typename Key>
auto FindOr(const Map& map, const Key& key) {
  const auto it = map.find(key);
  return it == map.end() ? typename Map::mapped_type{} : it->second;
}

// Objects of a list by what names them.
template <typename Object, typename Name>
auto Index(const std::vector<Object>& objects, Name Object::*name) {
  std::map<Name, const Object*> index;
  for (const Object& object : objects) {
    index.emplace(object.*name, &object);
  }
  return index;
}

}  // namespace

absl::Status ObjectBook::Admit(const ForwardingConfig& config) {
  bool enough = true;
  for (const EndpointConfig& endpoint : config.endpoints) {
    const auto [it, is_new] = endpoints_.try_emplace(endpoint.name);
    if (is_new) {
      it->second = {.object = epochs_.Allocate(), .adjacency = adjacencies_.Allocate()};
      enough &= it->second.object != net::ObjectId{} && it->second.adjacency != 0;
    }
  }
  for (const RouteConfig& route : config.routes) {
    const auto [it, is_new] = routes_.try_emplace(route.prefix);
    if (is_new) {
      it->second = epochs_.Allocate();
      enough &= it->second != net::ObjectId{};
    }
  }
  return enough ? absl::OkStatus()
                : absl::ResourceExhaustedError(
                      "more endpoints, routes and backends than the packet path has numbers for: "
                      "remove some");
}

void ObjectBook::Settle(const ForwardingConfig& before, const ForwardingConfig& after) {
  const auto old_endpoints = Index(before.endpoints, &EndpointConfig::name);
  for (const EndpointConfig& endpoint : after.endpoints) {
    const EndpointConfig* old = FindOr(old_endpoints, endpoint.name);
    if (old != nullptr && *old != endpoint) {
      epochs_.Bump(OfEndpoint(endpoint.name).object, Change::kClosing);
    }
    // What went elsewhere so far.
    for (const net::IpAddress& ip : endpoint.addresses) {
      if (old == nullptr || std::ranges::find(old->addresses, ip) == old->addresses.end()) {
        BumpCovering(before, net::IpPrefix(ip, ip.bits()));
      }
    }
  }
  const auto old_routes = Index(before.routes, &RouteConfig::prefix);
  for (const RouteConfig& route : after.routes) {
    const RouteConfig* old = FindOr(old_routes, route.prefix);
    if (old == nullptr) {
      BumpCovering(before, route.prefix);
    } else if (*old != route) {
      epochs_.Bump(OfRoute(route.prefix), Change::kClosing);
    }
  }
  Forget(after);
}

void ObjectBook::BumpCovering(const ForwardingConfig& config, const net::IpPrefix& prefix) {
  const RouteConfig* covering = nullptr;
  for (const RouteConfig& route : config.routes) {
    const bool longer = covering == nullptr || covering->prefix.length() < route.prefix.length();
    if (longer && route.prefix != prefix && route.prefix.Contains(prefix.address()) &&
        route.prefix.length() <= prefix.length()) {
      covering = &route;
    }
  }
  if (covering != nullptr) {
    epochs_.Bump(OfRoute(covering->prefix), Change::kClosing);
  }
}

void ObjectBook::Forget(const ForwardingConfig& keep) {
  const auto endpoints = Index(keep.endpoints, &EndpointConfig::name);
  std::erase_if(endpoints_, [&](const auto& entry) {
    if (endpoints.contains(entry.first)) {
      return false;
    }
    if (entry.second.object != net::ObjectId{}) {
      epochs_.Release(entry.second.object);
    }
    adjacencies_.Release(entry.second.adjacency);
    return true;
  });
  const auto routes = Index(keep.routes, &RouteConfig::prefix);
  std::erase_if(routes_, [&](const auto& entry) {
    if (routes.contains(entry.first)) {
      return false;
    }
    if (entry.second != net::ObjectId{}) {
      epochs_.Release(entry.second);
    }
    return true;
  });
}

void ObjectBook::ForgetPort(net::PortId port) {
  adjacencies_.Release(OfPort(port));
  ports_.erase(port);
}

ObjectBook::EndpointIds ObjectBook::OfEndpoint(const std::string& name) const {
  return FindOr(endpoints_, name);
}

net::ObjectId ObjectBook::OfRoute(const net::IpPrefix& prefix) const {
  return FindOr(routes_, prefix);
}

tables::AdjacencyId ObjectBook::OfPort(net::PortId port) const { return FindOr(ports_, port); }

}  // namespace pollux
