#include "dataplane/stages/connect.h"

#include "dataplane/stages/packet_tuple.h"

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
    constexpr std::uint8_t kOpening =
        TcpHeader::kSyn | TcpHeader::kAck | TcpHeader::kRst | TcpHeader::kFin;
    const bool opens = (tcp->flags & kOpening) == TcpHeader::kSyn;
    const bool picked_up = ctx.now < ctx.worker.flows->pickup_until &&
                           (tcp->flags & (TcpHeader::kRst | TcpHeader::kSyn)) == 0;
    return opens || picked_up ? DropReason::kNone : DropReason::kTcpNotOpening;
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

}  // namespace

Verdict Connect::Decide(Context& ctx, Packet& packet) {
  if (!ctx.tracked) {
    return Verdict::Continue();
  }
  if (const DropReason reason = WhyNotOpen(ctx, packet); reason != DropReason::kNone) {
    return Verdict::Drop(reason);
  }
  const Flows& flows = *ctx.worker.flows;
  const auto inserted =
      flows.connections.Insert(DraftOf(ctx.tables, flows.epochs, ctx.decision), ctx.now);
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
      break;
    case Result::kQuota:
      return Verdict::Drop(DropReason::kConnectionQuota);
    case Result::kFull:
      return Verdict::Drop(DropReason::kConnectionTableFull);
  }
  return Verdict::Drop(DropReason::kConnectionClash);
}

}  // namespace pollux::stages
