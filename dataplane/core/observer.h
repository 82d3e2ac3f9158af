// Looking at packets on the live switch: trace, capture and drop samples.
//
// A subscription has a filter and one ring per worker. The control side publishes the list of
// subscriptions to the workers under RCU; while it is empty, which is nearly always, a burst pays
// one test of a pointer. A worker copies what matches into the ring and never waits: what does not
// fit is counted as missed.
//
// Threading: Observe() by workers; everything else by the control side.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/core/packet.h"
#include "dataplane/core/spsc_ring.h"
#include "dataplane/core/verdict.h"
#include "dataplane/net/address.h"
#include "dataplane/net/ids.h"

namespace pollux::core {

// All given conditions must hold.
struct ObservationFilter {
  std::uint32_t steps = 0;  // bits 1 << StepId; 0: every step
  net::PortId port;         // received from it or, where known, sent to it
  std::optional<net::IpPrefix> source;
  std::optional<net::IpPrefix> destination;
  std::optional<net::IpPrefix> host;  // source or destination
  std::optional<net::IpProtocol> protocol;
  std::uint16_t l4_port = 0;  // source or destination port of TCP, UDP, SCTP; 0: any
  bool drops_only = false;
  DropReason reason = DropReason::kNone;  // kNone: any

  [[nodiscard]] bool Matches(StepId step, const Packet& packet, Verdict verdict) const;
};

// A packet as it was after a step.
struct Observation {
  std::uint64_t nanos = 0;   // monotonic clock
  std::uint64_t packet = 0;  // the same for all observations of one packet; unique per worker
  net::WorkerId worker;
  StepId step{};
  VerdictKind verdict{};
  DropReason reason{};
  net::PortId ingress;
  net::PortId egress;
  Offload offload;
  std::uint32_t frame_length = 0;
  std::uint16_t captured_length = 0;
  // Up to the private head: payload beyond it is foreign memory, which is read once, by the copy.
  std::array<std::uint8_t, kHeaderBytes + kHeadroomBytes> bytes{};
};

class Subscription {
 public:
  Subscription(const ObservationFilter& filter, unsigned worker_count,
               std::size_t ring_size = 4096);

  // By the worker: keeps the observation if it matches and there is room.
  void Observe(net::WorkerId worker, std::uint64_t nanos, std::uint64_t sequence, StepId step,
               const Packet& packet, Verdict verdict);
  // By the one consumer: the next observation of any worker.
  bool TryPop(Observation& out);
  [[nodiscard]] std::uint64_t missed() const { return missed_.load(std::memory_order_relaxed); }

 private:
  const ObservationFilter filter_;
  std::vector<std::unique_ptr<SpscRing<Observation>>> rings_;
  std::size_t next_ring_ = 0;
  std::atomic<std::uint64_t> missed_{0};
};

// What the workers see; immutable once published.
struct ObserverList {
  std::vector<Subscription*> subscriptions;
};

}  // namespace pollux::core
