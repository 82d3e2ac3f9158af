#include "dataplane/tables/affinity_table.h"

#include <algorithm>
#include <bit>
#include <mutex>

namespace pollux::tables {
namespace {

constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

// Workers read their clocks each for themselves: a use may lie in the future of another.
bool AffinityTable::Entry::Live(net::Nanos now) const {
  return timeout_seconds != 0 && now.value() < last_use.value() + timeout_seconds * kNanosPerSecond;
}

void AffinityTable::Set::lock() const {
  while (busy.test_and_set(std::memory_order_acquire)) {
    __builtin_ia32_pause();
  }
}

AffinityTable::AffinityTable(std::size_t capacity)
    : sets_(std::bit_ceil(std::max(capacity, kWays)) / kWays) {}

std::optional<AffinityTable::Target> AffinityTable::Find(const Key& key, std::uint64_t hash,
                                                         std::uint32_t timeout_seconds,
                                                         net::Nanos now) {
  Set& set = SetOf(hash);
  const std::lock_guard lock(set);
  for (Entry& entry : set.entries) {
    if (entry.key == key) {
      entry.timeout_seconds = std::min(entry.timeout_seconds, timeout_seconds);
      if (!entry.Live(now)) {
        return std::nullopt;
      }
      entry.timeout_seconds = timeout_seconds;
      entry.last_use = std::max(entry.last_use, now);
      return entry.target;
    }
  }
  return std::nullopt;
}

void AffinityTable::Remember(const Key& key, std::uint64_t hash, const Target& target,
                             std::uint32_t timeout_seconds, net::Nanos now) {
  // Its own entry before an expired one before the oldest.
  const auto rank = [&](const Entry& entry) {
    return entry.key == key ? net::Nanos() : entry.Live(now) ? entry.last_use : net::Nanos(1);
  };
  Set& set = SetOf(hash);
  const std::lock_guard lock(set);
  Entry& entry =
      *std::min_element(set.entries.begin(), set.entries.end(),
                        [&](const Entry& a, const Entry& b) { return rank(a) < rank(b); });
  if (entry.key != key && entry.Live(now)) {
    evictions_.fetch_add(1, std::memory_order_relaxed);
  }
  entry = {key, target, timeout_seconds, now};
}

AffinityTable::Stats AffinityTable::Read(net::Nanos now) const {
  Stats stats{.capacity = sets_.size() * kWays,
              .evictions = evictions_.load(std::memory_order_relaxed)};
  for (const Set& set : sets_) {
    const std::lock_guard lock(set);
    stats.entries += static_cast<std::size_t>(
        std::count_if(set.entries.begin(), set.entries.end(),
                      [&](const Entry& entry) { return entry.Live(now); }));
  }
  return stats;
}

}  // namespace pollux::tables
