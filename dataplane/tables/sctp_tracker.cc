#include "dataplane/tables/sctp_tracker.h"

namespace pollux::tables {
namespace {

using net::SctpChunk;
using net::SctpPacket;

// What packets to a side must bear: as it said, else, where no handshake was seen, as they always
// did. 0: nobody knows yet.
std::uint32_t TagOf(const SctpSide& side, const SctpSide& peer) {
  return side.tag != 0 ? side.tag : peer.answered;
}

bool IsPending(const SctpSide& side, std::uint32_t tag) { return tag != 0 && side.pending == tag; }

// Its first tag holds at once, a later one when the peer has used it.
void LearnTag(std::uint32_t initiate_tag, SctpSide& own, const SctpSide& peer) {
  own.tag = TagOf(own, peer);
  if (own.tag == 0) {
    own.tag = initiate_tag;
  }
  own.pending = initiate_tag == own.tag ? 0 : initiate_tag;
}

// A new association takes the old one's place.
void Adopt(SctpSide& own, const SctpSide& peer) {
  if (IsPending(own, peer.answered)) {
    own.tag = own.pending;
    own.pending = 0;
    own.flags = 0;
  }
}

SctpOutcome TrackInit(const SctpPacket& packet, SctpSide& own, const SctpSide& peer) {
  if (packet.verification_tag != 0) {
    return SctpOutcome::kWrongTag;
  }
  if (StateOf(own, peer) == SctpState::kClosed) {
    return SctpOutcome::kReopen;
  }
  LearnTag(packet.initiate_tag, own, peer);
  own.flags |= SctpSide::kInit;
  return SctpOutcome::kAccepted;
}

// Of a packet with the right tag: all its chunks, but that SHUTDOWN COMPLETE answers something.
void Learn(const SctpPacket& packet, SctpSide& own, const SctpSide& peer) {
  if (packet.Has(SctpChunk::kCookieAck) && peer.Has(SctpSide::kCookieEcho)) {
    Adopt(own, peer);
    own.flags |= SctpSide::kCookieAck;
  }
  const auto note = [&](SctpChunk chunk, std::uint32_t flag, bool counts) {
    own.flags |= packet.Has(chunk) && counts ? flag : 0;
  };
  note(SctpChunk::kHeartbeatAck, SctpSide::kHeartbeatAck, peer.Has(SctpSide::kHeartbeat));
  note(SctpChunk::kShutdown, SctpSide::kShutdown, true);
  note(SctpChunk::kShutdownAck, SctpSide::kShutdownAck, true);
  note(SctpChunk::kShutdownComplete, SctpSide::kShutdownComplete, peer.Has(SctpSide::kShutdownAck));
  note(SctpChunk::kAbort, SctpSide::kAbort, true);
}

// Of an association whose beginning was not seen: the direction's first packet.
SctpOutcome TrackFirst(const SctpPacket& packet, SctpSide& own, const SctpSide& peer) {
  const bool picked_up = own.Has(SctpSide::kPickedUp) || peer.Has(SctpSide::kPickedUp);
  const bool heartbeat = packet.first == SctpChunk::kHeartbeat;
  const bool answer = packet.first == SctpChunk::kHeartbeatAck && peer.Has(SctpSide::kHeartbeat);
  if (packet.verification_tag == 0 || !(picked_up || heartbeat || answer)) {
    return SctpOutcome::kNotOpening;
  }
  own.answered = packet.verification_tag;
  own.flags |= heartbeat ? SctpSide::kHeartbeat : 0;
  Learn(packet, own, peer);
  return SctpOutcome::kAccepted;
}

// INIT ACK and COOKIE ECHO, which may bear the tag of an association that is only beginning.
SctpOutcome TrackHandshake(const SctpPacket& packet, SctpSide& own, const SctpSide& peer) {
  const std::uint32_t tag = packet.verification_tag;
  if (TagOf(peer, own) == 0 && TrackFirst(packet, own, peer) != SctpOutcome::kAccepted) {
    return SctpOutcome::kNotOpening;
  }
  if (tag != TagOf(peer, own) && !IsPending(peer, tag)) {
    return SctpOutcome::kWrongTag;
  }
  if (packet.first == SctpChunk::kInitAck) {
    LearnTag(packet.initiate_tag, own, peer);
  } else {
    // Does it answer the peer's last INIT ACK, the one that `answered` is of?
    if (peer.pending == 0 || tag == peer.pending) {
      Adopt(own, peer);
    }
    own.flags |= SctpSide::kCookieEcho;
  }
  own.answered = tag;
  return SctpOutcome::kAccepted;
}

bool MayReflect(SctpChunk chunk) {
  return chunk == SctpChunk::kAbort || chunk == SctpChunk::kShutdownComplete;
}

SctpOutcome TrackOther(const SctpPacket& packet, SctpSide& own, const SctpSide& peer) {
  const std::uint32_t tag = packet.verification_tag;
  const bool reflected = packet.reflected && MayReflect(packet.first);
  const std::uint32_t expected = reflected ? TagOf(own, peer) : TagOf(peer, own);
  if (expected == 0) {
    return reflected ? SctpOutcome::kNotOpening : TrackFirst(packet, own, peer);
  }
  if (tag == expected) {
    Learn(packet, own, peer);
    return SctpOutcome::kAccepted;
  }
  // It refuses a new association: the old one goes on (RFC 9260 section 5.2.2).
  const bool refusal = packet.first == SctpChunk::kAbort && !reflected && IsPending(peer, tag);
  return refusal ? SctpOutcome::kAccepted : SctpOutcome::kWrongTag;
}

}  // namespace

SctpOutcome Track(const SctpPacket& packet, SctpSide& own, const SctpSide& peer) {
  switch (packet.first) {
    case SctpChunk::kInit:
      return TrackInit(packet, own, peer);
    case SctpChunk::kInitAck:
    case SctpChunk::kCookieEcho:
      return TrackHandshake(packet, own, peer);
    default:
      return TrackOther(packet, own, peer);
  }
}

std::string_view Name(SctpOutcome outcome) {
  switch (outcome) {
    case SctpOutcome::kAccepted:
      return "accepted";
    case SctpOutcome::kWrongTag:
      return "wrong_tag";
    case SctpOutcome::kNotOpening:
      return "not_opening";
    case SctpOutcome::kReopen:
      return "reopen";
  }
  return "unknown";
}

}  // namespace pollux::tables
