// Objects for tests in one line each, and states made of them.
// Threading: plain values.
#pragma once

#include <glog/logging.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/state/edit.h"
#include "control/state/state.h"

namespace pollux::control {

inline net::IpAddress Ip(std::string_view text) {
  const auto ip = net::IpAddress::Parse(text);
  CHECK(ip) << text;
  return *ip;
}

inline net::IpPrefix Prefix(std::string_view text) {
  const auto prefix = net::IpPrefix::Parse(text);
  CHECK(prefix) << text;
  return *prefix;
}

inline net::MacAddress Mac(std::string_view text) {
  const auto mac = net::MacAddress::Parse(text);
  CHECK(mac) << text;
  return *mac;
}

// One per address: 02:00 and the address's last four bytes.
inline net::MacAddress MacFor(const net::IpAddress& ip) {
  const std::size_t at = ip.is_v6() ? 12 : 0;
  return {{2, 0, ip.bytes()[at], ip.bytes()[at + 1], ip.bytes()[at + 2], ip.bytes()[at + 3]}};
}

inline Port PortOn(std::string name, core::PortBackend backend, Owner owner = Owner::kCli) {
  Port port{.owner = owner, .spec = {}};
  port.spec.name = std::move(name);
  port.spec.backend = std::move(backend);
  return port;
}

// A TAP device of the port's name.
inline Port Tap(const std::string& name, Owner owner = Owner::kCli) {
  return PortOn(name, core::TapSpec{.netns = "/run/netns/" + name, .ifname = "eth0"}, owner);
}

// A vhost-user server.
inline Port Vhost(const std::string& name, std::string socket, Owner owner = Owner::kCli) {
  core::VhostUserSpec backend;
  backend.socket = std::move(socket);
  return PortOn(name, backend, owner);
}

inline Port Uplink(const std::string& name, const std::vector<std::string_view>& addresses = {}) {
  Port port = PortOn(name, core::EthdevSpec{"net_null_" + name});
  port.spec.role = core::PortRole::kUplink;
  for (const std::string_view address : addresses) {
    port.spec.addresses.push_back(net::InterfaceAddress::Parse(address).value());
  }
  return port;
}

inline Endpoint Pod(std::string name, std::string port, const std::vector<std::string_view>& ips,
                    Owner owner = Owner::kCli) {
  Endpoint endpoint{.owner = owner,
                    .name = std::move(name),
                    .port = std::move(port),
                    .mac = MacFor(Ip(ips.front())),
                    .addresses = {},
                    .pod = {}};
  for (const std::string_view ip : ips) {
    endpoint.addresses.push_back(Ip(ip));
  }
  return endpoint;
}

inline Route OnLink(std::string_view prefix, std::string port, Owner owner = Owner::kCli) {
  return {.owner = owner, .prefix = Prefix(prefix), .via = std::nullopt, .port = std::move(port)};
}

inline Route Via(std::string_view prefix, std::string_view hop, std::string port,
                 Owner owner = Owner::kCli) {
  return {.owner = owner, .prefix = Prefix(prefix), .via = Ip(hop), .port = std::move(port)};
}

inline State StateOf(const std::vector<Object>& objects) {
  State state;
  for (const Object& object : objects) {
    Insert(state, object);
  }
  return state;
}

// The same with another MTU: a port that has to be made anew.
inline Port Resized(Port port, std::uint16_t mtu = 9000) {
  port.spec.mtu = mtu;
  return port;
}

}  // namespace pollux::control
