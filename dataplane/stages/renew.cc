#include "dataplane/stages/renew.h"

#include "dataplane/stages/find_connection.h"
#include "dataplane/stages/follow_tcp.h"
#include "dataplane/stages/policy.h"
#include "dataplane/stages/reject.h"
#include "dataplane/stages/route.h"
#include "dataplane/stages/service.h"
#include "dataplane/stages/snat.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;
using tables::Connection;
using tables::ConnectionDraft;
using tables::Direction;

bool SameWays(const Connection& connection, const ConnectionDraft& draft) {
  return connection.original.ingress == draft.ingress && connection.reply.ingress == draft.egress &&
         connection.original.objects == draft.objects &&
         TranslatedOf(connection, /*reply=*/false) == draft.translated;
}

void Refresh(Direction& direction, core::Epochs::Sum freshness, tables::AdjacencyId adjacency) {
  direction.adjacency.store(adjacency, std::memory_order_relaxed);
  direction.freshness.store(freshness, std::memory_order_release);
}

void TakeOver(const Direction& from, const tables::ColdDirection& cold_from, Direction& to,
              tables::ColdDirection& cold_to) {
  to.worker.store(from.worker.load(std::memory_order_relaxed), std::memory_order_relaxed);
  to.packets.Add(from.packets.value());
  to.bytes.Add(from.bytes.value());
  cold_to.side.CopyFrom(cold_from.side);
  cold_to.foreign_packets.fetch_add(cold_from.foreign_packets.load(std::memory_order_relaxed),
                                    std::memory_order_relaxed);
  cold_to.foreign_bytes.fetch_add(cold_from.foreign_bytes.load(std::memory_order_relaxed),
                                  std::memory_order_relaxed);
}

// Null: there is no room, or another worker decided otherwise at the same time.
Direction* Replace(Context& ctx, Connection& old, const ConnectionDraft& draft) {
  const tables::ConnectionTable::Inserted inserted =
      ctx.worker.flows->connections.Replace(old, draft, ctx.now);
  if (inserted.result == tables::ConnectionTable::Result::kExists) {
    return inserted.original->ingress == draft.ingress ? inserted.original : nullptr;
  }
  if (inserted.result != tables::ConnectionTable::Result::kInserted) {
    return nullptr;
  }
  Connection& fresh = tables::ConnectionOf(*inserted.original);
  TakeOver(old.original, old.cold_original, fresh.original, fresh.cold_original);
  TakeOver(old.reply, old.cold_reply, fresh.reply, fresh.cold_reply);
  return inserted.original;
}

// The steps of the first packet's path that look at tuples.
DropReason DecideAgain(const Context& ctx, Decision& decision) {
  const Flows& flows = *ctx.worker.flows;
  if (const DropReason reason =
          Service::ChooseAgain(ctx.tables, &flows.affinity, ctx.now, decision);
      reason != DropReason::kNone) {
    return reason;
  }
  if (const DropReason reason = Route::Find(ctx.tables, decision); reason != DropReason::kNone) {
    return reason;
  }
  if (const DropReason reason = Policy::Judge(ctx.tables, decision); reason != DropReason::kNone) {
    return reason;
  }
  if (decision.keeps_translation) {
    return DropReason::kNone;
  }
  Snat::Find(ctx.tables, decision);
  return Snat::ChoosePort(ctx.tables, flows.connections, decision) ? DropReason::kNone
                                                                   : DropReason::kSourcePorts;
}

}  // namespace

Verdict Renew(Context& ctx, Packet& packet, Direction& known) {
  const core::Epochs& epochs = ctx.worker.flows->epochs;
  if (known.ingress == packet.ingress && AgeOf(epochs, known) == core::Epochs::Age::kFresh) {
    packet.direction = &known;
    return Verdict::Continue();
  }
  Connection& connection = tables::ConnectionOf(known);
  if (packet.protocol == net::IpProtocol::kTcp && packet.l4_offset != 0 &&
      FollowTcp::OpensAnew(packet, known)) {
    ctx.worker.flows->connections.Remove(connection);
    return Verdict::Continue();
  }
  Decision again = Undecided(known.reply ? connection.original.ingress : packet.ingress,
                             KeyOf(connection, /*reply=*/false));
  again.translated = TranslatedOf(connection, /*reply=*/false);
  if (const DropReason reason = DecideAgain(ctx, again); reason != DropReason::kNone) {
    const bool is_told = Service::IsRejection(reason) && !known.reply && !packet.is_fragment;
    ctx.worker.flows->connections.Remove(connection);
    return is_told ? Reject(ctx, packet, reason) : Verdict::Drop(reason);
  }
  ConnectionDraft draft = DraftOf(ctx.tables, epochs, again);
  if (known.reply) {
    draft.egress = packet.ingress;  // its source was checked: that is where replies come from
  }
  if (SameWays(connection, draft)) {
    Refresh(connection.original, draft.freshness, draft.adjacency);
    Refresh(connection.reply, draft.freshness, draft.reply_adjacency);
    packet.direction = &known;
    return Verdict::Continue();
  }
  Direction* original = Replace(ctx, connection, draft);
  if (original == nullptr) {
    return Verdict::Drop(DropReason::kConnectionTableFull);
  }
  packet.direction = known.reply ? &tables::OppositeOf(*original) : original;
  return Verdict::Continue();
}

}  // namespace pollux::stages
