#include "dataplane/tables/service_table_builder.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "dataplane/tables/service_check.h"
#include "dataplane/tables/service_diff.h"

namespace pollux::tables {
namespace {

using core::FrontendConfig;
using core::FrontendKind;
using core::ServiceConfig;

bool OwnsAddress(const FrontendConfig& frontend) {
  return frontend.kind != FrontendKind::kNodePort && frontend.kind != FrontendKind::kHostPort;
}

std::vector<Backend> Sorted(const ServiceConfig& config) {
  std::vector<Backend> backends;
  backends.reserve(config.backends.size());
  for (const core::BackendConfig& backend : config.backends) {
    backends.push_back({.identity = BackendIdentity(backend.ip, backend.port, config.protocol),
                        .ip = backend.ip,
                        .port = backend.port,
                        .local = backend.local,
                        .draining = backend.draining});
  }
  std::sort(backends.begin(), backends.end(), BackendSet::Before);
  return backends;
}

using Key = FrontendKey<net::IpAddress>;  // both families: for checks, not for packets

}  // namespace

// What a change does to the table before it.
struct ServiceTableBuilder::Edits {
  explicit Edits(const ServiceTable& the_old) : old(the_old) {}

  // The frontends go, unless a Link() that follows brings them back.
  void Unlink(const Service& service) { Edit(service, -1); }
  void Link(const Service& service) { Edit(service, 1); }
  [[nodiscard]] std::shared_ptr<const ServiceTable> Made() const;

  const ServiceTable& old;
  std::vector<decltype(ServiceTable::v4_)::Entry> v4;
  std::vector<decltype(ServiceTable::v6_)::Entry> v6;
  std::vector<decltype(ServiceTable::services_)::Entry> services;
  std::unordered_map<net::IpAddress, std::uint32_t> addresses;  // how many frontends have it now
  std::vector<net::ObjectId> closing;
  std::vector<net::ObjectId> gone;

