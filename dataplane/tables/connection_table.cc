#include "dataplane/tables/connection_table.h"

#include <absl/strings/str_format.h>
#include <glog/logging.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <sys/mman.h>

#include <algorithm>
#include <mutex>
#include <string>

#include "dataplane/net/checksum.h"
#include "dataplane/tables/tcp_side.h"

namespace pollux::tables {
namespace {

// Keys are added as long as this much of the hash's slots is not used: beyond, insertions search
// long and may fail.
constexpr double kFill = 0.85;
constexpr unsigned kFewestKeys = 8;  // that rte_hash accepts
// Removed connections that one call gives back.
constexpr unsigned kReclaimBudget = 64;
// So many more places there are than connections may be, for those that are decided anew.
constexpr std::uint32_t SpareOf(std::uint32_t capacity) { return capacity / 64 + 1; }

rte_hash* CreateHash(unsigned entries, unsigned key_bytes) {
  static std::atomic<unsigned> number{0};  // names are unique in the process
  const std::string name = absl::StrFormat("connections-%d", number++);
  rte_hash_parameters parameters{};
  parameters.name = name.c_str();
  parameters.entries = entries;
  parameters.key_len = key_bytes;
  parameters.socket_id = SOCKET_ID_ANY;
  parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF;
  return rte_hash_create(&parameters);
}

// Huge pages where the kernel has them: a packet of any of a million connections costs one miss
// less of the TLB.
Connection* MapConnections(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PCHECK(memory != MAP_FAILED);
  madvise(memory, bytes, MADV_HUGEPAGE);
  return static_cast<Connection*>(memory);
}

bool IsEcho(net::IpProtocol protocol) {
  return protocol == net::IpProtocol::kIcmp || protocol == net::IpProtocol::kIcmpv6;
}

template <typename Key>
void FindBulk(const rte_hash* table, std::span<const Key* const> keys,
              std::span<const std::uint32_t> hashes, std::span<Direction*> found) {
  static_assert(core::kBurst <= RTE_HASH_LOOKUP_BULK_MAX);
  std::array<const void*, core::kBurst> pointers;
  std::copy(keys.begin(), keys.end(), pointers.begin());
  std::uint64_t hits = 0;
  std::array<void*, core::kBurst> data;
  // The library takes the hashes as it would write them.
  rte_hash_lookup_with_hash_bulk_data(table, pointers.data(),
                                      const_cast<hash_sig_t*>(hashes.data()),
                                      static_cast<unsigned>(keys.size()), &hits, data.data());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    found[i] = (hits >> i & 1U) != 0 ? static_cast<Direction*>(data[i]) : nullptr;
  }
}

net::ChecksumAccumulator AddressSum(const net::FlowTuple& tuple) {
  net::ChecksumAccumulator sum;
  const std::size_t bytes = tuple.source.is_v6() ? 16 : 4;
  sum.Add({tuple.source.bytes().data(), bytes});
  sum.Add({tuple.destination.bytes().data(), bytes});
  return sum;
}

// What is added to a sum over `before` to make it one over `after`.
std::uint16_t Delta(const net::ChecksumAccumulator& before, const net::ChecksumAccumulator& after) {
  net::ChecksumAccumulator sum = after;
  sum.AddWord(before.Finish());
  const std::uint16_t delta = sum.FoldedRaw();
  return delta == 0xffff ? std::uint16_t{0} : delta;
}

void SetTranslation(Direction& direction, ColdDirection& cold, const net::FlowTuple& from,
                    const net::FlowTuple& to) {
  if (to.source.is_v6()) {
    cold.new_source = to.source.v6();
    cold.new_destination = to.destination.v6();
  } else {
    direction.new_source = to.source.v4();
    direction.new_destination = to.destination.v4();
  }
  direction.new_source_port = to.source_port;
  direction.new_destination_port = to.destination_port;
  direction.translates = !(from == to);
  net::ChecksumAccumulator before = AddressSum(from);
  net::ChecksumAccumulator after = AddressSum(to);
  direction.address_delta = Delta(before, after);
  // ICMP knows no pseudo-header, ICMPv6 does; an echo has its identifier once.
  if (from.protocol == net::IpProtocol::kIcmp) {
    before = after = {};
  }
  before.AddWord(from.source_port);
  after.AddWord(to.source_port);
  if (!IsEcho(from.protocol)) {
    before.AddWord(from.destination_port);
    after.AddWord(to.destination_port);
  }
  direction.l4_delta = Delta(before, after);
}

struct Side {
  net::FlowTuple key;
  net::FlowTuple leaves_as;
  net::PortId ingress;
  std::uint32_t adjacency;
};

void Fill(Direction& direction, ColdDirection& cold, const Side& side, const ConnectionDraft& draft,
          net::Nanos now) {
  direction.freshness.store(draft.freshness, std::memory_order_relaxed);
  direction.last_seen.store(TicksOf(now), std::memory_order_relaxed);
  direction.adjacency.store(side.adjacency, std::memory_order_relaxed);
  direction.worker.store(Direction::kNobody, std::memory_order_relaxed);
  direction.v6 = side.key.source.is_v6();
  direction.ingress = side.ingress;
  direction.objects = draft.objects;
  direction.protocol = side.key.protocol;
  direction.zone = side.key.zone;
  direction.packets.Reset();
  direction.bytes.Reset();
  SetTranslation(direction, cold, side.key, side.leaves_as);
  cold.side.Store(TcpSide{});
  cold.foreign_packets.store(0, std::memory_order_relaxed);
  cold.foreign_bytes.store(0, std::memory_order_relaxed);
}

}  // namespace

