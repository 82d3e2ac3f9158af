#include "dataplane/stages/connect.h"

#include "dataplane/stages/follow.h"
#include "dataplane/stages/follow_sctp.h"
#include "dataplane/stages/packet_tuple.h"
#include "dataplane/stages/reject.h"
#include "dataplane/stages/snat.h"
#include "dataplane/tables/sctp_tracker.h"
#include "dataplane/tables/tcp_side.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;
using Result = tables::ConnectionTable::Result;

// After a start connections are taken over whose beginning was not seen.
bool IsPickedUp(const Context& ctx) { return ctx.now < ctx.worker.flows->pickup_until; }

DropReason WhyNotOpen(const Context& ctx, const Packet& packet) {
  if (packet.protocol == net::IpProtocol::kTcp) {
    using net::TcpHeader;
    const auto* tcp = packet.HeaderAt<TcpHeader>(packet.l4_offset);
    const bool picked_up =
        IsPickedUp(ctx) && (tcp->flags & (TcpHeader::kRst | TcpHeader::kSyn)) == 0;
    return tcp->opens() || picked_up ? DropReason::kNone : DropReason::kTcpNotOpening;
  }
  if (packet.protocol == net::IpProtocol::kSctp) {
    const auto sctp = FollowSctp::Read(packet);
    return !sctp                                     ? DropReason::kSctpInvalid
           : tables::Opens(*sctp) || IsPickedUp(ctx) ? DropReason::kNone
                                                     : DropReason::kSctpNotOpening;
  }
  if (IsIcmp(packet.protocol) &&
      IcmpRoleOf(packet.protocol, packet.head[packet.l4_offset]) != IcmpRole::kRequest) {
    return DropReason::kIcmpUnrelated;
  }
  return DropReason::kNone;
}

// A connection whose beginning was not seen is followed with more patience.
template <typename Side>
void PickUp(tables::Direction& original) {
  tables::Connection& connection = tables::ConnectionOf(original);
  connection.cold_original.side.Store(Side::PickedUp());
  connection.cold_reply.side.Store(Side::PickedUp());
}

void Begin(const Packet& packet, tables::Direction& original) {
  if (packet.protocol == net::IpProtocol::kTcp) {
    if (!packet.HeaderAt<net::TcpHeader>(packet.l4_offset)->opens()) {
      PickUp<tables::TcpSide>(original);
    }
  } else if (packet.protocol == net::IpProtocol::kSctp &&
             !tables::Opens(*FollowSctp::Read(packet))) {
    PickUp<tables::SctpSide>(original);
  }
}

tables::ConnectionTable::Inserted Keep(const Context& ctx, Decision& decision) {
  Flows& flows = *ctx.worker.flows;
  constexpr tables::ConnectionTable::Inserted kTaken{Result::kClash};
  if (!Snat::MayKeepPort(ctx.tables, decision) &&
      !Snat::ChoosePort(ctx.tables, flows.connections, decision)) {
    return kTaken;
  }
  const core::Epochs& epochs = flows.epochs;
  for (unsigned tries = 0; tries < 3; ++tries) {  // another worker may take what was free
    const auto inserted = flows.connections.Insert(DraftOf(ctx.tables, epochs, decision), ctx.now);
    if (inserted.result != Result::kClash) {
      return inserted;
    }
    if (!Snat::ChoosePort(ctx.tables, flows.connections, decision)) {
      break;
    }
  }
  return kTaken;
}

}  // namespace

Verdict Connect::Decide(Context& ctx, Packet& packet) {
  if (!ctx.tracked) {
    return Verdict::Continue();
  }
  if (const DropReason reason = WhyNotOpen(ctx, packet); reason != DropReason::kNone) {
    return reason == DropReason::kTcpNotOpening ? Reject(ctx, packet, reason)
                                                : Verdict::Drop(reason);
  }
  const auto inserted = Keep(ctx, ctx.decision);
  switch (inserted.result) {
    case Result::kExists:  // the packet before this one opened it, or another worker's
      if (inserted.original->ingress != packet.ingress) {
        break;
      }
      packet.direction = inserted.original;
      return Follow::Early(ctx, packet);
    case Result::kInserted:
      Begin(packet, *inserted.original);
      packet.direction = inserted.original;
      return Follow::Early(ctx, packet);
    case Result::kClash:
      return Verdict::Drop(HasSourcePort(packet.protocol) ? DropReason::kSourcePorts
                                                          : DropReason::kConnectionClash);
    case Result::kQuota:
      return Verdict::Drop(DropReason::kConnectionQuota);
    case Result::kFull:
      return Verdict::Drop(DropReason::kConnectionTableFull);
  }
  return Verdict::Drop(DropReason::kConnectionClash);
}

}  // namespace pollux::stages
