// EndpointSlices of a Service that comes without any: made from its Pods, as Kubernetes' controller
// of EndpointSlices would. It is what makes a directory of manifests enough.
// Source: kubernetes.io/docs/concepts/services-networking/endpoint-slices/
// Threading: immutable after construction; refers to the cluster, which outlives it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/kubernetes/problem.h"
#include "control/services/options.h"

namespace pollux::services {

class DerivedSlices {
 public:
  DerivedSlices(const kubernetes::Cluster& cluster, const Options& options);

  // One for each address of each Pod; none if the Service has no selector.
  [[nodiscard]] std::vector<kubernetes::EndpointSlice> For(
      const kubernetes::Service& service, kubernetes::ObjectProblems& problems) const;

 private:
  using Pods = std::vector<const kubernetes::Pod*>;
  using Label = std::tuple<std::string_view, std::string_view, std::string_view>;

  [[nodiscard]] Pods Selected(const kubernetes::Service& service) const;
  [[nodiscard]] std::vector<net::IpAddress> AddressesOf(const kubernetes::Pod& pod) const;
  [[nodiscard]] kubernetes::Endpoint EndpointOf(const kubernetes::Service& service,
                                                const kubernetes::Pod& pod) const;

  const kubernetes::Cluster& cluster_;
  const Options& options_;
  std::map<Label, Pods> pods_;  // namespace, key, value
};

}  // namespace pollux::services
