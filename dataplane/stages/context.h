// What a step may look at and use while it decides about the packets of one burst.
// Threading: owned by one worker.
#pragma once

#include <cstdint>

#include "dataplane/core/counters.h"
#include "dataplane/core/observer.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/verdict.h"
#include "dataplane/net/ids.h"
#include "dataplane/stages/decision.h"
#include "dataplane/stages/worker_state.h"
#include "dataplane/tables/tables.h"

namespace pollux::stages {

struct Context {
  const tables::Tables& tables;
  const tables::PortEntry& ingress;
  core::PortCounters& counters;  // of the ingress port and this worker
  WorkerState& worker;
  net::Nanos now;                                 // monotonic clock, read once per loop
  const core::ObserverList* observers = nullptr;  // null: nobody looks
  const core::Packet* first = nullptr;            // of the burst: numbers its packets for observers
  net::Zone zone{};                               // of the ingress port
  // The packet on the first packet's path.
  bool tracked = false;  // it belongs to a connection, or would open one
  Decision decision{};

  void Observe(core::StepId step, const core::Packet& packet, core::Verdict verdict) {
    const auto index = static_cast<std::uint64_t>(&packet - first);
    for (core::Subscription* subscription : observers->subscriptions) {
      subscription->Observe(worker.id, now.value(), worker.burst_sequence * core::kBurst + index,
                            step, packet, verdict);
    }
  }
};

}  // namespace pollux::stages
