#include "control/services/endpoint_slices.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "control/services/address.h"

namespace pollux::services {
namespace {

using kubernetes::EndpointSlice;
using Merged = std::map<std::pair<net::IpAddress, std::uint16_t>, Endpoint>;

constexpr const char* kUnusable = " is not an address that a Service can send to";

bool IsReady(const kubernetes::Endpoint& endpoint) { return endpoint.ready.value_or(true); }

bool IsDraining(const kubernetes::Endpoint& endpoint) {
  return !IsReady(endpoint) && endpoint.serving.value_or(true) &&
         endpoint.terminating.value_or(false);
}

// What a slice that its author wrote by hand may leave out can be seen from the address.
bool IsLocal(const kubernetes::Endpoint& endpoint, const net::IpAddress& ip,
             const Options& options) {
  if (!endpoint.node_name.empty()) {
    return endpoint.node_name == options.node_name;
  }
  const auto& own = options.node_addresses;
  return std::find(own.begin(), own.end(), ip) != own.end() ||
         std::any_of(options.pod_cidrs.begin(), options.pod_cidrs.end(),
                     [&](const net::IpPrefix& cidr) { return cidr.Contains(ip); });
}

bool IsOfSlice(const net::IpAddress& ip, const EndpointSlice& slice) {
  using Type = EndpointSlice::AddressType;
  return slice.address_type == (ip.is_v4() ? Type::kIpv4 : Type::kIpv6) && IsServiceAddress(ip);
}

// What takes connections counts for more than what drains, whichever slice is the newer one.
void Merge(Endpoint endpoint, Merged& merged) {
  const auto [at, added] = merged.try_emplace({endpoint.ip, endpoint.port}, endpoint);
  if (added) {
    return;
  }
  const bool local = at->second.local || endpoint.local;
  if (at->second.draining && !endpoint.draining) {
    at->second = std::move(endpoint);
  }
  at->second.local = local;
}

// The addresses of an endpoint are the same thing; the first is the one to use.
void MergeSlice(const EndpointSlice& slice, std::uint16_t port, const Options& options,
                Merged& merged) {
  for (const kubernetes::Endpoint& endpoint : slice.endpoints) {
    const bool usable = !endpoint.addresses.empty() && IsOfSlice(endpoint.addresses[0], slice);
    if (usable && (IsReady(endpoint) || IsDraining(endpoint))) {
      const net::IpAddress& ip = endpoint.addresses[0];
      Merge({.ip = ip,
             .port = port,
             .local = IsLocal(endpoint, ip, options),
             .draining = IsDraining(endpoint),
             .hinted_zones = endpoint.hinted_zones,
             .hinted_nodes = endpoint.hinted_nodes},
            merged);
    }
  }
}

}  // namespace

EndpointSlices::EndpointSlices(const kubernetes::Cluster& cluster, const Options& options)
    : derived_(cluster, options) {
  for (const auto& [name, slice] : cluster.endpoint_slices) {
    if (!slice.service_name.empty()) {
      given_[{slice.namespace_name, slice.service_name}].push_back(&slice);
    }
  }
}

SliceList EndpointSlices::Of(const kubernetes::Service& service,
                             kubernetes::ObjectProblems& problems) const {
  SliceList list;
  const auto given = given_.find({service.namespace_name, service.name});
  if (given != given_.end()) {
    list.slices = given->second;
    return list;
  }
  list.derived = derived_.For(service, problems);
  for (const EndpointSlice& slice : list.derived) {
    list.slices.push_back(&slice);
  }
  return list;
}

std::vector<Endpoint> EndpointsOf(std::span<const EndpointSlice* const> slices,
                                  const kubernetes::ServicePort& port, const Options& options) {
  Merged merged;
  for (const EndpointSlice* slice : slices) {
    for (const kubernetes::EndpointPort& candidate : slice->ports) {
      const bool is_it = candidate.name == port.name && candidate.protocol == port.protocol;
      if (is_it && candidate.port.value_or(0) != 0) {  // "every port" is nowhere to send to
        MergeSlice(*slice, *candidate.port, options, merged);
      }
    }
  }
  std::vector<Endpoint> endpoints;
  endpoints.reserve(merged.size());
  for (auto& [key, endpoint] : merged) {
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

void CheckSlices(const kubernetes::Cluster& cluster, kubernetes::ObjectProblems& problems) {
  for (const auto& [name, slice] : cluster.endpoint_slices) {
    for (std::size_t i = 0; i < slice.endpoints.size(); ++i) {
      const auto& addresses = slice.endpoints[i].addresses;
      if (!addresses.empty() && !IsOfSlice(addresses[0], slice)) {
        problems.push_back({"EndpointSlice", name, absl::StrCat("endpoints[", i, "].addresses[0]"),
                            absl::StrCat(addresses[0].ToString(), kUnusable)});
      }
    }
  }
}

}  // namespace pollux::services
