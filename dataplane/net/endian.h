// Network-order integers as types of their own.
//
// Why: on the wire every integer is big endian and unaligned. A plain uint16_t says neither, and
// the bug of a missing or doubled byte swap is silent. BigEndian<T> stores the bytes as they lie on
// the wire (alignment 1, so header structs overlay any buffer) and converts only when asked to.
// No arithmetic, no implicit conversion, no ordering: convert with value() first.
// Threading: plain values.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace pollux::net {

static_assert(std::endian::native == std::endian::little, "byte swaps assume a little-endian host");

template <std::unsigned_integral T>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  explicit constexpr BigEndian(T host) { set(host); }

  // The value in host order.
  [[nodiscard]] constexpr T value() const { return Swap(raw()); }
  constexpr void set(T host) { bytes_ = std::bit_cast<Bytes>(Swap(host)); }

  // The bytes as they lie on the wire, read as a host integer: for hashing, comparing and
  // one's-complement sums, where byte order does not matter.
  [[nodiscard]] constexpr T raw() const { return std::bit_cast<T>(bytes_); }
  [[nodiscard]] static constexpr BigEndian FromRaw(T raw) {
    BigEndian result;
    result.bytes_ = std::bit_cast<Bytes>(raw);
    return result;
  }

  friend constexpr bool operator==(BigEndian, BigEndian) = default;

 private:
  using Bytes = std::array<std::uint8_t, sizeof(T)>;

  static constexpr T Swap(T v) {
    if constexpr (sizeof(T) == 2) {
      return __builtin_bswap16(v);
    } else if constexpr (sizeof(T) == 4) {
      return __builtin_bswap32(v);
    } else {
      static_assert(sizeof(T) == 8);
      return __builtin_bswap64(v);
    }
  }

  Bytes bytes_{};
};

using Be16 = BigEndian<std::uint16_t>;
using Be32 = BigEndian<std::uint32_t>;
using Be64 = BigEndian<std::uint64_t>;

static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1);
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);
static_assert(sizeof(Be64) == 8 && alignof(Be64) == 1);

}  // namespace pollux::net