net::FlowTuple TranslatedOf(const Connection& connection, bool reply) {
  const Direction& direction = reply ? connection.reply : connection.original;
  const ColdDirection& cold = reply ? connection.cold_reply : connection.cold_original;
  net::FlowTuple tuple{.source = direction.new_source,
                       .destination = direction.new_destination,
                       .source_port = direction.new_source_port,
                       .destination_port = direction.new_destination_port,
                       .protocol = direction.protocol,
                       .zone = direction.zone};
  if (direction.v6) {
    tuple.source = cold.new_source;
    tuple.destination = cold.new_destination;
  }
  return tuple;
}

net::FlowTuple KeyOf(const Connection& connection, bool reply) {
  return TranslatedOf(connection, !reply).Reversed();
}

void ConnectionTable::FreeHash::operator()(rte_hash* hash) const { rte_hash_free(hash); }
void ConnectionTable::Unmap::operator()(Connection* connections) const {
  munmap(connections, bytes);
}

absl::StatusOr<std::unique_ptr<ConnectionTable>> ConnectionTable::Create(const Options& options,
                                                                         core::Rcu& rcu) {
  const unsigned keys = std::max(
      static_cast<unsigned>(2.0 * (options.capacity + SpareOf(options.capacity)) / kFill) + 1,
      kFewestKeys);
  HashPointer v4(CreateHash(keys, sizeof(net::FlowKey4)));
  HashPointer v6(CreateHash(keys, sizeof(net::FlowKey6)));
  if (v4 == nullptr || v6 == nullptr) {
    constexpr double kBytesPerKey = 32 + 64 + 2 * 20;  // slots of both families, buckets, the rest
    return absl::ResourceExhaustedError(absl::StrFormat(
        "--flow-entries: a table of %d connections needs about %.0f MB of DPDK's memory (%s): "
        "raise --memory-mb",
        options.capacity, keys * kBytesPerKey / (1 << 20), rte_strerror(rte_errno)));
  }
  return std::unique_ptr<ConnectionTable>(
      new ConnectionTable(options, rcu, std::move(v4), std::move(v6)));
}

