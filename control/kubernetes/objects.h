// The Kubernetes objects that Pollux reads, as plain values with the fields it needs, whoever
// yields them: the directory of manifests or the API server. Names are those of Kubernetes.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/kubernetes/network_policy.h"
#include "control/kubernetes/service.h"
#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::kubernetes {

struct Namespace {
  std::string name;
  Labels labels;

  friend bool operator==(const Namespace&, const Namespace&) = default;
};

struct NodeAddress {
  std::string type;  // InternalIP, ExternalIP; names of hosts are left out
  net::IpAddress ip;

  friend bool operator==(const NodeAddress&, const NodeAddress&) = default;
};

struct Node {
  std::string name;
  Labels labels;
  Labels annotations;
  std::vector<net::IpPrefix> pod_cidrs;
  std::vector<NodeAddress> addresses;

  friend bool operator==(const Node&, const Node&) = default;
};

struct ContainerPort {
  std::string name;
  net::IpProtocol protocol = net::IpProtocol::kTcp;
  std::uint16_t container_port = 0;
  std::uint16_t host_port = 0;            // 0: none
  std::optional<net::IpAddress> host_ip;  // none: every address of the node

  friend bool operator==(const ContainerPort&, const ContainerPort&) = default;
};

struct Pod {
  std::string namespace_name;
  std::string name;
  std::string uid;
  Labels labels;
  Labels annotations;
  std::string node_name;  // empty: not given
  bool host_network = false;
  std::vector<ContainerPort> ports;  // of all containers
  std::vector<net::IpAddress> ips;
  std::string phase;
  std::optional<bool> ready;  // the condition Ready, as far as it is given
  bool deleted = false;       // deletionTimestamp is set

  friend bool operator==(const Pod&, const Pod&) = default;
};

using ObjectName = std::pair<std::string, std::string>;  // namespace, name

// Everything that is known, by kind and name. What an absent object or field means is said by the
// functions below and nowhere else.
struct Cluster {
  std::map<std::string, Namespace, std::less<>> namespaces;
  std::map<std::string, Node, std::less<>> nodes;
  std::map<ObjectName, Pod> pods;
  std::map<ObjectName, Service> services;
  std::map<ObjectName, EndpointSlice> endpoint_slices;
  std::map<ObjectName, NetworkPolicy> network_policies;

  friend bool operator==(const Cluster&, const Cluster&) = default;
};

// A Namespace that was not given exists all the same; each has kubernetes.io/metadata.name.
Labels NamespaceLabels(const Cluster& cluster, std::string_view name);

// Without a nodeName a pod is everybody's.
bool IsLocal(const Pod& pod, std::string_view node_name);

// Without the condition Ready a pod is ready.
bool IsReady(const Pod& pod);

}  // namespace pollux::kubernetes
