// What the switch should be, as a value: ports, endpoints and routes with their owners.
//
// A change makes a new State; edit.h makes it, validate.h says whether it may be, diff.h what has
// to be done, reconciler.h does it. Objects refer to ports by name.
// Threading: plain values; shared as pointers to const.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/core/port_spec.h"
#include "dataplane/forwarding_config.h"
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

// Objects of which there are many, shared from state to state: what did not change is compared by
// its place.
template <typename Config>
struct SharedObject {
  Owner owner = Owner::kCli;
  std::shared_ptr<const Config> config;  // never null
  friend bool operator==(const SharedObject& a, const SharedObject& b) {
    return a.owner == b.owner && (a.config == b.config || *a.config == *b.config);
  }
};

struct Service : SharedObject<ServiceConfig> {
  [[nodiscard]] const std::string& key() const { return config->name; }
};
struct Workload : SharedObject<WorkloadConfig> {
  [[nodiscard]] const std::string& key() const { return config->name; }
};
struct Policy : SharedObject<policy::Policy> {
  [[nodiscard]] std::string key() const { return config->name_space + "/" + config->name; }
};

// There is at most one.
struct Cluster {
  Owner owner = Owner::kCli;
  ClusterConfig config;
  [[nodiscard]] std::string key() const { return "cluster"; }
  friend bool operator==(const Cluster&, const Cluster&) = default;
};

// What forwarding needs beside the ports: swapped in as a whole.
struct Forwarding {
  std::map<std::string, Endpoint> endpoints;
  std::map<net::IpPrefix, Route> routes;
  std::map<std::string, Service> services;
  std::map<std::string, Workload> workloads;
  std::map<std::string, Policy> policies;
  std::map<std::string, Cluster> clusters;

  // An endpoint that policies may select is closed until it is known what they select it by.
  [[nodiscard]] bool IsOpen(const Endpoint& endpoint) const {
    return endpoint.pod.empty() || workloads.contains(endpoint.pod);
  }
  friend bool operator==(const Forwarding&, const Forwarding&) = default;
};

struct State {
  std::map<std::string, Port> ports;
  Forwarding forwarding;
  friend bool operator==(const State&, const State&) = default;
};

}  // namespace pollux::control
