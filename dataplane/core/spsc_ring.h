// A bounded ring from one thread to one other: how workers tell the control side things.
//
// Threading: TryPush by one producer thread, TryPop by one consumer thread. Neither waits; a full
// ring refuses (the producer counts what it could not tell).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace pollux::core {

template <typename T>
class SpscRing {
 public:
  explicit SpscRing(std::size_t at_least)
      : mask_(std::bit_ceil(at_least) - 1), slots_(std::make_unique<T[]>(mask_ + 1)) {}

  // Calls fill(slot) on the next free slot, in place; false if the ring is full.
  template <typename Fill>
  bool TryPushInPlace(Fill&& fill) {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) > mask_) {
      return false;
    }
    fill(slots_[head & mask_]);
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  bool TryPush(const T& value) {
    return TryPushInPlace([&](T& slot) { slot = value; });
  }

  // Calls take(slot) on the oldest entry; false if the ring is empty.
  template <typename Take>
  bool TryPopInPlace(Take&& take) {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) {
      return false;
    }
    take(slots_[tail & mask_]);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  bool TryPop(T& value) {
    return TryPopInPlace([&](T& slot) { value = slot; });
  }

 private:
  const std::uint64_t mask_;
  const std::unique_ptr<T[]> slots_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace pollux::core
