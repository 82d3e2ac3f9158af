// What the switch should be, as a value: ports, endpoints and routes with their owners.
//
// A change makes a new State; edit.h makes it, validate.h says whether it may be, diff.h what has
// to be done, reconciler.h does it. Objects refer to ports by name.
// Threading: plain values; shared as pointers to const.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/core/port_spec.h"
#include "dataplane/net/address.h"

namespace pollux::control {

enum class Owner : std::uint8_t {
  kCli,
  kAgent,
  kSwitch,  // the host interface, which vswitchd makes by itself; not on the API, not saved
};

constexpr std::string_view OwnerName(Owner owner) {
  constexpr std::string_view kNames[] = {"cli", "agent", "switch"};
  return kNames[static_cast<unsigned>(owner)];
}

struct Port {
  Owner owner = Owner::kCli;
  core::PortSpec spec;
  [[nodiscard]] const std::string& key() const { return spec.name; }
  friend bool operator==(const Port&, const Port&) = default;
};

struct Endpoint {
  Owner owner = Owner::kCli;
  std::string name;
  std::string port;
  net::MacAddress mac;
  std::vector<net::IpAddress> addresses;
  std::string pod;  // NAMESPACE/NAME, may be empty
  [[nodiscard]] const std::string& key() const { return name; }
  // Endpoints that policies may select are closed until their policy is live.
  [[nodiscard]] bool open() const { return owner == Owner::kCli && pod.empty(); }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct Route {
  Owner owner = Owner::kCli;
  net::IpPrefix prefix;
  std::optional<net::IpAddress> via;  // unset: on the link
  std::string port;
  [[nodiscard]] const net::IpPrefix& key() const { return prefix; }
  friend bool operator==(const Route&, const Route&) = default;
};

// What forwarding needs beside the ports: swapped in as a whole.
struct Forwarding {
  std::map<std::string, Endpoint> endpoints;
  std::map<net::IpPrefix, Route> routes;
  friend bool operator==(const Forwarding&, const Forwarding&) = default;
};

struct State {
  std::map<std::string, Port> ports;
  Forwarding forwarding;
  friend bool operator==(const State&, const State&) = default;
};

}  // namespace pollux::control
