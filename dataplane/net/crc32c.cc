#include "dataplane/net/crc32c.h"

#include <array>
#include <cstddef>

namespace pollux::net {
namespace {

// Polynomials of a degree below 32, x^0 in the highest bit. P is Castagnoli's, without its x^32.
constexpr std::uint32_t kPolynomial = 0x82f63b78;
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t TimesX(std::uint32_t a) {
  return (a >> 1) ^ ((a & 1U) != 0 ? kPolynomial : 0);
}

// Adds b * x^n for each x^n in a. Without a branch on the bits, which are random.
constexpr std::uint32_t Multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (; a != 0; a <<= 1, b = TimesX(b)) {
    product ^= b & (0U - (a >> 31));
  }
  return product;
}

constexpr unsigned kDigits = 9;  // hexadecimal, of a 32-bit length and 4
using Powers = std::array<std::array<std::uint32_t, 16>, kDigits>;

// [i][d]: x^(8 * d * 16^i) mod P, by which a CRC is multiplied when so many zero bytes follow.
constexpr Powers kPowers = [] {
  Powers powers{};
  std::uint32_t base = kOne >> 8;  // x^8
  for (auto& of_digit : powers) {
    of_digit[0] = kOne;
    for (std::size_t d = 1; d < of_digit.size(); ++d) {
      of_digit[d] = Multiply(of_digit[d - 1], base);
    }
    base = Multiply(of_digit.back(), base);
  }
  return powers;
}();

constexpr std::array<std::uint32_t, 256> kOfByte = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = Multiply(byte, kOne >> 8);
  }
  return table;
}();

}  // namespace

std::uint32_t Crc32c(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc = (crc >> 8) ^ kOfByte[(crc ^ byte) & 0xff];
  }
  return ~crc;
}

std::uint32_t Crc32cDelta(std::uint32_t difference, std::uint32_t bytes_following) {
  std::uint64_t bytes = std::uint64_t{bytes_following} + sizeof difference;
  std::uint32_t delta = difference;
  for (unsigned i = 0; bytes != 0; ++i, bytes >>= 4) {
    if (const std::uint64_t digit = bytes & 0xf; digit != 0) {
      delta = Multiply(kPowers[i][digit], delta);
    }
  }
  return delta;
}

}  // namespace pollux::net
