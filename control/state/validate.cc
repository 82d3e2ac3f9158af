#include "control/state/validate.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "control/state/edit.h"
#include "control/state/field_error.h"
#include "control/state/port_resource.h"
#include "dataplane/tables/service_check.h"
#include "vhost/port_spec_check.h"

namespace pollux::control {
namespace {

constexpr std::size_t kMaxNameBytes = 127;
constexpr std::size_t kMaxAddressesPerEndpoint = 64;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && IsAlphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return IsAlphanumeric(c) || std::string_view("._-:/@").find(c) != std::string_view::npos;
         });
}

// Addresses of one interface that packets can be forwarded to.
bool IsForwardable(const net::IpAddress& ip) {
  if (ip.is_v4()) {
    const net::Ipv4Address v4 = ip.v4();
    return !(v4.is_zero() || v4.is_loopback() || v4.is_multicast() || v4.is_broadcast() ||
             v4.is_link_local());
  }
  const net::Ipv6Address v6 = ip.v6();
  return !(v6.is_zero() || v6.is_loopback() || v6.is_multicast() || v6.is_link_local());
}

// A value that only one object may have, and who has it.
template <typename Value, typename Holder>
class Unique {
 public:
  absl::Status Claim(const Value& value, std::string_view field, std::string_view text,
                     const Holder& holder) {
    const auto [at, inserted] = holders_.try_emplace(value, &holder);
    if (inserted) {
      return absl::OkStatus();
    }
    if (at->second == &holder) {
      return FieldError(field, absl::StrFormat("%s is given twice", text), NameOf(holder));
    }
    return FieldConflict(field,
                         absl::StrFormat("%s belongs to %s of owner \"%s\"", text,
                                         NameOf(*at->second), OwnerName(at->second->owner)),
                         NameOf(holder));
  }

  // Null: nobody.
  [[nodiscard]] const Holder* HolderOf(const Value& value) const {
    const auto at = holders_.find(value);
    return at == holders_.end() ? nullptr : at->second;
  }

 private:
  std::map<Value, const Holder*> holders_;
};

// The name of the backend's part of the API's message, for fields that lie there.
std::string FieldOf(const core::PortSpec& spec, std::string_view field) {
  constexpr std::string_view kKinds[] = {"tap", "vhost_user", "memif", "ethdev"};
  constexpr std::string_view kOfBackend[] = {"ifname", "netns", "socket", "socket_mode", "devargs"};
  const bool nested = std::ranges::find(kOfBackend, field) != std::end(kOfBackend);
  return nested ? absl::StrFormat("port.%s.%s", kKinds[spec.backend.index()], field)
                : absl::StrFormat("port.%s", field);
}

class Checker {
 public:
  explicit Checker(const State& state) : state_(state) {}

  absl::Status Check(const Port& port) {
    const std::string name = NameOf(port);
    if (const absl::Status status = vhost::CheckPortSpec(port.spec); !status.ok()) {
      const std::string message(status.message());
      const std::size_t colon = std::min(message.find(": "), message.size());
      return FieldError(FieldOf(port.spec, message.substr(0, colon)),
                        message.substr(std::min(colon + 2, message.size())), name);
    }
    if (port.spec.role == core::PortRole::kHost && port.owner != Owner::kSwitch) {
      return FieldError("port.role", "\"host\" is reserved for vswitchd's own interface", name);
    }
    if (port.spec.role == core::PortRole::kPod && !port.spec.addresses.empty()) {
      return FieldError("port.address", "the switch has addresses on uplinks only", name);
    }
    if (!port.spec.mac.is_zero()) {
      const absl::Status status =
          port_macs_.Claim(port.spec.mac, "port.mac", port.spec.mac.ToString(), port);
      if (!status.ok()) {
        return status;
      }
    }
    for (std::size_t i = 0; i < port.spec.addresses.size(); ++i) {
      const net::IpAddress& ip = port.spec.addresses[i].ip;
      const std::string field = absl::StrFormat("port.address[%d]", i);
      if (!IsForwardable(ip)) {
        return FieldError(field, Quoted(ip.ToString()) + " cannot be the switch's address", name);
      }
      const absl::Status status = switch_addresses_.Claim(ip, field, ip.ToString(), port);
      if (!status.ok()) {
        return status;
      }
    }
    const std::string resource = ResourceOf(port.spec);
    return resources_.Claim(resource, "port", resource, port);
  }

