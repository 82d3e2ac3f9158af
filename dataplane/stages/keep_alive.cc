#include "dataplane/stages/keep_alive.h"

#include "dataplane/stages/find_connection.h"

namespace pollux::stages {
namespace {

// Longer than a sweep takes.
constexpr std::uint64_t kLatelySeconds = 8;

void Look(const tables::Tables& tables, const Flows& flows, tables::Direction& direction,
          tables::Ticks now) {
  if (AgeOf(flows.epochs, direction) == core::Epochs::Age::kClosed) {
    direction.freshness.store(core::Epochs::LongClosed(flows.epochs.SumOf(direction.objects)),
                              std::memory_order_relaxed);
  }
  const tables::Ticks silent = now - direction.last_seen.load(std::memory_order_relaxed);
  const tables::Adjacency* adjacency =
      tables.adjacencies->Find(direction.adjacency.load(std::memory_order_relaxed));
  if (adjacency != nullptr && adjacency->neighbour != 0 &&
      silent < tables::TicksOfSeconds(kLatelySeconds)) {
    tables.neighbours->MarkUsed(tables.neighbours->entries()[adjacency->neighbour - 1]);
  }
}

}  // namespace

void KeepAlive(const tables::Tables& tables, const Flows& flows, tables::Connection& connection,
               tables::Ticks now) {
  Look(tables, flows, connection.original, now);
  Look(tables, flows, connection.reply, now);
}

}  // namespace pollux::stages
