// All connections of the switch, by the flow key of each of their directions.
//
// Theory of operation. One rte_hash per address family maps keys to directions; the connections
// themselves lie in an array of fixed size. Lookups take no lock and are done for a whole burst at
// once, so that their cache misses overlap. First packets, expiry and replacement take the table's
// one writer lock, for about the time of two insertions.
// A connection that is removed disappears from the hash at once; its memory and its key slots are
// used again when every worker has passed a quiescent state.
//
// When it is full, or a port has as many connections as it may, new ones are refused and those that
// exist go on. Nothing is evicted: only time and the end of a connection make room.
// Threading: Find, Insert, Remove, Sweep by workers (RCU readers); Count and ForEach by the control
// side, which must be an RCU reader while it looks.
#pragma once

#include <absl/status/statusor.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/core/batch.h"
#include "dataplane/core/keyed_hash.h"
#include "dataplane/core/rcu.h"
#include "dataplane/core/spin_lock.h"
#include "dataplane/net/flow_key.h"
#include "dataplane/tables/connection.h"

struct rte_hash;

namespace pollux::tables {

// What is known of a connection before it exists.
struct ConnectionDraft {
  net::FlowTuple original;    // as its first packet came
  net::FlowTuple translated;  // as its first packet leaves
  net::PortId ingress;        // of its first packet
  net::PortId egress;         // where replies come from
  std::array<net::ObjectId, Direction::kObjects> objects{};
  core::Epochs::Sum freshness = 0;
  std::uint32_t adjacency = 0;  // of the original direction
  std::uint32_t reply_adjacency = 0;
};

class ConnectionTable {
 public:
  struct Options {
    std::uint32_t capacity = 0;        // connections, of both families together
    std::uint32_t quota_per_port = 0;  // connections whose first packet came from one port
  };
  enum class Result : std::uint8_t {
    kInserted,
    kExists,  // the connection is there: made by another worker, or by the packet before
    kClash,   // another connection has the reply's key
    kQuota,
    kFull,
  };
  struct Inserted {
    Result result;
    Direction* original = nullptr;  // kInserted, kExists
  };

  // ResourceExhausted, saying how much DPDK memory is needed.
  static absl::StatusOr<std::unique_ptr<ConnectionTable>> Create(const Options& options,
                                                                 core::Rcu& rcu);
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  [[nodiscard]] std::uint32_t Hash(const net::FlowKey4& key) const { return hash_(key); }
  [[nodiscard]] std::uint32_t Hash(const net::FlowKey6& key) const { return hash_(key); }
  [[nodiscard]] std::uint32_t HashOf(const net::FlowTuple& key) const {
    return key.source.is_v6() ? hash_(key.key6()) : hash_(key.key4());
  }

  // Up to a burst of keys with their hashes; null in `found` for those that are not there.
  void Find(std::span<const net::FlowKey4* const> keys, std::span<const std::uint32_t> hashes,
            std::span<Direction*> found) const;
  void Find(std::span<const net::FlowKey6* const> keys, std::span<const std::uint32_t> hashes,
            std::span<Direction*> found) const;
  [[nodiscard]] Direction* Find(const net::FlowTuple& key) const;

  Inserted Insert(const ConnectionDraft& draft, net::Nanos now);
  // Another connection in the place of one, whose key it has. A few places more than `capacity` are
  // there for this: a full table does not cost those that exist.
  Inserted Replace(Connection& old, const ConnectionDraft& draft, net::Nanos now);
  // Of several callers one removes it.
  void Remove(Connection& connection);