  absl::Status Check(const Endpoint& endpoint) {
    const std::string name = NameOf(endpoint);
    if (!IsName(endpoint.name)) {
      return NameError("endpoint.name", endpoint.name, name);
    }
    if (const absl::Status status = CheckPort(endpoint.port, "endpoint.port", name); !status.ok()) {
      return status;
    }
    if (state_.ports.at(endpoint.port).spec.role == core::PortRole::kUplink) {
      return FieldConflict("endpoint.port", Quoted(endpoint.port) + " is an uplink", name);
    }
    if (endpoint.mac.is_zero() || endpoint.mac.is_group()) {
      return FieldError("endpoint.mac",
                        Quoted(endpoint.mac.ToString()) + " is not the address of one interface",
                        name);
    }
    if (const absl::Status status =
            endpoint_macs_.Claim(endpoint.mac, "endpoint.mac", endpoint.mac.ToString(), endpoint);
        !status.ok()) {
      return status;
    }
    if (!endpoint.pod.empty() && !IsPodName(endpoint.pod)) {
      return FieldError("endpoint.pod", Quoted(endpoint.pod) + " is not NAMESPACE/NAME", name);
    }
    return CheckAddresses(endpoint, name);
  }

  absl::Status Check(const Route& route) {
    const std::string name = NameOf(route);
    if (const absl::Status status = CheckPort(route.port, "route.port", name); !status.ok()) {
      return status;
    }
    if (!route.via) {
      return absl::OkStatus();
    }
    const std::string via = Quoted(route.via->ToString());
    if (route.via->is_v6() != route.prefix.address().is_v6()) {
      return FieldError("route.via", via + " is not of the prefix's family", name);
    }
    const bool link_local = route.via->is_v6() && route.via->v6().is_link_local();
    return link_local || IsForwardable(*route.via)
               ? absl::OkStatus()
               : FieldError("route.via", via + " cannot be a next hop", name);
  }

