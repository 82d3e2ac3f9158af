#include "dataplane/tables/service.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pollux::tables {
namespace {

using core::FrontendKind;

constexpr std::array kKinds = {SelectionKinds::kAll4, SelectionKinds::kLocal4,
                               SelectionKinds::kAll6, SelectionKinds::kLocal6};

std::vector<std::uint64_t> IdentitiesOf(std::span<const Backend* const> members) {
  std::vector<std::uint64_t> identities;
  identities.reserve(members.size());
  for (const Backend* member : members) {
    identities.push_back(member->identity);
  }
  return identities;
}

std::vector<const Backend*> Candidates(std::span<const Backend> backends, SelectionKinds::Kind kind,
                                       bool draining) {
  std::vector<const Backend*> candidates;
  for (const Backend& backend : backends) {
    const bool in_set = kind == SelectionKinds::Of(backend.ip, false) ||
                        (backend.local && kind == SelectionKinds::Of(backend.ip, true));
    if (in_set && backend.draining == draining) {
      candidates.push_back(&backend);
    }
  }
  return candidates;
}

Selection SelectionOf(std::span<const Backend> backends, SelectionKinds::Kind kind) {
  std::vector<const Backend*> candidates = Candidates(backends, kind, false);
  return Selection(candidates.empty() ? Candidates(backends, kind, true) : std::move(candidates));
}

bool IsExternal(FrontendKind kind) {
  return kind == FrontendKind::kNodePort || kind == FrontendKind::kLoadBalancer ||
         kind == FrontendKind::kExternalIp;
}

std::shared_ptr<const RouteTrie> SourcesOf(const core::FrontendConfig& config) {
  if (config.source_ranges.empty()) {
    return nullptr;
  }
  std::vector<RouteTrie::Route> ranges;
  for (const net::IpPrefix& range : config.source_ranges) {
    ranges.push_back({range, 1});
  }
  return std::make_shared<const RouteTrie>(ranges);
}

}  // namespace

Selection::Selection(std::vector<const Backend*> members)
    : members_(std::move(members)), maglev_(IdentitiesOf(members_)) {}

SelectionKinds SelectionKinds::NeededBy(std::span<const core::FrontendConfig> frontends) {
  unsigned bits = 0;
  for (const core::FrontendConfig& frontend : frontends) {
    bits |= 1U << Of(frontend.ip, false);
    bits |= frontend.local_only ? 1U << Of(frontend.ip, true) : 0U;
  }
  return {static_cast<std::uint8_t>(bits)};
}

bool BackendSet::Before(const Backend& a, const Backend& b) {
  return std::tie(a.identity, a.ip, a.port) < std::tie(b.identity, b.ip, b.port);
}

BackendSet::BackendSet(std::vector<Backend> backends, SelectionKinds kinds)
    : backends_(std::move(backends)), kinds_(kinds) {
  for (const SelectionKinds::Kind kind : kKinds) {
    if ((kinds.bits & (1U << kind)) != 0) {
      selections_[kind] = SelectionOf(backends_, kind);
    }
  }
}

const Backend* BackendSet::Find(std::uint64_t identity, const net::IpAddress& ip,
                                std::uint16_t port) const {
  const Backend wanted{.identity = identity, .ip = ip, .port = port};
  const auto at = std::lower_bound(backends_.begin(), backends_.end(), wanted, Before);
  return at != backends_.end() && !Before(wanted, *at) ? &*at : nullptr;
}

namespace {

bool OnlyLocal(const Frontend& frontend, bool inside) {
  return frontend.local_only() && !(inside && IsExternal(frontend.kind));
}

}  // namespace

bool MayChoose(const Frontend& frontend, const Backend& backend, bool inside) {
  return !backend.draining && (backend.local || !OnlyLocal(frontend, inside));
}

Choice Select(const Frontend& frontend, std::uint64_t client_hash, bool inside) {
  const bool local = OnlyLocal(frontend, inside);
  const Selection& selection = local ? *frontend.local : *frontend.all;
  if (!selection.empty()) {
    return {Choice::Kind::kBackend, &selection.Pick(client_hash)};
  }
  return {frontend.all->empty() ? Choice::Kind::kReject : Choice::Kind::kDrop, nullptr};
}

Service::Service(std::shared_ptr<const core::ServiceConfig> its_config, std::uint32_t its_id,
                 std::shared_ptr<const BackendSet> its_backends)
    : config(std::move(its_config)), id(its_id), backends(std::move(its_backends)) {
  const auto selection = [this](const core::FrontendConfig& frontend, bool local) {
    return &backends->selection(SelectionKinds::Of(frontend.ip, local));
  };
  for (const core::FrontendConfig& frontend : config->frontends) {
    frontends.push_back({.service = id,
                         .affinity_seconds = config->affinity_seconds,
                         .kind = frontend.kind,
                         .all = selection(frontend, false),
                         .local = frontend.local_only ? selection(frontend, true) : nullptr,
                         .sources = SourcesOf(frontend)});
  }
}

}  // namespace pollux::tables