 private:
  void Edit(const Service& service, int step);
};

void ServiceTableBuilder::Edits::Edit(const Service& service, int step) {
  for (std::size_t i = 0; i < service.frontends.size(); ++i) {
    const FrontendConfig& config = service.config->frontends[i];
    const Frontend* frontend = step > 0 ? &service.frontends[i] : nullptr;
    if (config.ip.is_v4()) {
      v4.push_back({{config.ip.v4(), config.port, service.config->protocol}, frontend});
    } else {
      v6.push_back({{config.ip.v6(), config.port, service.config->protocol}, frontend});
    }
    if (OwnsAddress(config)) {
      const std::uint32_t* count = old.addresses_.Find(config.ip);
      addresses.try_emplace(config.ip, count == nullptr ? 0 : *count).first->second +=
          static_cast<std::uint32_t>(step);
    }
  }
}

std::shared_ptr<const ServiceTable> ServiceTableBuilder::Edits::Made() const {
  std::vector<decltype(ServiceTable::addresses_)::Entry> counts;
  for (const auto& [ip, count] : addresses) {
    const std::uint32_t* before = old.addresses_.Find(ip);
    if (count != (before == nullptr ? 0 : *before)) {
      counts.push_back({ip, count});
    }
  }
  auto table = std::make_shared<ServiceTable>(old);
  table->v4_ = old.v4_.With(v4);
  table->v6_ = old.v6_.With(v6);
  table->addresses_ = old.addresses_.With(counts);
  table->services_ = old.services_.With(services);
  return table;
}

absl::StatusOr<ServiceTableBuilder::Change> ServiceTableBuilder::Apply(
    std::span<const Config> put, std::span<const std::string> removed) {
  if (const absl::Status status = Check(put, removed); !status.ok()) {
    return status;
  }
  Edits edits(*table_);
  for (const std::string& name : removed) {
    Remove(name, edits);
  }
  // All that goes before all that comes: a frontend may move from one service to another.
  for (const Config& config : put) {
    if (const auto old = by_name_.find(config->name); old != by_name_.end()) {
      edits.Unlink(*old->second);
    }
  }
  for (const Config& config : put) {
    Put(config, edits);
  }
  table_ = edits.Made();
  return Change{table_, std::move(edits.closing), std::move(edits.gone)};
}

void ServiceTableBuilder::Put(const Config& config, Edits& edits) {
  ServicePtr& place = by_name_[config->name];
  const ServicePtr old = place;
  const std::uint32_t id = old == nullptr ? services_.Allocate() : old->id;
  place = std::make_shared<const Service>(config, id, BackendsFor(*config, old.get(), edits.gone));
  edits.Link(*place);
  edits.services.push_back({id, place});
  if (old != nullptr && Narrows(*old->config, *config)) {
    for (const Backend& backend : place->backends->backends()) {
      edits.closing.push_back(backend.object);
    }
  }
}

void ServiceTableBuilder::Remove(const std::string& name, Edits& edits) {
  const auto at = by_name_.find(name);
  const Service& service = *at->second;
  edits.Unlink(service);
  edits.services.push_back({service.id, nullptr});
  Renumber(service.backends->backends(), {}, edits.gone);
  services_.Release(service.id);
  by_name_.erase(at);
}

std::shared_ptr<const BackendSet> ServiceTableBuilder::BackendsFor(
    const ServiceConfig& config, const Service* old, std::vector<net::ObjectId>& gone) {
  const SelectionKinds kinds = SelectionKinds::NeededBy(config.frontends);
  if (old != nullptr && old->config->protocol == config.protocol &&
      old->config->backends == config.backends && old->backends->kinds().Has(kinds)) {
    return old->backends;
  }
  std::vector<Backend> backends = Sorted(config);
  Renumber(old == nullptr ? std::span<const Backend>() : old->backends->backends(), backends, gone);
  return std::make_shared<const BackendSet>(std::move(backends), kinds);
}

void ServiceTableBuilder::Renumber(std::span<const Backend> before, std::span<Backend> after,
                                   std::vector<net::ObjectId>& gone) {
  auto old = before.begin();
  for (Backend& backend : after) {
    for (; old != before.end() && BackendSet::Before(*old, backend); ++old) {
      gone.push_back(old->object);
    }
    const bool stays = old != before.end() && !BackendSet::Before(backend, *old);
    backend.object = stays ? (old++)->object : objects_.Allocate();
  }
  for (; old != before.end(); ++old) {
    gone.push_back(old->object);
  }
}

absl::Status ServiceTableBuilder::Check(std::span<const Config> put,
                                        std::span<const std::string> removed) const {
  std::unordered_set<std::string_view> names;  // of services that are not what they were
  for (const std::string& name : removed) {
    if (!by_name_.contains(name) || !names.insert(name).second) {
      return absl::NotFoundError(absl::StrCat("service ", name, ": is not there"));
    }
  }
  std::size_t backends = 0;
  for (const Config& config : put) {
    if (const absl::Status status = CheckService(*config); !status.ok()) {
      return status;
    }
    backends += config->backends.size();
    if (backends > objects_.available()) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "service ", config->name, ": backends: the switch has numbers for ", objects_.available(),
          " more endpoints, routes and backends, and none for this one"));
    }
    if (!names.insert(config->name).second) {
      return ServiceError(*config, "name", "is there twice in one change");
    }
  }
  return CheckFrontends(put, names);
}

absl::Status ServiceTableBuilder::CheckFrontends(
    std::span<const Config> put, const std::unordered_set<std::string_view>& names) const {
  std::unordered_map<Key, const ServiceConfig*, ServiceHash> owners;
  for (const Config& config : put) {
    for (const FrontendConfig& frontend : config->frontends) {
      const Key key{frontend.ip, frontend.port, config->protocol};
      const ServiceConfig* owner = owners.emplace(key, config.get()).first->second;
      const Frontend* live = table_->Find(key.ip, key.protocol, key.port);
      if (owner == config.get() && live != nullptr) {
        const ServiceConfig& holder = *table_->FindService(live->service)->config;
        owner = names.contains(holder.name) ? owner : &holder;
      }
      if (owner != config.get()) {
        return ServiceError(*config, "frontends",
                            absl::StrCat(key.ip.ToString(), " port ", key.port,
                                         " belongs to service ", owner->name));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace pollux::tables
