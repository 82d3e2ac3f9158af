#include "dataplane/stages/follow_sctp.h"

#include "dataplane/tables/connection_table.h"
#include "dataplane/tables/sctp_tracker.h"

namespace pollux::stages {

using core::DropReason;
using core::Verdict;
using tables::SctpOutcome;
using tables::SctpSide;

std::optional<net::SctpPacket> FollowSctp::Read(const core::Packet& packet) {
  constexpr std::uint32_t kUnknownLength = 0xffff;  // of the whole, in a first fragment
  return net::ReadSctp(
      {packet.head + packet.l4_offset, packet.head + packet.head_length},
      packet.is_fragment ? kUnknownLength : packet.frame_length() - packet.l4_offset);
}

namespace {

bool ChangesPorts(tables::Direction& direction) {
  const net::FlowTuple key = KeyOf(tables::ConnectionOf(direction), direction.reply);
  return key.source_port != direction.new_source_port ||
         key.destination_port != direction.new_destination_port;
}

}  // namespace

Verdict FollowSctp::Follow(core::Packet& packet, tables::Direction& direction) {
  if (packet.is_fragment && ChangesPorts(direction)) {
    return Verdict::Drop(DropReason::kSctpFragment);
  }
  const std::optional<net::SctpPacket> sctp = Read(packet);
  if (!sctp) {
    return Verdict::Drop(DropReason::kSctpInvalid);
  }
  tables::SharedSide& own = tables::ColdOf(direction).side;
  tables::SharedSide& peer = tables::ColdOf(tables::OppositeOf(direction)).side;
  SctpSide side = own.Load<SctpSide>();
  SctpOutcome outcome = tables::Track(*sctp, side, peer.Load<SctpSide>());
  if (outcome == SctpOutcome::kReopen) {
    peer.Store(SctpSide{});
    side = {};
    outcome = tables::Track(*sctp, side, {});
  }
  if (outcome != SctpOutcome::kAccepted) {
    return Verdict::Drop(outcome == SctpOutcome::kWrongTag ? DropReason::kSctpTag
                                                           : DropReason::kSctpNotOpening);
  }
  own.Store(side);
  return Verdict::Continue();
}

}  // namespace pollux::stages
