#include "control/services/frontends.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "control/services/address.h"

namespace pollux::services {
namespace {

using core::FrontendKind;
using kubernetes::Service;
using kubernetes::TrafficPolicy;
using Type = Service::Type;

void Report(const Service& service, std::string field, std::string text,
            kubernetes::ObjectProblems& problems) {
  problems.push_back(
      {"Service", {service.namespace_name, service.name}, std::move(field), std::move(text)});
}

bool HasNodePorts(const Service& service) {
  return service.type == Type::kNodePort || service.type == Type::kLoadBalancer;
}

// Collects the addresses of one Service.
class Collector {
 public:
  Collector(const Service& service, const Options& options, const NodeAddresses& nodes,
            kubernetes::ObjectProblems& problems)
      : service_(service), options_(options), nodes_(nodes), problems_(problems) {}

  std::vector<WantedFrontend> Collect() && {
    AddClusterIps();
    AddNodePorts();
    AddLoadBalancer();
    AddExternalIps();
    return std::move(addresses_);
  }

 private:
  void AddClusterIps() {
    for (std::size_t i = 0; i < service_.cluster_ips.size(); ++i) {
      AddChecked(FrontendKind::kClusterIp, service_.cluster_ips[i],
                 absl::StrCat("spec.clusterIPs[", i, "]"));
    }
  }
  void AddNodePorts() {
    for (const net::IpAddress& ip : nodes_.own()) {
      if (HasNodePorts(service_) && options_.ServesNodePorts(ip) &&
          HasFamilyOf(ip, service_.cluster_ips)) {
        Add(FrontendKind::kNodePort, ip, {});
      }
    }
  }
  // A balancer of mode Proxy sends to the nodes' or the pods' addresses by itself; one whose
  // address is of another family than the Service has to.
  void AddLoadBalancer() {
    if (service_.type != Type::kLoadBalancer) {
      return;
    }
    for (std::size_t i = 0; i < service_.load_balancer_ingress.size(); ++i) {
      const auto& ingress = service_.load_balancer_ingress[i];
      if (ingress.mode == kubernetes::LoadBalancerIngress::Mode::kVip &&
          HasFamilyOf(ingress.ip, service_.cluster_ips)) {
        AddChecked(FrontendKind::kLoadBalancer, ingress.ip,
                   absl::StrCat("status.loadBalancer.ingress[", i, "].ip"));
      }
    }
  }
  void AddExternalIps() {
    for (std::size_t i = 0; i < service_.external_ips.size(); ++i) {
      const net::IpAddress& ip = service_.external_ips[i];
      const std::string field = absl::StrCat("spec.externalIPs[", i, "]");
      if (!options_.allow_external_ips) {
        Report(service_, field, "externalIPs are not allowed on this node", problems_);
      } else if (!HasFamilyOf(ip, service_.cluster_ips)) {
        Report(service_, field,
               absl::StrCat(ip.ToString(), " is of a family that the Service has no clusterIP of"),
               problems_);
      } else {
        AddChecked(FrontendKind::kExternalIp, ip, field);
      }
    }
  }

  void AddChecked(FrontendKind kind, const net::IpAddress& ip, const std::string& field) {
    if (IsServiceAddress(ip)) {
      Add(kind, ip, field);
    } else {
      Report(service_, field,
             absl::StrCat(ip.ToString(), " is not an address that a Service can have"), problems_);
    }
  }
  void Add(FrontendKind kind, const net::IpAddress& ip, const std::string& field) {
    const bool internal = kind == FrontendKind::kClusterIp;
    WantedFrontend& wanted = addresses_.emplace_back();
    wanted.source = kind;
    wanted.field = field;
    wanted.config.ip = ip;
    // The switch refuses what else is sent to a Service's address. Not to a node's.
    wanted.config.kind = !internal && nodes_.Contains(ip) ? FrontendKind::kNodePort : kind;
    wanted.config.local_only =
        (internal ? service_.internal_traffic_policy : service_.external_traffic_policy) ==
        TrafficPolicy::kLocal;
    if (kind == FrontendKind::kLoadBalancer) {
      wanted.config.source_ranges = service_.load_balancer_source_ranges;
    }
  }

  const Service& service_;
  const Options& options_;
  const NodeAddresses& nodes_;
  kubernetes::ObjectProblems& problems_;
  std::vector<WantedFrontend> addresses_;
};

}  // namespace

NodeAddresses::NodeAddresses(const kubernetes::Cluster& cluster, const Options& options) {
  for (const net::IpAddress& ip : options.node_addresses) {
    if (IsServiceAddress(ip) && all_.insert(ip).second) {
      own_.push_back(ip);
    }
  }
  for (const auto& [name, node] : cluster.nodes) {
    for (const kubernetes::NodeAddress& address : node.addresses) {
      all_.insert(address.ip);
    }
  }
}

bool IsServed(const Service& service) {
  return !service.headless && service.type != Type::kExternalName &&
         !service.labels.contains("service.kubernetes.io/service-proxy-name") &&
         !service.labels.contains("service.kubernetes.io/headless");
}

bool IsRefused(const Service& service, kubernetes::ObjectProblems& problems) {
  const std::size_t before = problems.size();
  if (service.cluster_ips.empty()) {
    Report(service, "spec.clusterIP", "is missing", problems);
  }
  for (std::size_t i = 0; i < service.ports.size(); ++i) {
    const kubernetes::ServicePort& port = service.ports[i];
    if (port.port == 0) {
      Report(service, absl::StrCat("spec.ports[", i, "].port"), "is missing", problems);
    }
    if (service.type == Type::kNodePort && port.node_port == 0) {
      Report(service, absl::StrCat("spec.ports[", i, "].nodePort"), "is missing", problems);
    }
  }
  return problems.size() != before;
}

std::vector<WantedFrontend> AddressesOf(const Service& service, const Options& options,
                                        const NodeAddresses& nodes,
                                        kubernetes::ObjectProblems& problems) {
  return Collector(service, options, nodes, problems).Collect();
}

std::vector<WantedFrontend> WithPort(const std::vector<WantedFrontend>& addresses,
                                     const Service& service, std::size_t index) {
  const kubernetes::ServicePort& port = service.ports[index];
  std::vector<WantedFrontend> frontends;
  for (WantedFrontend frontend : addresses) {
    const bool on_node = frontend.source == FrontendKind::kNodePort;
    frontend.config.port = on_node ? port.node_port : port.port;
    frontend.field = on_node ? absl::StrCat("spec.ports[", index, "].nodePort") : frontend.field;
    if (frontend.config.port != 0) {  // a LoadBalancer may do without NodePorts
      frontends.push_back(std::move(frontend));
    }
  }
  return frontends;
}

}  // namespace pollux::services
