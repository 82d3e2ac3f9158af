// What one direction of a connection has sent, kept for both workers, whatever its protocol.
//
// A side is a value of two 8-byte words (TcpSide, SctpSide), worked on in private. A reader sees
// each word whole, and the first word at least as new as the second: so flags, which belong in the
// second, are never ahead of what they vouch for in the first. What a packet answers was stored
// before that packet was sent on, so only packets that cross on the way are judged by an older
// record. On x86 acquire and release cost nothing here.
// Threading: Store() by the owning worker, Load() by anybody.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace pollux::tables {

class SharedSide {
  using Words = std::array<std::uint64_t, 2>;

 public:
  template <typename Side>
  void Store(const Side& side) {
    const auto words = std::bit_cast<Words>(side);
    first_.store(words[0], std::memory_order_relaxed);
    second_.store(words[1], std::memory_order_release);
  }
  // All zero: nothing was stored. The type is that of the connection's protocol.
  template <typename Side>
  [[nodiscard]] Side Load() const {
    const std::uint64_t second = second_.load(std::memory_order_acquire);
    return std::bit_cast<Side>(Words{first_.load(std::memory_order_relaxed), second});
  }

  void CopyFrom(const SharedSide& other) { Store(other.Load<Words>()); }

 private:
  std::atomic<std::uint64_t> first_{0};
  std::atomic<std::uint64_t> second_{0};
};
static_assert(sizeof(SharedSide) == 16);

}  // namespace pollux::tables
