#include "dataplane/stages/renew.h"

#include "dataplane/stages/find_connection.h"
#include "dataplane/stages/route.h"

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
  cold_to.tcp.Store(cold_from.tcp.Load());
  cold_to.foreign_packets.fetch_add(cold_from.foreign_packets.load(std::memory_order_relaxed),
                                    std::memory_order_relaxed);
  cold_to.foreign_bytes.fetch_add(cold_from.foreign_bytes.load(std::memory_order_relaxed),
                                  std::memory_order_relaxed);
}

Direction* Replace(Context& ctx, Connection& old, const ConnectionDraft& draft) {
  tables::ConnectionTable& table = ctx.worker.flows->connections;
  table.Remove(old);
  const tables::ConnectionTable::Inserted inserted = table.Insert(draft, ctx.now);
  if (inserted.result != tables::ConnectionTable::Result::kInserted) {
    return inserted.original;  // another worker was first, or there is no room
  }
  Connection& fresh = tables::ConnectionOf(*inserted.original);
  TakeOver(old.original, old.cold_original, fresh.original, fresh.cold_original);
  TakeOver(old.reply, old.cold_reply, fresh.reply, fresh.cold_reply);
  return inserted.original;
}

}  // namespace

Verdict Renew(Context& ctx, Packet& packet, Direction& known) {
  const core::Epochs& epochs = ctx.worker.flows->epochs;
  if (known.ingress == packet.ingress && AgeOf(epochs, known) == core::Epochs::Age::kFresh) {
    packet.direction = &known;
    return Verdict::Continue();
  }
  Connection& connection = tables::ConnectionOf(known);
  Decision again{.ingress = known.reply ? connection.original.ingress : packet.ingress,
                 .original = KeyOf(connection, /*reply=*/false),
                 .translated = TranslatedOf(connection, /*reply=*/false),
                 .source = {},
                 .destination = {}};
  if (const DropReason reason = Route::Find(ctx.tables, again); reason != DropReason::kNone) {
    ctx.worker.flows->connections.Remove(connection);
    return Verdict::Drop(reason);
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
