#include "dataplane/forwarding.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dataplane/stages/decision.h"
#include "dataplane/tables/service_diff.h"

namespace pollux {
namespace {

using EpochChange = core::Epochs::Change;

tables::RouteTrie TrieOf(const std::vector<net::IpPrefix>& prefixes) {
  std::vector<tables::RouteTrie::Route> routes;
  for (const net::IpPrefix& prefix : prefixes) {
    routes.push_back({.prefix = prefix, .next_hop = 1});
  }
  return tables::RouteTrie(routes);
}

std::shared_ptr<const tables::Cluster> ClusterOf(const ClusterConfig& config) {
  auto cluster = std::make_shared<tables::Cluster>();
  cluster->inside = TrieOf(config.cidrs);
  cluster->node_addresses = config.node_addresses;
  tables::SourceNat& snat = cluster->snat;
  for (const net::IpAddress& ip : config.snat_addresses) {
    if (ip.is_v4()) {
      snat.v4 = ip.v4();
    } else {
      snat.v6 = ip.v6();
    }
  }
  snat.first_port = config.snat_first_port;
  snat.last_port = config.snat_last_port;
  snat.hides_pods = config.masquerade;
  snat.not_hidden = TrieOf(config.masquerade_exclude);
  return cluster;
}

// Addresses of frontends that were not there.
std::vector<net::IpAddress> FrontendsIn(const tables::ServiceDiff& diff,
                                        const tables::ServiceTable& before) {
  std::vector<net::IpAddress> addresses;
  for (const auto& service : diff.put) {
    for (const FrontendConfig& frontend : service->frontends) {
      if (before.Find(frontend.ip, service->protocol, frontend.port) == nullptr) {
        addresses.push_back(frontend.ip);
      }
    }
  }
  return addresses;
}

}  // namespace

absl::Status Forwarding::Change(const ForwardingConfig& config,
                                const std::vector<PortView>& ports) {
  if (const absl::Status status = CheckForwarding(config, ports); !status.ok()) {
    return status;
  }
  if (const absl::Status status = book_.Admit(config); !status.ok()) {
    book_.Settle(config_, config_);
    return status;
  }
  const tables::ServiceDiff diff = tables::DiffServices(config_.services, config.services);
  const std::shared_ptr<const tables::ServiceTable> old_services = services_.table();
  auto services = services_.Apply(diff.put, diff.removed);
  if (!services.ok()) {
    book_.Settle(config_, config_);
    return services.status();
  }
  new_frontends_ = FrontendsIn(diff, *old_services);
  services_change_ = *std::move(services);
  before_ = std::exchange(config_, config);
  identities_before_ = identities_;
  if (!SameIdentities(before_, config_)) {
    identities_ = MakeIdentities(config_);
  }
  if (before_.cluster != config_.cluster) {
    cluster_ = ClusterOf(config_.cluster);
  }
  return absl::OkStatus();
}

std::unique_ptr<tables::Tables> Forwarding::Build(
    const std::vector<PortView>& ports, net::MacAddress gateway_mac,
    std::shared_ptr<const tables::NeighbourTable> neighbours, net::Revision revision) const {
  auto tables = BuildTables(config_, ports, book_, gateway_mac, std::move(neighbours), revision);
  tables->services = services_.table();
  tables->cluster = cluster_;
  tables->identities = identities_.table;
  tables->policies = identities_.policies;
  return tables;
}

void Forwarding::Settle(const tables::Tables& live) {
  book_.Settle(before_, config_);
  SettlePolicies();
  SettleServices(live);
  identities_before_ = identities_;
  services_change_ = {};
  new_frontends_.clear();
}

// Which verdicts differ is not asked: whoever is judged is judged again.
void Forwarding::SettlePolicies() {
  if (on_policy_change_ == OnPolicyChange::kKeepEstablished ||
      (identities_before_.policies == identities_.policies && before_.cluster == config_.cluster)) {
    return;
  }
  for (const EndpointConfig& endpoint : config_.endpoints) {
    const bool judged = std::ranges::any_of(endpoint.addresses, [&](const net::IpAddress& ip) {
      return identities_before_.Judges(ip) || identities_.Judges(ip);
    });
    if (judged) {
      epochs_.Bump(book_.OfEndpoint(endpoint.name).object, EpochChange::kClosing);
    }
  }
}

void Forwarding::SettleServices(const tables::Tables& live) {
  // Connections to what is a frontend now went elsewhere so far.
  std::set<net::ObjectId> went_to;
  for (const net::IpAddress& ip : new_frontends_) {
    went_to.insert(stages::FindWay(live, ip).object());
  }
  went_to.erase(net::ObjectId{});
  for (const net::ObjectId way : went_to) {
    epochs_.Bump(way, EpochChange::kOpening);
  }
  for (const net::ObjectId backend : services_change_.closing) {
    epochs_.Bump(backend, EpochChange::kClosing);
  }
  for (const net::ObjectId backend : services_change_.gone) {
    epochs_.Release(backend);
  }
}

}  // namespace pollux
