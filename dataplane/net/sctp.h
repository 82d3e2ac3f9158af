// SCTP's headers as overlays (RFC 9260 section 3), and what the head of a packet says about its
// association.
//
// Only lengths and the first bytes are looked at, never the payload: chunks that lie behind the
// private head (core/packet.h) are not seen.
// Threading: plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/net/endian.h"

namespace pollux::net {

struct SctpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be32 verification_tag;
  Be32 checksum;  // CRC32c, lowest byte first: raw() (crc32c.h)
};
static_assert(sizeof(SctpHeader) == 12);

// IANA's chunk types, as far as they change an association.
enum class SctpChunk : std::uint8_t {
  kData = 0,
  kInit = 1,
  kInitAck = 2,
  kSack = 3,
  kHeartbeat = 4,
  kHeartbeatAck = 5,
  kAbort = 6,
  kShutdown = 7,
  kShutdownAck = 8,
  kError = 9,
  kCookieEcho = 10,
  kCookieAck = 11,
  kShutdownComplete = 14,
};

struct SctpChunkHeader {
  SctpChunk type;
  std::uint8_t flags;
  Be16 length;  // with this header, without padding to a multiple of 4

  // ABORT and SHUTDOWN COMPLETE: the verification tag is the one that the packet had which is
  // answered, for the sender knows of no association.
  static constexpr std::uint8_t kReflected = 0x01;  // "T"
};
static_assert(sizeof(SctpChunkHeader) == 4);

// How INIT and INIT ACK begin.
struct SctpInitChunk {
  SctpChunkHeader header;
  Be32 initiate_tag;  // what its sender wants to see in the packets that it gets
};
static_assert(sizeof(SctpInitChunk) == 8);

// In host order.
struct SctpPacket {
  std::uint32_t verification_tag = 0;
  std::uint32_t initiate_tag = 0;  // of INIT and INIT ACK, never 0 there
  SctpChunk first{};
  bool reflected = false;    // the first chunk's T bit
  std::uint16_t chunks = 0;  // bit n: there is one of type n in the head

  static constexpr std::uint16_t Bit(SctpChunk type) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(type));
  }
  [[nodiscard]] constexpr bool Has(SctpChunk type) const { return (chunks & Bit(type)) != 0; }
};

// `head`: the packet's bytes, from its common header on, as far as they are known; `length`: of the
// whole packet. None if it has no chunk, if its first one's length is impossible, if it has an INIT
// or INIT ACK with tag 0 (section 3.3.2), or if INIT, INIT ACK or SHUTDOWN COMPLETE are not alone
// (section 6.10).
std::optional<SctpPacket> ReadSctp(std::span<const std::uint8_t> head, std::uint32_t length);

}  // namespace pollux::net
