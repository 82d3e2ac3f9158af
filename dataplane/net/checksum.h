// The Internet checksum (RFC 1071), its incremental update (RFC 1624 equation 3) and the
// pseudo-headers of IPv4 (RFC 9293 section 3.1) and IPv6 (RFC 8200 section 8.1).
//
// Sums are kept as 64-bit one's-complement accumulators over 16-bit words as they lie in memory;
// the folded result is stored as it is (BigEndian::FromRaw), so no byte is swapped anywhere.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/net/endian.h"
#include "dataplane/net/headers.h"

namespace pollux::net {

// A running one's-complement sum.
class ChecksumAccumulator {
 public:
  // Bytes that continue the message where the last call ended; odd lengths may follow each other.
  void Add(std::span<const std::uint8_t> bytes);
  // Sum of whole 16-bit words in network order, at an even position.
  constexpr void AddWord(Be16 word) { sum_ += word.raw(); }

  // The folded sum, not complemented: what a partial checksum field holds (virtio NEEDS_CSUM).
  [[nodiscard]] std::uint16_t FoldedRaw() const;
  // The checksum to store in a header.
  [[nodiscard]] Be16 Finish() const {
    return Be16::FromRaw(static_cast<std::uint16_t>(~FoldedRaw()));
  }

 private:
  std::uint64_t sum_ = 0;
  bool odd_ = false;
};

// Over one run of bytes.
Be16 InternetChecksum(std::span<const std::uint8_t> bytes);

// The pseudo-header's contribution for an L4 message of `l4_length` bytes.
ChecksumAccumulator PseudoHeaderSum(const Ipv4Header& ip, IpProtocol protocol,
                                    std::uint32_t l4_length);
ChecksumAccumulator PseudoHeaderSum(const Ipv6Header& ip, IpProtocol protocol,
                                    std::uint32_t l4_length);

// RFC 1624: the checksum after one 16-bit word changed from `before` to `after`.
inline Be16 UpdateChecksum(Be16 checksum, Be16 before, Be16 after) {
  std::uint32_t sum = static_cast<std::uint16_t>(~checksum.raw());
  sum += static_cast<std::uint16_t>(~before.raw());
  sum += after.raw();
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return Be16::FromRaw(static_cast<std::uint16_t>(~sum));
}

// Whether the checksum of a header without options holds.
inline bool Ipv4HeaderChecksumHolds(const Ipv4Header& ip) {
  static_assert(sizeof ip == 5 * sizeof(std::uint32_t));
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < 5; ++i) {
    std::uint32_t word;
    std::memcpy(&word, reinterpret_cast<const std::uint8_t*>(&ip) + i * sizeof word, sizeof word);
    sum += word;
  }
  // A one's-complement sum folds to all ones exactly if 0xffff divides it (and it is not 0, which
  // the version excludes); compilers make that one multiplication.
  return sum % 0xffff == 0;
}

// Decrements TTL and updates the header's checksum (RFC 1141's special case of RFC 1624).
inline void DecrementTtl(Ipv4Header& ip) {
  --ip.ttl;
  // TTL is the high byte of its word, the first in memory: minus 1 there is plus 1 in the sum.
  // All ones and zero are the same number there, but only zero is what a sum over the header gives
  // (RFC 1624 section 3).
  const std::uint32_t sum = ip.checksum.raw() + 1U;
  ip.checksum = Be16::FromRaw(static_cast<std::uint16_t>(sum + (sum >= 0xffff ? 1U : 0U)));
}

}  // namespace pollux::net