ConnectionTable::ConnectionTable(const Options& options, core::Rcu& rcu, HashPointer v4,
                                 HashPointer v6)
    : options_(options),
      rcu_(rcu),
      v4_(std::move(v4)),
      v6_(std::move(v6)),
      places_(options.capacity + SpareOf(options.capacity)),
      connections_(MapConnections(places_ * sizeof(Connection)),
                   Unmap{places_ * sizeof(Connection)}),
      live_(std::make_unique<std::atomic<bool>[]>(places_)),
      retired_(places_) {
  for (unsigned i = 0; i < kMaxShares; ++i) {
    cursors_[i] = i;
  }
}

ConnectionTable::~ConnectionTable() = default;

void ConnectionTable::Find(std::span<const net::FlowKey4* const> keys,
                           std::span<const std::uint32_t> hashes,
                           std::span<Direction*> found) const {
  FindBulk(v4_.get(), keys, hashes, found);
}

void ConnectionTable::Find(std::span<const net::FlowKey6* const> keys,
                           std::span<const std::uint32_t> hashes,
                           std::span<Direction*> found) const {
  FindBulk(v6_.get(), keys, hashes, found);
}

Direction* ConnectionTable::Find(const net::FlowTuple& key) const {
  void* data = nullptr;
  int position = 0;
  if (key.source.is_v6()) {
    const net::FlowKey6 bytes = key.key6();
    position = rte_hash_lookup_with_hash_data(v6_.get(), &bytes, hash_(bytes), &data);
  } else {
    const net::FlowKey4 bytes = key.key4();
    position = rte_hash_lookup_with_hash_data(v4_.get(), &bytes, hash_(bytes), &data);
  }
  return position < 0 ? nullptr : static_cast<Direction*>(data);
}

bool ConnectionTable::AddKey(const net::FlowTuple& key, Direction& direction) {
  if (key.source.is_v6()) {
    const net::FlowKey6 bytes = key.key6();
    return rte_hash_add_key_with_hash_data(v6_.get(), &bytes, hash_(bytes), &direction) == 0;
  }
  const net::FlowKey4 bytes = key.key4();
  return rte_hash_add_key_with_hash_data(v4_.get(), &bytes, hash_(bytes), &direction) == 0;
}

std::uint32_t ConnectionTable::DeleteKey(const net::FlowTuple& key) {
  std::int32_t position = 0;
  if (key.source.is_v6()) {
    const net::FlowKey6 bytes = key.key6();
    position = rte_hash_del_key_with_hash(v6_.get(), &bytes, hash_(bytes));
  } else {
    const net::FlowKey4 bytes = key.key4();
    position = rte_hash_del_key_with_hash(v4_.get(), &bytes, hash_(bytes));
  }
  CHECK_GE(position, 0);
  return static_cast<std::uint32_t>(position);
}

ConnectionTable::Inserted ConnectionTable::Insert(const ConnectionDraft& draft, net::Nanos now) {
  const std::lock_guard guard(lock_);
  Inserted inserted{};
  inserted.result = Place(draft, now, places_ - options_.capacity, inserted.original);
  return inserted;
}

ConnectionTable::Inserted ConnectionTable::Replace(Connection& old, const ConnectionDraft& draft,
                                                   net::Nanos now) {
  const std::lock_guard guard(lock_);
  RemoveLocked(old);
  Inserted inserted{};
  inserted.result = Place(draft, now, 0, inserted.original);
  return inserted;
}

