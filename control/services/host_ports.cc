#include "control/services/host_ports.h"

#include <absl/strings/str_cat.h>

#include <string>
#include <vector>

#include "control/services/address.h"

namespace pollux::services {
namespace {

using core::FrontendKind;
using kubernetes::ContainerPort;
using kubernetes::Pod;

// On the node's network a pod has the port already.
bool MayHaveHostPorts(const Pod& pod, const Options& options) {
  return kubernetes::IsLocal(pod, options.node_name) && !pod.host_network &&
         pod.phase != "Succeeded" && pod.phase != "Failed";
}

bool IsEveryAddress(const net::IpAddress& ip) {
  return ip.is_v4() ? ip.v4().is_zero() : ip.v6().is_zero();
}

bool IsServedAt(const ContainerPort& port, const net::IpAddress& ip) {
  return !port.host_ip || *port.host_ip == ip ||
         (IsEveryAddress(*port.host_ip) && port.host_ip->is_v4() == ip.is_v4());
}

// Container ports have no name that had to be unique; big letters are none of a Service's port.
std::string NameOf(const Pod& pod, const ContainerPort& port) {
  const auto protocol = static_cast<unsigned>(port.protocol);
  std::string name =
      absl::StrCat(pod.namespace_name, "/", pod.name, ":hostPort-", protocol, "-", port.host_port);
  if (port.host_ip) {
    absl::StrAppend(&name, "-", port.host_ip->ToString());
  }
  return name;
}

Draft HostPort(const Pod& pod, std::size_t index, const NodeAddresses& nodes) {
  const ContainerPort& port = pod.ports[index];
  const std::vector<net::IpAddress> ips = FirstOfFamilies(pod.ips);
  Draft draft;
  draft.kind = "Pod";
  draft.object = {pod.namespace_name, pod.name};
  draft.field = absl::StrCat("spec.containers[*].ports[hostPort=", port.host_port, "]");
  draft.config.name = NameOf(pod, port);
  draft.config.protocol = port.protocol;
  for (const net::IpAddress& ip : ips) {
    draft.config.backends.push_back({.ip = ip, .port = port.container_port, .local = true});
  }
  for (const net::IpAddress& ip : nodes.own()) {
    if (HasFamilyOf(ip, ips) && IsServedAt(port, ip)) {
      draft.wanted.push_back(
          {.source = FrontendKind::kHostPort,
           .config = {.ip = ip, .port = port.host_port, .kind = FrontendKind::kHostPort},
           .field = draft.field + ".hostPort"});
    }
  }
  return draft;
}

// Nowhere to serve it, although there is a backend: the hostIP is not this node's.
void CheckHostIp(const ContainerPort& port, const Draft& draft,
                 kubernetes::ObjectProblems& problems) {
  if (draft.wanted.empty() && port.host_ip && !draft.config.backends.empty()) {
    problems.push_back({draft.kind, draft.object, draft.field + ".hostIP",
                        absl::StrCat(port.host_ip->ToString(), " can't be served on this node")});
  }
}

}  // namespace

std::vector<Draft> HostPorts(const kubernetes::Cluster& cluster, const Options& options,
                             const NodeAddresses& nodes, kubernetes::ObjectProblems& problems) {
  std::vector<Draft> drafts;
  for (const bool deleted : {false, true}) {
    for (const auto& [name, pod] : cluster.pods) {
      for (std::size_t i = 0; i < pod.ports.size(); ++i) {
        const bool wanted = pod.deleted == deleted && pod.ports[i].host_port != 0 &&
                            pod.ports[i].container_port != 0;
        if (wanted && MayHaveHostPorts(pod, options)) {
          drafts.push_back(HostPort(pod, i, nodes));
          CheckHostIp(pod.ports[i], drafts.back(), problems);
        }
      }
    }
  }
  return drafts;
}

}  // namespace pollux::services