  // Looks at up to `budget` slots of this worker's share, each in turn, and removes the connections
  // for which is_over(connection) holds. Returns how many it removed.
  template <typename IsOver>
  unsigned Sweep(unsigned share, unsigned shares, unsigned budget, IsOver&& is_over) {
    unsigned removed = 0;
    const std::uint32_t end = high_water_.load(std::memory_order_relaxed);
    std::uint32_t& at = cursors_[share];
    for (unsigned i = 0; i < budget && end > 0; ++i, at += shares) {
      at = at < end ? at : share;
      if (at < end && live_[at].load(std::memory_order_acquire) && is_over(connections_[at])) {
        Remove(connections_[at]);
        ++removed;
      }
    }
    Reclaim();
    return removed;
  }

  // Those in the slots from `first` to before `last`.
  template <typename Visit>
  void ForEach(std::uint32_t first, std::uint32_t last, Visit&& visit) {
    const std::uint32_t end = std::min(last, high_water_.load(std::memory_order_acquire));
    for (std::uint32_t i = first; i < end; ++i) {
      if (live_[i].load(std::memory_order_acquire)) {
        visit(connections_[i]);
      }
    }
  }

  // No connection, and none whose memory is still to be given back.
  [[nodiscard]] bool empty() const {
    return size() == 0 && retired_count_.load(std::memory_order_relaxed) == 0;
  }
  // Slots that were ever used: what a whole sweep looks at.
  [[nodiscard]] std::uint32_t high_water() const {
    return high_water_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t size_of(net::PortId port) const {
    return by_port_[port.value()].load(std::memory_order_relaxed);
  }
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  static constexpr unsigned kPorts = 4096;
  static constexpr unsigned kMaxShares = 128;

  static constexpr std::uint32_t kNoPosition = ~std::uint32_t{0};
  // A removed connection until nobody reads it any more.
  struct Retired {
    std::uint32_t connection;
    std::uint32_t original_position;
    std::uint32_t reply_position;
    core::Rcu::Token token;
  };
  struct FreeHash {
    void operator()(rte_hash* hash) const;
  };
  using HashPointer = std::unique_ptr<rte_hash, FreeHash>;

  ConnectionTable(const Options& options, core::Rcu& rcu, HashPointer v4, HashPointer v6);

  // With the lock held. `spare`: how many places must stay free.
  Result Place(const ConnectionDraft& draft, net::Nanos now, std::uint32_t spare,
               Direction*& original);
  std::uint32_t TakeSlot(std::uint32_t spare);
  void RemoveLocked(Connection& connection);
  bool AddKey(const net::FlowTuple& key, Direction& direction);
  std::uint32_t DeleteKey(const net::FlowTuple& key);
  void Retire(const Retired& retired);
  void ReclaimLocked(unsigned budget);
  void Reclaim();
  [[nodiscard]] rte_hash* HashOf(bool v6) const { return v6 ? v6_.get() : v4_.get(); }

  const Options options_;
  core::Rcu& rcu_;
  const core::KeyedHash hash_ = core::KeyedHash::Random();
  const HashPointer v4_;
  const HashPointer v6_;
  const std::uint32_t places_;  // a few more than options_.capacity (Replace)
  struct Unmap {
    std::size_t bytes;
    void operator()(Connection* connections) const;
  };
  const std::unique_ptr<Connection[], Unmap> connections_;
  const std::unique_ptr<std::atomic<bool>[]> live_;
  std::array<std::uint32_t, kMaxShares> cursors_;  // each its worker's

  alignas(64) core::SpinLock lock_;  // guards what follows and writes to the hashes
  std::vector<std::uint32_t> free_;
  std::vector<Retired> retired_;  // a ring of as many as there are connections
  std::size_t retired_first_ = 0;
  std::atomic<std::size_t> retired_count_{0};
  std::atomic<std::uint32_t> high_water_{0};
  std::atomic<std::uint32_t> size_{0};
  std::array<std::atomic<std::uint32_t>, kPorts> by_port_{};
};

// The tuple by which packets of a direction are found, and the one with which they leave.
net::FlowTuple KeyOf(const Connection& connection, bool reply);
net::FlowTuple TranslatedOf(const Connection& connection, bool reply);

}  // namespace pollux::tables
