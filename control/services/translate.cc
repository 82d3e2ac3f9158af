#include "control/services/translate.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "control/services/address.h"
#include "control/services/claims.h"
#include "control/services/draft.h"
#include "control/services/endpoint_slices.h"
#include "control/services/frontends.h"
#include "control/services/health_checks.h"
#include "control/services/host_ports.h"
#include "control/services/topology.h"
#include "dataplane/tables/maglev.h"

namespace pollux::services {
namespace {

using core::FrontendKind;
using core::ServiceConfig;
using kubernetes::Service;
using kubernetes::ServicePort;
using kubernetes::TrafficPolicy;

std::string NameOf(const Service& service, const ServicePort& port) {
  return absl::StrCat(service.namespace_name, "/", service.name, ":",
                      port.name.empty() ? absl::StrCat(port.port) : port.name);
}

// A Local traffic policy knows no hints; clients inside the cluster go by the Cluster policy to all
// but the ClusterIP.
bool TakesHints(const Service& service, const std::vector<WantedFrontend>& addresses) {
  return service.internal_traffic_policy == TrafficPolicy::kCluster ||
         std::any_of(addresses.begin(), addresses.end(), [](const WantedFrontend& address) {
           return address.source != FrontendKind::kClusterIp;
         });
}

std::vector<core::BackendConfig> BackendsOf(const Service& service,
                                            const std::vector<Endpoint>& endpoints) {
  std::vector<core::BackendConfig> backends;
  backends.reserve(endpoints.size());
  for (const Endpoint& endpoint : endpoints) {
    if (HasFamilyOf(endpoint.ip, service.cluster_ips)) {
      backends.push_back({endpoint.ip, endpoint.port, endpoint.local, endpoint.draining});
    }
  }
  return backends;
}

class Translator {
 public:
  Translator(const kubernetes::Cluster& cluster, const Options& options)
      : cluster_(cluster),
        options_(options),
        nodes_(cluster, options),
        slices_(cluster, options),
        zone_(ZoneOf(cluster, options.node_name)) {}

  Translation Run(const ServiceConfigs& previous) && {
    CheckSlices(cluster_, result_.problems);
    for (const auto& [name, service] : cluster_.services) {
      if (IsServed(service) && !IsRefused(service, result_.problems)) {
        AddService(service);
      }
    }
    AddHostPorts();
    SettleClaims(drafts_, result_.problems);
    Finish(previous);
    return std::move(result_);
  }

 private:
  void AddService(const Service& service) {
    const SliceList list = slices_.Of(service, result_.problems);
    const auto addresses = AddressesOf(service, options_, nodes_, result_.problems);
    LocalEndpoints local;
    for (std::size_t i = 0; i < service.ports.size(); ++i) {
      std::vector<Endpoint> endpoints = EndpointsOf(list.slices, service.ports[i], options_);
      local.Add(endpoints);
      if (TakesHints(service, addresses)) {
        FollowHints(options_.node_name, zone_, endpoints);
      }
      AddPort(service, i, WithPort(addresses, service, i), BackendsOf(service, endpoints));
    }
    health_checks_.Add(service, local, result_.problems);
  }

  void AddPort(const Service& service, std::size_t index, std::vector<WantedFrontend> wanted,
               std::vector<core::BackendConfig> backends) {
    const ServicePort& port = service.ports[index];
    Draft& draft = drafts_.emplace_back();
    draft.kind = "Service";
    draft.object = {service.namespace_name, service.name};
    draft.created = service.created;
    draft.field = absl::StrCat("spec.ports[", index, "]");
    draft.config.name = NameOf(service, port);
    draft.config.protocol = port.protocol;
    draft.config.affinity_seconds =
        std::min(service.affinity_seconds.value_or(0), core::kMaxAffinitySeconds);
    draft.config.backends = std::move(backends);
    draft.wanted = std::move(wanted);
    LimitBackends(draft);
  }

  void LimitBackends(Draft& draft) {
    auto& backends = draft.config.backends;
    if (backends.size() > tables::Maglev::kMaxBackends) {
      result_.problems.push_back({draft.kind, draft.object, draft.field,
                                  absl::StrCat("has ", backends.size(), " endpoints, only ",
                                               tables::Maglev::kMaxBackends, " are used")});
      backends.resize(tables::Maglev::kMaxBackends);
    }
  }

  void AddHostPorts() {
    for (Draft& draft : HostPorts(cluster_, options_, nodes_, result_.problems)) {
      drafts_.push_back(std::move(draft));
    }
  }

  void Finish(const ServiceConfigs& previous) {
    result_.health_checks = health_checks_.ByPort();
    for (Draft& draft : drafts_) {
      if (!draft.config.frontends.empty()) {
        result_.services.push_back(Shared(std::move(draft.config), previous));
      }
    }
    std::sort(result_.services.begin(), result_.services.end(),
              [](const auto& a, const auto& b) { return a->name < b->name; });
  }

  static std::shared_ptr<const ServiceConfig> Shared(ServiceConfig config,
                                                     const ServiceConfigs& previous) {
    const auto old = std::lower_bound(
        previous.begin(), previous.end(), config.name,
        [](const auto& service, const std::string& name) { return service->name < name; });
    return old != previous.end() && **old == config
               ? *old
               : std::make_shared<const ServiceConfig>(std::move(config));
  }

  const kubernetes::Cluster& cluster_;
  const Options& options_;
  const NodeAddresses nodes_;
  const EndpointSlices slices_;
  const std::string zone_;
  std::vector<Draft> drafts_;
  HealthChecks health_checks_;
  Translation result_;
};

}  // namespace

Translation Translate(const kubernetes::Cluster& cluster, const Options& options,
                      const ServiceConfigs& previous) {
  return Translator(cluster, options).Run(previous);
}

}  // namespace pollux::services
