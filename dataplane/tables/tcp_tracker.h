// Which TCP segments belong to a connection: its window is followed from between both ends.
//
// After van Rooij, "Real Stateful TCP Packet Filtering in IP Filter": a segment must lie within
// what the peer's acknowledgements and windows allow, and must acknowledge what the peer has sent.
// So nobody who guesses a 5-tuple gets a byte, a FIN or a RST through (RFC 5961), and a late
// segment of an old connection opens nothing. Theory of operation, for a segment of `own`:
//
//   sequence         own.end - W(peer)   <=  end  <=  peer.limit + 1
//   acknowledgement  peer.end - W(own)   <=  ack  <=  peer.end
//
// W is the side's largest window plus 64 KB for segments that overtook each other: old data is
// answered by the receiver and harms nobody. The 1 is for zero-window probes and lone FINs; a
// keep-alive (end - 1) is old data. A RST has no such slack. What cannot be judged is passed and
// teaches nothing: the receiver answers with a challenge ACK, which passes as well.
// Threading: pure functions; `own` is the caller's, `peer` a copy of what the other worker shares.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/net/headers.h"
#include "dataplane/tables/tcp_side.h"

namespace pollux::tables {

// In host order.
struct TcpSegment {
  std::uint32_t sequence = 0;
  std::uint32_t payload_length = 0;  // of the whole segment, before segmentation
  std::uint32_t acknowledgement = 0;
  std::uint16_t window = 0;
  std::uint8_t flags = 0;                    // net::TcpHeader's
  std::optional<std::uint8_t> window_scale;  // asked for only if SYN is set

  [[nodiscard]] constexpr bool Has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // SYN and FIN take a sequence number each (RFC 9293 section 3.4).
  [[nodiscard]] constexpr std::uint32_t end() const {
    return sequence + payload_length + (Has(net::TcpHeader::kSyn) ? 1 : 0) +
           (Has(net::TcpHeader::kFin) ? 1 : 0);
  }
};

enum class TcpOutcome : std::uint8_t {
  kAccepted,
  kOutOfWindow,
  kInvalidFlags,  // no sender sends this set of flags
  // A SYN over a connection that is closed or in TIME-WAIT (RFC 9293 section 3.6.1). Nothing was
  // learned: start with two new sides. Whether the SYN is new enough is the receiver's to decide,
  // which knows the timestamps (RFC 6191).
  kReopen,
};
std::string_view Name(TcpOutcome outcome);  // "out_of_window"

// Scale of the options behind a TCP header (RFC 7323 section 2.2), at most 14; none if there is
// none, or if the options before it are malformed.
std::optional<std::uint8_t> ReadWindowScale(std::span<const std::uint8_t> options);

inline constexpr std::uint32_t kTcpReorderBytes = 0x10000;

// Is `a` at or before `b` in the circle of sequence numbers?
constexpr bool AtOrBefore(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(b - a) >= 0;
}

// Judges a segment that `own` sent to `peer`, and if it is accepted notes in `own` what it says.
TcpOutcome Track(const TcpSegment& segment, TcpSide& own, const TcpSide& peer);

}  // namespace pollux::tables