  absl::Status Check(const Service& service) {
    const std::string name = NameOf(service);
    if (!IsName(service.config->name)) {
      return NameError("service.name", service.config->name, name);
    }
    if (const absl::Status status = tables::CheckService(*service.config); !status.ok()) {
      return status;
    }
    for (std::size_t i = 0; i < service.config->frontends.size(); ++i) {
      const core::FrontendConfig& frontend = service.config->frontends[i];
      const absl::Status status = frontends_.Claim(
          {frontend.ip, frontend.port, service.config->protocol},
          absl::StrFormat("service.frontend[%d]", i),
          absl::StrFormat("%s port %d", frontend.ip.ToString(), frontend.port), service);
      if (!status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status Check(const Workload& workload) {
    const std::string name = NameOf(workload);
    for (std::size_t i = 0; i < workload.config->addresses.size(); ++i) {
      const net::IpAddress& ip = workload.config->addresses[i];
      const std::string field = absl::StrFormat("workload.ip[%d]", i);
      if (!IsForwardable(ip)) {
        return FieldError(field, Quoted(ip.ToString()) + " cannot be a pod's address", name);
      }
      if (const absl::Status status = workload_addresses_.Claim(ip, field, ip.ToString(), workload);
          !status.ok()) {
        return status;
      }
    }
    return IsPodName(workload.key()) ? absl::OkStatus()
                                     : NameError("workload.name", workload.key(), name);
  }

  absl::Status Check(const Policy& policy) {
    return IsPodName(policy.key()) ? absl::OkStatus()
                                   : NameError("policy.name", policy.key(), NameOf(policy));
  }

  absl::Status Check(const Cluster& cluster) {
    const ClusterConfig& config = cluster.config;
    if (config.snat_last_port < config.snat_first_port) {
      return FieldError("cluster.snat_last_port",
                        absl::StrFormat("%d is less than the first one, %d", config.snat_last_port,
                                        config.snat_first_port),
                        NameOf(cluster));
    }
    bool seen[2] = {};
    for (std::size_t i = 0; i < config.snat_addresses.size(); ++i) {
      const net::IpAddress& ip = config.snat_addresses[i];
      const std::string field = absl::StrFormat("cluster.snat_address[%d]", i);
      if (!IsForwardable(ip)) {
        return FieldError(field, Quoted(ip.ToString()) + " cannot be a node's address",
                          NameOf(cluster));
      }
      if (std::exchange(seen[ip.is_v6() ? 1 : 0], true)) {
        return FieldError(field, "there is one of that family already", NameOf(cluster));
      }
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status NameError(std::string_view field, std::string_view value,
                                std::string_view object) {
    return FieldError(field,
                      absl::StrFormat("%s is not 1 to %d letters, digits or ._-:/@ that begin "
                                      "with a letter or digit",
                                      Quoted(value), kMaxNameBytes),
                      object);
  }

  static bool IsPodName(std::string_view pod) {
    const std::size_t slash = pod.find('/');
    return slash != std::string_view::npos && IsName(pod.substr(0, slash)) &&
           IsName(pod.substr(slash + 1)) && pod.find('/', slash + 1) == std::string_view::npos;
  }

  absl::Status CheckPort(const std::string& port, std::string_view field, std::string_view object) {
    return state_.ports.contains(port)
               ? absl::OkStatus()
               : FieldConflict(field, "there is no port " + Quoted(port), object);
  }

  absl::Status CheckAddresses(const Endpoint& endpoint, std::string_view name) {
    if (endpoint.addresses.empty() || endpoint.addresses.size() > kMaxAddressesPerEndpoint) {
      return FieldError("endpoint.ip",
                        absl::StrFormat("%d addresses, not 1 to %d", endpoint.addresses.size(),
                                        kMaxAddressesPerEndpoint),
                        name);
    }
    for (std::size_t i = 0; i < endpoint.addresses.size(); ++i) {
      const net::IpAddress& ip = endpoint.addresses[i];
      const std::string field = absl::StrFormat("endpoint.ip[%d]", i);
      if (!IsForwardable(ip)) {
        return FieldError(field, Quoted(ip.ToString()) + " cannot be an endpoint's address", name);
      }
      if (const Port* port = switch_addresses_.HolderOf(ip)) {
        return FieldConflict(
            field, absl::StrFormat("%s is the switch's own on %s", ip.ToString(), NameOf(*port)),
            name);
      }
      if (const absl::Status status = addresses_.Claim(ip, field, ip.ToString(), endpoint);
          !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  const State& state_;
  Unique<std::string, Port> resources_;
  Unique<net::MacAddress, Port> port_macs_;
  Unique<net::IpAddress, Port> switch_addresses_;
  Unique<net::MacAddress, Endpoint> endpoint_macs_;
  Unique<net::IpAddress, Endpoint> addresses_;
  Unique<std::tuple<net::IpAddress, std::uint16_t, net::IpProtocol>, Service> frontends_;
  Unique<net::IpAddress, Workload> workload_addresses_;
};

// Those that stay as they were first, so that they hold what newcomers want, too.
template <typename Map>
absl::Status CheckAll(Checker& checker, const Map& objects, const Map& settled) {
  for (const bool staying : {true, false}) {
    for (const auto& [key, object] : objects) {
      const auto before = settled.find(key);
      if ((before != settled.end() && before->second == object) != staying) {
        continue;
      }
      if (const absl::Status status = checker.Check(object); !status.ok()) {
        return status;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const State& state, const State& settled) {
  Checker checker(state);
  const Forwarding& forwarding = state.forwarding;
  for (const absl::Status& status :
       {CheckAll(checker, state.ports, settled.ports),
        CheckAll(checker, forwarding.endpoints, settled.forwarding.endpoints),
        CheckAll(checker, forwarding.routes, settled.forwarding.routes),
        CheckAll(checker, forwarding.services, settled.forwarding.services),
        CheckAll(checker, forwarding.workloads, settled.forwarding.workloads),
        CheckAll(checker, forwarding.policies, settled.forwarding.policies),
        CheckAll(checker, forwarding.clusters, settled.forwarding.clusters)}) {
    if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRemovals(const State& before, const State& after) {
  const auto check = [&](const auto& objects) {
    for (const auto& [key, object] : objects) {
      if (!after.ports.contains(object.port) && before.ports.contains(object.port)) {
        return absl::FailedPreconditionError(
            absl::StrFormat("port %s is still used by %s of owner \"%s\": remove that first",
                            Quoted(object.port), NameOf(object), OwnerName(object.owner)));
      }
    }
    return absl::OkStatus();
  };
  const absl::Status endpoints = check(after.forwarding.endpoints);
  return endpoints.ok() ? check(after.forwarding.routes) : endpoints;
}

}  // namespace pollux::control
