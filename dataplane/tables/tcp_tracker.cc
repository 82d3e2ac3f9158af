#include "dataplane/tables/tcp_tracker.h"

#include <algorithm>

namespace pollux::tables {
namespace {

using Header = net::TcpHeader;

constexpr std::uint8_t kUrg = 0x20;

// Bit n: the flags n may come together; PSH, ECE and CWR may come with any.
constexpr std::uint64_t Bit(unsigned flags) { return std::uint64_t{1} << flags; }
constexpr std::uint64_t kValidFlags =
    Bit(Header::kSyn) | Bit(Header::kSyn | kUrg) | Bit(Header::kSyn | Header::kAck) |
    Bit(Header::kRst) | Bit(Header::kRst | Header::kAck) | Bit(Header::kFin | Header::kAck) |
    Bit(Header::kFin | Header::kAck | kUrg) | Bit(Header::kAck) | Bit(Header::kAck | kUrg);

bool ValidFlags(std::uint8_t flags) {
  constexpr unsigned kJudged = Header::kFin | Header::kSyn | Header::kRst | Header::kAck | kUrg;
  return (kValidFlags >> (flags & kJudged) & 1) != 0;
}

bool IsWithin(std::uint32_t value, std::uint32_t first, std::uint32_t last) {
  return AtOrBefore(first, value) && AtOrBefore(value, last);
}

std::uint32_t Later(std::uint32_t a, std::uint32_t b) { return AtOrBefore(a, b) ? b : a; }

// How far behind a side's sender its packets may be: its largest window, and the slack.
std::uint32_t Reach(const TcpSide& side, bool scaled) {
  return (std::uint32_t{side.max_window} << (scaled ? side.scale : 0)) + kTcpReorderBytes;
}

bool BothScale(const TcpSide& own, const TcpSide& peer) {
  return (own.flags & peer.flags & TcpSide::kScaled) != 0;
}

// `limit`: where the peer's window ends.
bool InWindow(const TcpSegment& segment, const TcpSide& own, const TcpSide& peer,
              std::uint32_t limit) {
  const bool scaled = BothScale(own, peer);
  return IsWithin(segment.end(), own.end - Reach(peer, scaled), limit + 1) &&
         IsWithin(segment.acknowledgement, peer.end - Reach(own, scaled), peer.end);
}

// Of a segment with ACK: what it acknowledges, and what it lets the peer send.
void LearnAcknowledgement(const TcpSegment& segment, TcpSide& own, const TcpSide& peer,
                          unsigned scale) {
  const std::uint32_t limit = segment.acknowledgement + (std::uint32_t{segment.window} << scale);
  if (own.Has(TcpSide::kAcknowledged)) {
    own.acknowledged = Later(own.acknowledged, segment.acknowledgement);
    own.limit = Later(own.limit, limit);
  } else {
    own.acknowledged = segment.acknowledgement;
    own.limit = limit;
    own.flags |= TcpSide::kAcknowledged;
  }
  if (peer.Has(TcpSide::kFin) && segment.acknowledgement == peer.end) {
    own.flags |= TcpSide::kFinAcknowledged;
  }
}

// Of an accepted segment with ACK and without SYN.
void Learn(const TcpSegment& segment, TcpSide& own, const TcpSide& peer) {
  own.end = own.Seen() ? Later(own.end, segment.end()) : segment.end();
  own.max_window = std::max(own.max_window, segment.window);
  if (segment.Has(Header::kFin)) {
    own.flags |= TcpSide::kFin;
  }
  LearnAcknowledgement(segment, own, peer, BothScale(own, peer) ? own.scale : 0);
}

// Of a side's first SYN, or one that begins anew. Its window has no scale (RFC 7323 section 2.2).
void LearnSyn(const TcpSegment& segment, TcpSide& own, const TcpSide& peer) {
  const auto flags =
      static_cast<std::uint8_t>((own.flags & TcpSide::kPickedUp) | TcpSide::kSyn |
                                (segment.window_scale.has_value() ? TcpSide::kScaled : 0));
  own = {.end = segment.end(),
         .acknowledged = segment.sequence + 1,
         .scale = std::min(segment.window_scale.value_or(0), TcpSide::kMaxScale),
         .flags = flags};
  if (segment.Has(Header::kAck)) {
    LearnAcknowledgement(segment, own, peer, 0);
  }
}

// A side of which no more than a SYN was seen.
bool OnlySyn(const TcpSide& side) { return side.Seen() && !side.Has(TcpSide::kAcknowledged); }

// Does it acknowledge the peer's SYN, with all, some or none of the data in it (RFC 7413)?
bool AnswersSyn(const TcpSegment& segment, const TcpSide& peer) {
  return OnlySyn(peer) && segment.Has(Header::kAck) &&
         IsWithin(segment.acknowledgement, peer.acknowledged, peer.end);
}

// As RFC 5961 section 3.2: the exact number resets, another one in the window makes the receiver
// ask, so it passes and changes nothing. Only the receiver knows its next number exactly; it is
// taken for that if it is the last that either of them named.
TcpOutcome TrackReset(const TcpSegment& segment, TcpSide& own, const TcpSide& peer) {
  if (!own.Seen() && !peer.Has(TcpSide::kAcknowledged)) {
    if (!AnswersSyn(segment, peer)) {
      return TcpOutcome::kOutOfWindow;
    }
    own.flags |= TcpSide::kReset;
    return TcpOutcome::kAccepted;
  }
  const std::uint32_t at = segment.sequence;
  const bool limit_known = peer.Has(TcpSide::kAcknowledged);
  const bool exact = (own.Seen() && at == own.end) || (limit_known && at == peer.acknowledged) ||
                     AnswersSyn(segment, peer);
  // Without an answer of the peer there is no window yet: it may answer a challenge ACK.
  const bool possible =
      limit_known ? IsWithin(at, peer.acknowledged, peer.limit + 1) : !peer.Seen();
  if (!exact && !possible) {
    return TcpOutcome::kOutOfWindow;
  }
  if (exact) {
    own.flags |= TcpSide::kReset;
  }
  return TcpOutcome::kAccepted;
}

// A SYN without ACK. Amid a live connection it passes, for the sender may have lost its memory: the
// receiver answers with a challenge ACK, and the RST that this brings closes the connection
// (RFC 9293 section 3.5.1).
TcpOutcome TrackSyn(const TcpSegment& segment, TcpSide& own, const TcpSide& peer) {
  const TcpState state = StateOf(own, peer);
  if (state == TcpState::kClosed || state == TcpState::kTimeWait) {
    return TcpOutcome::kReopen;
  }
  const bool repeated = OnlySyn(own) && segment.sequence + 1 == own.acknowledged;
  if (repeated) {
    own.end = Later(own.end, segment.end());
  } else if (!peer.Seen() || (!own.Seen() && OnlySyn(peer))) {
    LearnSyn(segment, own, peer);
  } else {
    own.flags |= TcpSide::kSynAgain;
  }
  return TcpOutcome::kAccepted;
}

// Where the peer's window ends if it has not said so yet: its SYN's window is at most 64 KB.
std::uint32_t LimitFor(const TcpSide& own, const TcpSide& peer) {
  return peer.Has(TcpSide::kAcknowledged) ? peer.limit : own.end + kTcpReorderBytes;
}

TcpOutcome TrackSynAck(const TcpSegment& segment, TcpSide& own, const TcpSide& peer) {
  if (!own.Seen()) {
    if (!AnswersSyn(segment, peer) && !own.Has(TcpSide::kPickedUp)) {
      return TcpOutcome::kOutOfWindow;
    }
    LearnSyn(segment, own, peer);
    return TcpOutcome::kAccepted;
  }
  if (peer.Seen() && InWindow(segment, own, peer, LimitFor(own, peer))) {
    own.flags |= TcpSide::kSyn;
    own.end = Later(own.end, segment.end());
    LearnAcknowledgement(segment, own, peer, 0);
    return TcpOutcome::kAccepted;
  }
  // Both ends begin a new connection on the remains of this one: the repeated SYN reopens it.
  if (peer.Has(TcpSide::kSynAgain)) {
    own.flags |= TcpSide::kReset;
  }
  return TcpOutcome::kOutOfWindow;
}

// Of a connection that was picked up, the first segment seen may have been a repetition, so the
// peer may acknowledge more than was seen sent: what was accepted once is accepted again.
bool InPickedUpWindow(const TcpSegment& segment, const TcpSide& own, TcpSide peer) {
  if (!own.Has(TcpSide::kPickedUp) && !peer.Has(TcpSide::kPickedUp)) {
    return false;
  }
  if (!own.Seen() || !peer.Seen()) {
    return true;
  }
  peer.end = Later(peer.end, own.Has(TcpSide::kAcknowledged) ? own.acknowledged : peer.end);
  return InWindow(segment, own, peer, LimitFor(own, peer));
}

TcpOutcome TrackAck(const TcpSegment& segment, TcpSide& own, const TcpSide& peer) {
  const bool fits = own.Seen() && peer.Seen() && InWindow(segment, own, peer, LimitFor(own, peer));
  if (fits || InPickedUpWindow(segment, own, peer)) {
    Learn(segment, own, peer);
    return TcpOutcome::kAccepted;
  }
  // The peer's SYN met what is left of an older connection.
  const bool challenge = !own.Seen() && OnlySyn(peer) && segment.end() == segment.sequence;
  return challenge ? TcpOutcome::kAccepted : TcpOutcome::kOutOfWindow;
}

[[gnu::noinline]] TcpOutcome TrackUncommon(const TcpSegment& segment, TcpSide& own,
                                           const TcpSide& peer) {
  if (!ValidFlags(segment.flags)) {
    return TcpOutcome::kInvalidFlags;
  }
  if (segment.Has(Header::kRst)) {
    return TrackReset(segment, own, peer);
  }
  if (!segment.Has(Header::kSyn)) {
    return TrackAck(segment, own, peer);
  }
  return segment.Has(Header::kAck) ? TrackSynAck(segment, own, peer) : TrackSyn(segment, own, peer);
}

}  // namespace

TcpOutcome Track(const TcpSegment& segment, TcpSide& own, const TcpSide& peer) {
  constexpr unsigned kCommon = Header::kFin | Header::kSyn | Header::kRst | Header::kAck;
  const bool common = (segment.flags & kCommon) == Header::kAck &&
                      (own.flags & peer.flags & TcpSide::kAcknowledged) != 0;
  if (common && InWindow(segment, own, peer, peer.limit)) [[likely]] {
    Learn(segment, own, peer);
    return TcpOutcome::kAccepted;
  }
  return TrackUncommon(segment, own, peer);
}

std::optional<std::uint8_t> ReadWindowScale(std::span<const std::uint8_t> options) {
  constexpr std::uint8_t kEnd = 0;
  constexpr std::uint8_t kNop = 1;
  constexpr std::uint8_t kWindowScale = 3;
  while (!options.empty() && options[0] != kEnd) {
    if (options[0] == kNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) {
      return std::nullopt;
    }
    if (options[0] == kWindowScale && options[1] == 3) {
      return std::min(options[2], TcpSide::kMaxScale);
    }
    options = options.subspan(options[1]);
  }
  return std::nullopt;
}

std::string_view Name(TcpOutcome outcome) {
  switch (outcome) {
    case TcpOutcome::kAccepted:
      return "accepted";
    case TcpOutcome::kOutOfWindow:
      return "out_of_window";
    case TcpOutcome::kInvalidFlags:
      return "invalid_flags";
    case TcpOutcome::kReopen:
      return "reopen";
  }
  return "unknown";
}

}  // namespace pollux::tables
