#include "control/services/derived_slices.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "control/services/address.h"
#include "control/services/topology.h"

namespace pollux::services {
namespace {

using kubernetes::Cluster;
using kubernetes::EndpointSlice;
using kubernetes::Labels;
using kubernetes::Pod;
using kubernetes::Service;
using kubernetes::ServicePort;

bool HasAll(const Labels& labels, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& want) {
    const auto has = labels.find(want.first);
    return has != labels.end() && has->second == want.second;
  });
}

bool IsGone(const Pod& pod) { return pod.phase == "Succeeded" || pod.phase == "Failed"; }

std::optional<std::uint16_t> TargetPort(const ServicePort& port, const Pod& pod) {
  if (const auto* number = std::get_if<std::uint16_t>(&port.target_port)) {
    return *number;
  }
  const auto& name = std::get<std::string>(port.target_port);
  for (const kubernetes::ContainerPort& candidate : pod.ports) {
    if (candidate.name == name && candidate.protocol == port.protocol) {
      return candidate.container_port;
    }
  }
  return std::nullopt;
}

std::vector<kubernetes::EndpointPort> PortsOf(const Service& service, const Pod& pod) {
  std::vector<kubernetes::EndpointPort> ports;
  for (const ServicePort& port : service.ports) {
    if (const auto target = TargetPort(port, pod)) {
      ports.push_back({port.name, port.protocol, target});
    }
  }
  return ports;
}

// The controller says nothing here, and the Service has no endpoints: a name is soon misspelt.
void CheckNames(const Service& service, const std::vector<const Pod*>& pods,
                kubernetes::ObjectProblems& problems) {
  for (std::size_t i = 0; i < service.ports.size(); ++i) {
    const ServicePort& port = service.ports[i];
    const bool found = std::any_of(pods.begin(), pods.end(), [&](const Pod* pod) {
      return TargetPort(port, *pod).has_value();
    });
    if (!found && !pods.empty()) {
      problems.push_back({"Service",
                          {service.namespace_name, service.name},
                          absl::StrCat("spec.ports[", i, "].targetPort"),
                          absl::StrCat("no container of its pods has a port \"",
                                       std::get<std::string>(port.target_port), "\"")});
    }
  }
}

// Service.spec.trafficDistribution; PreferClose is the old name of PreferSameZone.
void AddHints(const Service& service, kubernetes::Endpoint& endpoint) {
  const std::string& wish = service.traffic_distribution;
  const bool same_node = wish == "PreferSameNode";
  if (same_node) {
    endpoint.hinted_nodes = {endpoint.node_name};
  }
  if ((same_node || wish == "PreferClose" || wish == "PreferSameZone") && !endpoint.zone.empty()) {
    endpoint.hinted_zones = {endpoint.zone};
  }
}

}  // namespace

DerivedSlices::DerivedSlices(const Cluster& cluster, const Options& options)
    : cluster_(cluster), options_(options) {
  for (const auto& [name, pod] : cluster.pods) {
    for (const auto& [key, value] : pod.labels) {
      if (!IsGone(pod)) {
        pods_[{pod.namespace_name, key, value}].push_back(&pod);
      }
    }
  }
}

DerivedSlices::Pods DerivedSlices::Selected(const Service& service) const {
  if (service.selector.empty()) {
    return {};
  }
  const auto& [key, value] = *service.selector.begin();
  const auto some = pods_.find({service.namespace_name, key, value});
  Pods pods;
  if (some != pods_.end()) {
    std::copy_if(some->second.begin(), some->second.end(), std::back_inserter(pods),
                 [&](const Pod* pod) { return HasAll(pod->labels, service.selector); });
  }
  return pods;
}

// A pod on the node's network has the node's addresses, also where its status doesn't say so.
std::vector<net::IpAddress> DerivedSlices::AddressesOf(const Pod& pod) const {
  std::vector<net::IpAddress> ips = pod.ips;
  if (pod.host_network && ips.empty()) {
    if (const auto node = cluster_.nodes.find(pod.node_name); node != cluster_.nodes.end()) {
      for (const kubernetes::NodeAddress& address : node->second.addresses) {
        ips.push_back(address.ip);
      }
    }
    if (ips.empty() && kubernetes::IsLocal(pod, options_.node_name)) {
      ips = options_.node_addresses;
    }
  }
  return FirstOfFamilies(ips);
}

kubernetes::Endpoint DerivedSlices::EndpointOf(const Service& service, const Pod& pod) const {
  kubernetes::Endpoint endpoint;
  endpoint.serving = kubernetes::IsReady(pod);
  endpoint.terminating = pod.deleted;
  endpoint.ready = service.publish_not_ready_addresses || (*endpoint.serving && !pod.deleted);
  endpoint.node_name = pod.node_name.empty() ? options_.node_name : pod.node_name;
  endpoint.zone = ZoneOf(cluster_, endpoint.node_name);
  endpoint.target = {"Pod", pod.namespace_name, pod.name};
  AddHints(service, endpoint);
  return endpoint;
}

std::vector<EndpointSlice> DerivedSlices::For(const Service& service,
                                              kubernetes::ObjectProblems& problems) const {
  using Type = EndpointSlice::AddressType;
  const Pods pods = Selected(service);
  CheckNames(service, pods, problems);
  std::vector<EndpointSlice> slices;
  for (const Pod* pod : pods) {
    for (const net::IpAddress& ip : AddressesOf(*pod)) {
      EndpointSlice& slice = slices.emplace_back();
      slice.namespace_name = service.namespace_name;
      slice.name = pod->name;
      slice.service_name = service.name;
      slice.address_type = ip.is_v4() ? Type::kIpv4 : Type::kIpv6;
      slice.ports = PortsOf(service, *pod);
      slice.endpoints = {EndpointOf(service, *pod)};
      slice.endpoints[0].addresses = {ip};
    }
  }
  return slices;
}

}  // namespace pollux::services
