// What one direction of a TCP connection has sent: all that connection tracking remembers of it.
//
// Each direction has a record that only its own worker writes and that the other direction's worker
// reads to judge its packets (SharedSide).
// Threading: a plain value.
#pragma once

#include <cstdint>
#include <string_view>

namespace pollux::tables {

// Sequence numbers are in host order and wrap; windows are bytes << scale (RFC 7323).
struct TcpSide {
  std::uint32_t end = 0;    // behind the highest sequence number that was sent
  std::uint32_t limit = 0;  // the peer may send up to here: highest acknowledgement + window
  // Highest acknowledgement. Until the first: where the SYN's own number ends, without its data.
  std::uint32_t acknowledged = 0;
  std::uint16_t max_window = 0;  // unscaled; those of SYNs, which have no scale, do not count
  std::uint8_t scale = 0;        // as its SYN offered; holds if the peer's offered one as well
  std::uint8_t flags = 0;        // below

  static constexpr std::uint8_t kSyn = 0x01;
  static constexpr std::uint8_t kFin = 0x02;
  static constexpr std::uint8_t kReset = 0x04;
  static constexpr std::uint8_t kAcknowledged = 0x08;     // `limit` and `acknowledged` are known
  static constexpr std::uint8_t kFinAcknowledged = 0x10;  // it acknowledged the peer's FIN
  static constexpr std::uint8_t kScaled = 0x20;           // its SYN offered a scale
  static constexpr std::uint8_t kPickedUp = 0x40;         // its SYN was not seen
  static constexpr std::uint8_t kSynAgain = 0x80;         // a new SYN amid a live connection

  static constexpr std::uint8_t kMaxScale = 14;  // RFC 7323 section 2.3

  // For a connection whose beginning was not seen. Scales are not known and taken for the largest:
  // a window that is too small would cut the connection, one too large lets more guesses pass.
  static constexpr TcpSide PickedUp() { return {.scale = kMaxScale, .flags = kPickedUp | kScaled}; }

  [[nodiscard]] constexpr bool Has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // Has it sent anything that was accepted?
  [[nodiscard]] constexpr bool Seen() const { return Has(kSyn | kAcknowledged); }

  friend constexpr bool operator==(const TcpSide&, const TcpSide&) = default;
};
static_assert(sizeof(TcpSide) == 16);

// After RFC 9293 section 3.3.2, as seen from between both ends.
enum class TcpState : std::uint8_t {
  kNone,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait,    // one FIN, not acknowledged
  kCloseWait,  // one FIN, acknowledged: half closed
  kLastAck,    // both FINs, not both acknowledged
  kTimeWait,   // both FINs acknowledged
  kClosed,     // reset
};

// The order of the two does not matter.
TcpState StateOf(const TcpSide& original, const TcpSide& reply);
std::string_view Name(TcpState state);  // "syn_sent"

}  // namespace pollux::tables
