// What one direction of an SCTP association has sent: all that connection tracking remembers of it.
//
// As TcpSide: each direction has a record that only its own worker writes and that the other
// direction's worker reads to judge its packets (SharedSide).
// Threading: a plain value.
#pragma once

#include <cstdint>
#include <string_view>

namespace pollux::tables {

// Tags are in host order; 0 is none, for no association has it (RFC 9260 section 3.3.2).
struct SctpSide {
  std::uint32_t tag = 0;      // the peer's packets must bear it: its INIT or INIT ACK said so
  std::uint32_t pending = 0;  // as a later INIT or INIT ACK said: holds when the peer has used it
  // What its last INIT ACK or COOKIE ECHO bore. Of an association whose beginning was not seen:
  // what all its packets bear.
  std::uint32_t answered = 0;
  std::uint32_t flags = 0;  // below

  static constexpr std::uint32_t kInit = 0x01;
  static constexpr std::uint32_t kCookieEcho = 0x02;
  static constexpr std::uint32_t kCookieAck = 0x04;
  static constexpr std::uint32_t kShutdown = 0x08;
  static constexpr std::uint32_t kShutdownAck = 0x10;
  static constexpr std::uint32_t kShutdownComplete = 0x20;
  static constexpr std::uint32_t kAbort = 0x40;
  static constexpr std::uint32_t kHeartbeat = 0x80;      // its first packet: another path's, likely
  static constexpr std::uint32_t kHeartbeatAck = 0x100;  // it answered that
  static constexpr std::uint32_t kPickedUp = 0x200;      // its INIT was not seen

  // For an association whose beginning was not seen: each side's first packet teaches its tag.
  static constexpr SctpSide PickedUp() { return {.flags = kPickedUp}; }

  [[nodiscard]] constexpr bool Has(std::uint32_t flag) const { return (flags & flag) != 0; }

  friend constexpr bool operator==(const SctpSide&, const SctpSide&) = default;
};
static_assert(sizeof(SctpSide) == 16);

// After RFC 9260 section 4, as seen from between both ends.
enum class SctpState : std::uint8_t {
  kNone,
  kHeartbeatSent,    // of an association that began on another path
  kCookieWait,       // INIT
  kCookieEchoed,     // COOKIE ECHO
  kEstablished,      // COOKIE ACK
  kShutdownSent,     // SHUTDOWN
  kShutdownAckSent,  // SHUTDOWN ACK
  kClosed,           // SHUTDOWN COMPLETE or ABORT
};

// The order of the two does not matter.
SctpState StateOf(const SctpSide& original, const SctpSide& reply);
std::string_view Name(SctpState state);  // "cookie_wait"

}  // namespace pollux::tables
