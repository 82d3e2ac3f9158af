#include "dataplane/stages/connect.h"

#include "dataplane/stages/packet_tuple.h"
#include "dataplane/stages/reject.h"
#include "dataplane/stages/snat.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;
using Result = tables::ConnectionTable::Result;

DropReason WhyNotOpen(const Context& ctx, const Packet& packet) {
  if (packet.protocol == net::IpProtocol::kTcp) {
    using net::TcpHeader;
    const auto* tcp = packet.HeaderAt<TcpHeader>(packet.l4_offset);
    const bool picked_up = ctx.now < ctx.worker.flows->pickup_until &&
                           (tcp->flags & (TcpHeader::kRst | TcpHeader::kSyn)) == 0;
    return tcp->opens() || picked_up ? DropReason::kNone : DropReason::kTcpNotOpening;
  }
  if (IsIcmp(packet.protocol) &&
      IcmpRoleOf(packet.protocol, packet.head[packet.l4_offset]) != IcmpRole::kRequest) {
    return DropReason::kIcmpUnrelated;
  }
  return DropReason::kNone;
}

// A connection whose beginning was not seen is followed with more patience.
void BeginTcp(const Packet& packet, tables::Direction& original) {
  if (packet.protocol != net::IpProtocol::kTcp ||
      (packet.HeaderAt<net::TcpHeader>(packet.l4_offset)->flags & net::TcpHeader::kSyn) != 0) {
    return;
  }
  tables::Connection& connection = tables::ConnectionOf(original);
  connection.cold_original.tcp.Store(tables::TcpSide::PickedUp());
  connection.cold_reply.tcp.Store(tables::TcpSide::PickedUp());
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
      return Verdict::Continue();
    case Result::kInserted:
      BeginTcp(packet, *inserted.original);
      packet.direction = inserted.original;
      return Verdict::Continue();
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
