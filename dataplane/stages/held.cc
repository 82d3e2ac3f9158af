#include "dataplane/stages/held.h"

#include <array>

#include "dataplane/stages/neighbour.h"
#include "dataplane/stages/send.h"

namespace pollux::stages {
namespace {

void SendResolved(const tables::Tables& tables, WorkerState& worker, net::Nanos now) {
  std::array<core::Packet*, core::kBurst> ready;
  const unsigned count = CollectResolved(tables, worker, now, {ready.data(), ready.size()});
  SendPackets(tables, worker, {ready.data(), count}, nullptr);
}

void SendGenerated(const tables::Tables& tables, WorkerState& worker) {
  const std::span<core::Packet> generated = worker.generated.packets();
  std::array<core::Packet*, GeneratedFrames::kCapacity> list;
  for (std::size_t i = 0; i < generated.size(); ++i) {
    list[i] = &generated[i];
    core::Port* port = (*tables.ports)[generated[i].egress].port;
    if (port != nullptr) {
      port->counters(worker.id).generated.Add(1);
    }
  }
  SendPackets(tables, worker, {list.data(), generated.size()}, nullptr);
  worker.generated.Clear();
}

}  // namespace

void SendHeld(const tables::Tables& tables, WorkerState& worker, net::Nanos now) {
  if (!worker.pending.empty()) [[unlikely]] {
    SendResolved(tables, worker, now);
  }
  if (!worker.generated.packets().empty()) [[unlikely]] {
    SendGenerated(tables, worker);
  }
}

}  // namespace pollux::stages
