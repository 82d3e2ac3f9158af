// How a decision that was kept notices that what it was made from has changed.
//
// Theory of operation. Every object that decisions are made from (an endpoint, a route, a backend)
// has a counter here, its epoch. A decision keeps the sum of the epochs of its objects, read before
// it looked at anything else. When an object changes, the control side publishes the change, waits
// until every worker has it, and only then bumps the epoch: whoever reads the new epoch decides by
// the new state, and whoever kept the old sum sees that it differs. Nothing is searched for, and
// what depends on other objects is not touched.
//
// Two kinds of bump, so that the rate of new decisions can be bounded without letting through what
// is forbidden now: one that may forbid something counts in the upper half, any other in the lower.
// A sum of a few epochs is compared by its difference: equal is fresh; only the lower half moved:
// stale, but nothing was closed.
// Both halves wrap. Kept decisions are looked at by the sweep within seconds (ConnectionTable), so
// 65536 closing changes of one object would have to fall between two packets in that time.
//
// Ids are given out and taken back by the control side; an epoch survives its object, so a decision
// that was made from the last owner of an id is stale for the next one (Release bumps).
// Threading: Allocate, Release, Bump by the control side, one at a time; the rest by any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/core/id_pool.h"
#include "dataplane/net/ids.h"

namespace pollux::core {

class Epochs {
 public:
  // Sums of epochs, modulo 2^32.
  using Sum = std::uint32_t;
  enum class Change : std::uint8_t { kOpening, kClosing };
  enum class Age : std::uint8_t { kFresh, kStale, kClosed };

  // Room for objects with ids below `capacity`.
  explicit Epochs(std::uint32_t capacity);

  // 0 if all are in use.
  net::ObjectId Allocate() { return net::ObjectId{ids_.Allocate()}; }
  // What was decided from it is stale from now on.
  void Release(net::ObjectId id);
  void Bump(net::ObjectId id, Change change);

  [[nodiscard]] Sum Of(net::ObjectId id) const {
    return epochs_[id.value()].load(std::memory_order_acquire);
  }
  [[nodiscard]] Sum SumOf(std::span<const net::ObjectId> ids) const {
    Sum sum = 0;
    for (const net::ObjectId id : ids) {
      sum += Of(id);
    }
    return sum;
  }
  static Age Compare(Sum kept, Sum now) {
    const Sum difference = now - kept;
    return difference == 0 ? Age::kFresh : difference < kClosingStep ? Age::kStale : Age::kClosed;
  }
  // A sum that is as far as possible from looking fresh, or only stale, for a long time from `now`.
  static Sum LongClosed(Sum now) { return now + (Sum{1} << 31); }
  [[nodiscard]] std::uint32_t in_use() const { return ids_.in_use(); }
  [[nodiscard]] std::uint32_t available() const { return ids_.available(); }

 private:
  static constexpr Sum kClosingStep = 1U << 16;

  IdPool ids_;
  std::unique_ptr<std::atomic<Sum>[]> epochs_;  // [0] never changes
};

}  // namespace pollux::core
