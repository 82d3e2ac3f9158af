// Which SCTP packets belong to an association: verification tags are followed from between both
// ends.
//
// Theory of operation. Each end chooses a random tag in its INIT or INIT ACK, and all packets that
// it gets must bear it (RFC 9260 section 8.5): whoever has not seen the handshake has one chance in
// 2^32 to get a packet through. The exceptions of section 8.5.1 are followed: INIT bears 0; ABORT
// and SHUTDOWN COMPLETE of an end that knows of no association bear the tag of what they answer
// (T bit).
//
// An end that lost its memory begins anew over a live association (section 5.2): anybody could
// claim that with an INIT, so tags of later INITs and INIT ACKs are pending, and the old ones hold,
// until the peer has used the new one: an INIT's tag in its INIT ACK, when the COOKIE ECHO follows
// that; an INIT ACK's in a COOKIE ECHO, when the COOKIE ACK follows.
//
// A HEARTBEAT may be the first packet, too: with several addresses per end an association has more
// paths than the one with the handshake, each of which is a connection here. Its tags are those of
// the first packet of each direction.
// Threading: pure functions; `own` is the caller's, `peer` a copy of what the other worker shares.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/net/sctp.h"
#include "dataplane/tables/sctp_side.h"

namespace pollux::tables {

enum class SctpOutcome : std::uint8_t {
  kAccepted,
  kWrongTag,
  kNotOpening,  // nothing that belongs to what has been seen, nor begins it
  // An INIT over an association that is closed. Nothing was learned: start with two new sides.
  kReopen,
};
std::string_view Name(SctpOutcome outcome);  // "wrong_tag"

// Whether a packet of no known association may begin one.
constexpr bool Opens(const net::SctpPacket& packet) {
  return packet.first == net::SctpChunk::kInit || packet.first == net::SctpChunk::kHeartbeat;
}

// Judges a packet that `own` sent to `peer`, and if it is accepted notes in `own` what it says.
SctpOutcome Track(const net::SctpPacket& packet, SctpSide& own, const SctpSide& peer);

}  // namespace pollux::tables