ConnectionTable::Result ConnectionTable::Place(const ConnectionDraft& draft, net::Nanos now,
                                               std::uint32_t spare, Direction*& original) {
  original = Find(draft.original);
  if (original != nullptr) {
    return Result::kExists;
  }
  const net::FlowTuple reply_key = draft.translated.Reversed();
  if (reply_key == draft.original || Find(reply_key) != nullptr) {
    return Result::kClash;
  }
  std::atomic<std::uint32_t>& of_port = by_port_[draft.ingress.value()];
  if (of_port.load(std::memory_order_relaxed) >= options_.quota_per_port) {
    return Result::kQuota;
  }
  const std::uint32_t slot = TakeSlot(spare);
  if (slot == places_) {
    return Result::kFull;
  }
  Connection& connection = connections_[slot];
  connection.original.reply = false;
  connection.reply.reply = true;
  Fill(connection.original, connection.cold_original,
       {draft.original, draft.translated, draft.ingress, draft.adjacency}, draft, now);
  Fill(connection.reply, connection.cold_reply,
       {reply_key, draft.original.Reversed(), draft.egress, draft.reply_adjacency}, draft, now);
  if (!AddKey(draft.original, connection.original)) {
    free_.push_back(slot);
    return Result::kFull;
  }
  if (!AddKey(reply_key, connection.reply)) {
    // Somebody may have found the original direction already.
    Retire({slot, DeleteKey(draft.original), kNoPosition, rcu_.Start()});
    return Result::kFull;
  }
  live_[slot].store(true, std::memory_order_release);
  size_.fetch_add(1, std::memory_order_relaxed);
  of_port.fetch_add(1, std::memory_order_relaxed);
  original = &connection.original;
  return Result::kInserted;
}

// A free slot; places_ if there is none.
std::uint32_t ConnectionTable::TakeSlot(std::uint32_t spare) {
  const auto left = [&] {
    return free_.size() + places_ - high_water_.load(std::memory_order_relaxed);
  };
  if (left() <= spare || free_.empty()) {
    ReclaimLocked(kReclaimBudget);
  }
  if (left() <= spare) {
    return places_;
  }
  if (!free_.empty()) {
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  const std::uint32_t next = high_water_.load(std::memory_order_relaxed);
  if (next < places_) {
    high_water_.store(next + 1, std::memory_order_release);
  }
  return next;
}

void ConnectionTable::Remove(Connection& connection) {
  const std::lock_guard guard(lock_);
  RemoveLocked(connection);
}

void ConnectionTable::RemoveLocked(Connection& connection) {
  const auto slot = static_cast<std::uint32_t>(&connection - connections_.get());
  if (!live_[slot].load(std::memory_order_relaxed)) {
    return;
  }
  live_[slot].store(false, std::memory_order_relaxed);
  size_.fetch_sub(1, std::memory_order_relaxed);
  by_port_[connection.original.ingress.value()].fetch_sub(1, std::memory_order_relaxed);
  const std::uint32_t original = DeleteKey(KeyOf(connection, false));
  const std::uint32_t reply = DeleteKey(KeyOf(connection, true));
  Retire({slot, original, reply, rcu_.Start()});
}

void ConnectionTable::Retire(const Retired& retired) {
  retired_[(retired_first_ + retired_count_) % retired_.size()] = retired;
  retired_count_.store(retired_count_ + 1, std::memory_order_relaxed);
}

void ConnectionTable::Reclaim() {
  if (retired_count_.load(std::memory_order_relaxed) > 0) {
    const std::lock_guard guard(lock_);
    ReclaimLocked(kReclaimBudget);
  }
}

void ConnectionTable::ReclaimLocked(unsigned budget) {
  for (; budget > 0 && retired_count_ > 0; --budget) {
    const Retired& first = retired_[retired_first_];
    if (!rcu_.Passed(first.token)) {
      return;
    }
    rte_hash* hash = HashOf(connections_[first.connection].original.v6);
    rte_hash_free_key_with_position(hash, static_cast<std::int32_t>(first.original_position));
    if (first.reply_position != kNoPosition) {
      rte_hash_free_key_with_position(hash, static_cast<std::int32_t>(first.reply_position));
    }
    free_.push_back(first.connection);
    retired_first_ = (retired_first_ + 1) % retired_.size();
    retired_count_.store(retired_count_ - 1, std::memory_order_relaxed);
  }
}

}  // namespace pollux::tables
