// CRC32c, the checksum of SCTP (RFC 9260 appendix A), and what changing a packet's ports adds to
// it.
//
// Theory of operation. SCTP's checksum covers the whole packet, and a switch that changes ports
// must not read payload. It need not: but for constants that depend on the length alone, a CRC is
// linear, so the XOR of the checksums of two packets of one length is the CRC (without those
// constants) of the XOR of the packets. If they differ in their first four bytes only, that is
//
//   difference(x) * x^(8 * (4 + bytes following))  mod P(x)
//
// which costs one multiplication modulo P for each hexadecimal digit of the length that is not 0,
// four at most for an IP packet, whatever lies in the packet. A checksum that was wrong stays
// wrong.
//
// The first bit on the wire is the lowest bit of the first byte and stands for the highest power.
// Values are numbers whose bytes lie on the wire from the lowest to the highest, as SCTP stores
// its checksum: Be32::raw() and Be32::FromRaw() of the field (endian.h), nothing is swapped.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <span>

namespace pollux::net {

// Over the whole message. SCTP: with zero in the place of the checksum.
std::uint32_t Crc32c(std::span<const std::uint8_t> bytes);

// What is XORed to the CRC of a message when `difference` is XORed to its first four bytes (as they
// lie there, raw), and `bytes_following` bytes come behind them.
std::uint32_t Crc32cDelta(std::uint32_t difference, std::uint32_t bytes_following);

}  // namespace pollux::net
