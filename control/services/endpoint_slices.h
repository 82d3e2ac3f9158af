// Who stands behind one port of a Service: its EndpointSlices merged. An address may be in several
// of them for a while, when the controller moves it; it counts once.
// Source: kubernetes.io/docs/reference/networking/virtual-ips/ ("Traffic to terminating endpoints")
// and .../concepts/services-networking/endpoint-slices/ ("Duplicate endpoints", "Conditions").
// Threading: EndpointSlices is immutable after construction and refers to the cluster, which
// outlives it; pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "control/services/derived_slices.h"
#include "control/services/options.h"

namespace pollux::services {

// Those of one Service: as given, or derived and owned.
struct SliceList {
  std::vector<kubernetes::EndpointSlice> derived;
  std::vector<const kubernetes::EndpointSlice*> slices;  // never into another list's `derived`
};

class EndpointSlices {
 public:
  EndpointSlices(const kubernetes::Cluster& cluster, const Options& options);

  [[nodiscard]] SliceList Of(const kubernetes::Service& service,
                             kubernetes::ObjectProblems& problems) const;

 private:
  std::map<kubernetes::ObjectName, std::vector<const kubernetes::EndpointSlice*>> given_;
  DerivedSlices derived_;
};

// Takes new connections, or (draining) serves while it terminates.
struct Endpoint {
  net::IpAddress ip;
  std::uint16_t port = 0;
  bool local = false;
  bool draining = false;
  std::vector<std::string> hinted_zones;
  std::vector<std::string> hinted_nodes;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// By address and port, none twice. Those that neither are ready nor drain are left out.
std::vector<Endpoint> EndpointsOf(std::span<const kubernetes::EndpointSlice* const> slices,
                                  const kubernetes::ServicePort& port, const Options& options);

// Endpoints that nothing can be sent to; EndpointsOf() leaves them out.
void CheckSlices(const kubernetes::Cluster& cluster, kubernetes::ObjectProblems& problems);

}  // namespace pollux::services
