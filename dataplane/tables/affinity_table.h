// Session affinity: which backend a client of a service had last (Kubernetes' sessionAffinity
// ClientIP), so that its next connection goes there too.
//
// Bounded and set-associative: an entry lives in the set that its hash names, and a set that is
// full gives up what expired, else what was used longest ago, and counts that. The first packets of
// one client may be decided by several workers, so the table is theirs together; a lock per set is
// enough, for nothing but first packets of services with affinity comes here.
// Threading: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/net/ids.h"

namespace pollux::tables {

class AffinityTable {
 public:
  static constexpr std::size_t kWays = 4;

  struct Key {
    std::uint32_t service = 0;  // Frontend::service
    net::IpAddress client;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Target {
    net::IpAddress ip;
    std::uint16_t port = 0;
    friend bool operator==(const Target&, const Target&) = default;
  };
  struct Stats {
    std::size_t entries = 0;  // not expired
    std::size_t capacity = 0;
    std::uint64_t evictions = 0;  // of entries that had not expired
  };

  // At least `capacity` entries, a power of two.
  explicit AffinityTable(std::size_t capacity);

  // `hash` is of the key, made with a secret: clients must not be able to choose their set.
  // Renews the entry, with the service's present timeout. The backend may be gone and the service's
  // number may have passed to another one: ask ServiceTable::FindBackend().
  std::optional<Target> Find(const Key& key, std::uint64_t hash, std::uint32_t timeout_seconds,
                             net::Nanos now);
  void Remember(const Key& key, std::uint64_t hash, const Target& target,
                std::uint32_t timeout_seconds, net::Nanos now);

  // Walks the whole table: for the control side.
  [[nodiscard]] Stats Read(net::Nanos now) const;

 private:
  struct Entry {
    [[nodiscard]] bool Live(net::Nanos now) const;

    Key key;
    Target target;
    std::uint32_t timeout_seconds = 0;  // 0: never used
    net::Nanos last_use;
  };
  struct alignas(64) Set {
    void lock() const;  // of std::lock_guard
    void unlock() const { busy.clear(std::memory_order_release); }

    mutable std::atomic_flag busy;
    std::array<Entry, kWays> entries;
  };

  [[nodiscard]] Set& SetOf(std::uint64_t hash) { return sets_[hash & (sets_.size() - 1)]; }

  std::vector<Set> sets_;
  std::atomic<std::uint64_t> evictions_{0};
};

}  // namespace pollux::tables
