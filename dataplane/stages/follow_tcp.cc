#include "dataplane/stages/follow_tcp.h"

#include "dataplane/tables/tcp_tracker.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;
using net::TcpHeader;
using tables::Direction;
using tables::TcpOutcome;
using tables::TcpSide;

const TcpHeader& HeaderOf(const Packet& packet) {  // parse has seen it, options and all
  return *reinterpret_cast<const TcpHeader*>(packet.head + packet.l4_offset);
}

tables::TcpSegment SegmentOf(const Packet& packet) {
  const TcpHeader& tcp = HeaderOf(packet);
  const unsigned length = tcp.header_length();
  tables::TcpSegment segment{.sequence = tcp.sequence.value(),
                             .payload_length = packet.frame_length() - packet.l4_offset - length,
                             .acknowledgement = tcp.acknowledgement.value(),
                             .window = tcp.window.value(),
                             .flags = tcp.flags,
                             .window_scale = {}};
  if (segment.Has(TcpHeader::kSyn)) [[unlikely]] {
    segment.window_scale =
        tables::ReadWindowScale({packet.head + packet.l4_offset + sizeof tcp, length - sizeof tcp});
  }
  return segment;
}

}  // namespace

bool FollowTcp::OpensAnew(const Packet& packet, Direction& direction) {
  if (!HeaderOf(packet).opens()) {
    return false;
  }
  const tables::TcpState state = tables::TcpStateOf(tables::ConnectionOf(direction));
  return state == tables::TcpState::kClosed || state == tables::TcpState::kTimeWait;
}

Verdict FollowTcp::Follow(Packet& packet, Direction& direction) {
  tables::SharedSide& shared = tables::ColdOf(direction).side;
  const TcpSide peer = tables::ColdOf(tables::OppositeOf(direction)).side.Load<TcpSide>();
  TcpSide own = shared.Load<TcpSide>();
  const TcpOutcome outcome = tables::Track(SegmentOf(packet), own, peer);
  if (outcome != TcpOutcome::kAccepted) [[unlikely]] {
    return Verdict::Drop(outcome == TcpOutcome::kInvalidFlags ? DropReason::kTcpFlags
                                                              : DropReason::kTcpWindow);
  }
  if (packet.is_fragment && peer.Has(TcpSide::kAcknowledged) &&
      tables::AtOrBefore(own.end, peer.limit)) [[unlikely]] {
    own.end = peer.limit;  // how long the whole segment is nobody knows yet: at most that
  }
  shared.Store(own);
  return Verdict::Continue();
}

}  // namespace pollux::stages
