// The addresses that a Service is to be reached at on this node.
// Source: kubernetes.io/docs/concepts/services-networking/service/ ("Publishing Services"),
// .../reference/networking/virtual-ips/ ("Traffic policies").
// Threading: NodeAddresses is immutable after construction; pure functions.
#pragma once

#include <cstddef>
#include <unordered_set>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "control/services/draft.h"
#include "control/services/options.h"

namespace pollux::services {

class NodeAddresses {
 public:
  NodeAddresses(const kubernetes::Cluster& cluster, const Options& options);

  // Those that another host can send to.
  [[nodiscard]] const std::vector<net::IpAddress>& own() const { return own_; }
  // Is it some node's?
  [[nodiscard]] bool Contains(const net::IpAddress& ip) const { return all_.contains(ip); }

 private:
  std::vector<net::IpAddress> own_;
  std::unordered_set<net::IpAddress> all_;
};

// False: headless, of type ExternalName, or left to another proxy by its labels.
bool IsServed(const kubernetes::Service& service);

// Is it refused as a whole? Reports why.
bool IsRefused(const kubernetes::Service& service, kubernetes::ObjectProblems& problems);

// Without their ports.
std::vector<WantedFrontend> AddressesOf(const kubernetes::Service& service, const Options& options,
                                        const NodeAddresses& nodes,
                                        kubernetes::ObjectProblems& problems);

// For spec.ports[index].
std::vector<WantedFrontend> WithPort(const std::vector<WantedFrontend>& addresses,
                                     const kubernetes::Service& service, std::size_t index);

}  // namespace pollux::services
