#include "dataplane/tables/service_diff.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace pollux::tables {
namespace {

using Config = std::shared_ptr<const core::ServiceConfig>;
using Prefixes = std::vector<net::IpPrefix>;

bool Covers(const Prefixes& ranges, const net::IpPrefix& prefix) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const net::IpPrefix& range) {
    return range.length() <= prefix.length() && range.Contains(prefix.address());
  });
}

bool NarrowsSources(const Prefixes& before, const Prefixes& after) {
  if (after.empty()) {
    return false;
  }
  return before.empty() || !std::all_of(before.begin(), before.end(),
                                        [&](const auto& range) { return Covers(after, range); });
}

bool NarrowsFrontend(const core::FrontendConfig& before, const core::ServiceConfig& after) {
  const auto same =
      std::find_if(after.frontends.begin(), after.frontends.end(), [&](const auto& frontend) {
        return frontend.ip == before.ip && frontend.port == before.port;
      });
  return same == after.frontends.end() || same->kind != before.kind ||
         (same->local_only && !before.local_only) ||
         NarrowsSources(before.source_ranges, same->source_ranges);
}

}  // namespace

ServiceDiff DiffServices(std::span<const Config> before, std::span<const Config> after) {
  const auto [b, a] = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  before = before.subspan(static_cast<std::size_t>(b - before.begin()));
  after = after.subspan(static_cast<std::size_t>(a - after.begin()));
  while (!before.empty() && !after.empty() && before.back() == after.back()) {
    before = before.first(before.size() - 1);
    after = after.first(after.size() - 1);
  }

  std::unordered_map<std::string_view, const core::ServiceConfig*> gone;
  for (const Config& config : before) {
    gone.emplace(config->name, config.get());
  }
  ServiceDiff diff;
  for (const Config& config : after) {
    const auto old = gone.find(config->name);
    if (old == gone.end() || (old->second != config.get() && *old->second != *config)) {
      diff.put.push_back(config);
    }
    if (old != gone.end()) {
      gone.erase(old);
    }
  }
  for (const auto& [name, config] : gone) {
    diff.removed.emplace_back(name);
  }
  return diff;
}

bool Narrows(const core::ServiceConfig& before, const core::ServiceConfig& after) {
  return before.protocol != after.protocol ||
         std::any_of(before.frontends.begin(), before.frontends.end(),
                     [&](const auto& frontend) { return NarrowsFrontend(frontend, after); });
}

}  // namespace pollux::tables
