#include "control/agent/desired.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

namespace pollux::agent {
namespace {

using control::Owner;
using kubernetes::Cluster;

const kubernetes::Node* NodeOf(const Cluster& cluster, const std::string& name) {
  const auto at = cluster.nodes.find(name);
  return at == cluster.nodes.end() ? nullptr : &at->second;
}

// The first address of a podCIDR is that of the host's interface.
net::IpAddress HostAddressIn(const net::IpPrefix& cidr) {
  if (cidr.address().is_v4()) {
    return net::Ipv4Address::FromHost(cidr.address().v4().host() | 1U);
  }
  net::Ipv6Address ip = cidr.address().v6();
  ip.bytes.back() = static_cast<std::uint8_t>(ip.bytes.back() | 1U);
  return ip;
}

// How the node is called from outside.
std::vector<net::IpAddress> NodeIps(const Options& options, const kubernetes::Node* node) {
  std::vector<net::IpAddress> ips = options.node_ips;
  if (ips.empty() && node != nullptr) {
    for (const kubernetes::NodeAddress& address : node->addresses) {
      ips.push_back(address.ip);
    }
  }
  return ips;
}

std::vector<net::IpAddress> NodeAddresses(const Options& options, const kubernetes::Node* node) {
  std::vector<net::IpAddress> addresses = NodeIps(options, node);
  if (node != nullptr) {
    for (const net::IpPrefix& cidr : node->pod_cidrs) {
      addresses.push_back(HostAddressIn(cidr));
    }
  }
  return addresses;
}

// The value that is there, if it is equal.
template <typename Kind, typename Config>
void Put(std::map<std::string, Kind>& objects, const std::map<std::string, Kind>& before,
         Config config) {
  Kind object;
  object.owner = Owner::kAgent;
  object.config = std::make_shared<const Config>(std::move(config));
  const std::string key = object.key();
  const auto old = before.find(key);
  objects.emplace(key, old != before.end() && old->second == object ? old->second : object);
}

}  // namespace

services::Options Desired::ServiceOptions(const Cluster& cluster) const {
  const kubernetes::Node* node = NodeOf(cluster, options_.node_name);
  return {.node_name = options_.node_name,
          .node_addresses = NodeAddresses(options_, node),
          .nodeport_addresses = options_.nodeport_addresses,
          .pod_cidrs = node == nullptr ? std::vector<net::IpPrefix>{} : node->pod_cidrs,
          .allow_external_ips = options_.allow_external_ips};
}

void Desired::Update(const Cluster& cluster) {
  problems_.clear();
  UpdateServices(cluster);
  UpdatePolicies(cluster);
  UpdateCluster(cluster);
}

void Desired::UpdateServices(const Cluster& cluster) {
  const services::Options options = ServiceOptions(cluster);
  services::Translation translation = services::Translate(cluster, options, services_);
  services_ = std::move(translation.services);
  health_checks_ = std::move(translation.health_checks);
  health_addresses_.clear();
  if (options.nodeport_addresses.empty()) {
    health_addresses_.emplace_back(net::Ipv6Address{});
  } else {
    std::ranges::copy_if(options.node_addresses, std::back_inserter(health_addresses_),
                         [&](const net::IpAddress& ip) { return options.ServesNodePorts(ip); });
  }
  std::map<std::string, control::Service>& services = state_.forwarding.services;
  services.clear();
  for (const auto& config : services_) {
    services[config->name] = control::Service{{Owner::kAgent, config}};
  }
  problems_.insert(problems_.end(), translation.problems.begin(), translation.problems.end());
}

void Desired::UpdatePolicies(const Cluster& cluster) {
  policies::Translation translation = policies::Translate(cluster, policies_);
  policies_ = std::move(translation.input);
  const auto workloads = std::exchange(state_.forwarding.workloads, {});
  for (const policies::PodIdentity& pod : translation.pods) {
    Put(state_.forwarding.workloads, workloads,
        WorkloadConfig{
            .name = pod.name, .profile = policies_->profiles[pod.profile], .addresses = pod.ips});
  }
  const auto policies = std::exchange(state_.forwarding.policies, {});
  for (const policy::Policy& policy : policies_->policies) {
    Put(state_.forwarding.policies, policies, policy);
  }
  problems_.insert(problems_.end(), translation.problems.begin(), translation.problems.end());
}

void Desired::UpdateCluster(const Cluster& cluster) {
  const kubernetes::Node* node = NodeOf(cluster, options_.node_name);
  ClusterConfig config{.cidrs = options_.cluster_cidrs,
                       .node_addresses = NodeAddresses(options_, node),
                       .snat_addresses = {},
                       .snat_first_port = options_.snat_first_port,
                       .snat_last_port = options_.snat_last_port,
                       .masquerade = options_.masquerade,
                       .masquerade_exclude = options_.masquerade_exclude};
  if (config.cidrs.empty()) {
    for (const auto& [name, any] : cluster.nodes) {
      config.cidrs.insert(config.cidrs.end(), any.pod_cidrs.begin(), any.pod_cidrs.end());
    }
  }
  for (const bool v6 : {false, true}) {
    const std::vector<net::IpAddress> ips = NodeIps(options_, node);
    const auto first = std::ranges::find(ips, v6, &net::IpAddress::is_v6);
    if (first != ips.end()) {
      config.snat_addresses.push_back(*first);
    }
  }
  state_.forwarding.clusters = {
      {control::Cluster().key(), {.owner = Owner::kAgent, .config = std::move(config)}}};
}

}  // namespace pollux::agent
