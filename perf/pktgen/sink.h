// Where received frames end: told apart from strangers, followed by flow, counted.
//
// Each direction has one sink; it knows the flows of the port at the other end. Loss is not counted
// here but at the end of a run, as sent minus unique().
// Threading: one thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "perf/pktgen/frame.h"
#include "perf/pktgen/latency.h"
#include "perf/pktgen/sequence.h"

namespace pollux::pktgen {

struct SinkCounters {
  std::uint64_t received = 0;       // stamped frames of our peer, duplicates included
  std::uint64_t reordered = 0;      // arrived behind a later one of the same flow
  std::uint64_t duplicates = 0;     // arrived before
  std::uint64_t foreign = 0;        // anything else: ARP, other runs, garbage
  std::uint64_t bad_checksums = 0;  // of those that were looked at
  std::uint64_t bursts = 0;         // that brought at least one frame

  [[nodiscard]] std::uint64_t unique() const { return received - duplicates; }
};

class Sink {
 public:
  Sink(const FrameLayout& layout, std::uint8_t tag, std::uint32_t flows)
      : layout_(layout), tag_(tag), flows_(flows) {}

  // One frame. A stamped one may be longer than what lies in `head` (further segments).
  void Accept(std::span<const std::uint8_t> head) {
    const Stamp* stamp = StampOf(head);
    if (stamp == nullptr) [[unlikely]] {
      ++counters_.foreign;
      return;
    }
    ++counters_.received;
    switch (flows_[stamp->flow()].Accept(stamp->sequence.value())) {
      [[likely]] case Arrival::kInOrder : break;
      case Arrival::kReordered:
        ++counters_.reordered;
        break;
      case Arrival::kDuplicate:
        ++counters_.duplicates;
        break;
    }
  }

  // Once per burst, on one of its frames that lies in one piece: the checksums, and the time since
  // it was built. A sample, as both cost too much on every packet.
  void Sample(std::uint64_t now, std::span<const std::uint8_t> frame);

  void CountBurst() { ++counters_.bursts; }
  void ResetLatency() { latency_ = {}; }

  [[nodiscard]] const SinkCounters& counters() const { return counters_; }
  [[nodiscard]] const LatencyHistogram& latency() const { return latency_; }

 private:
  [[nodiscard]] const Stamp* StampOf(std::span<const std::uint8_t> head) const {
    if (head.size() < layout_.stamp + sizeof(Stamp)) {
      return nullptr;
    }
    const auto* stamp = reinterpret_cast<const Stamp*>(&head[layout_.stamp]);
    return stamp->tag() == tag_ && stamp->flow() < flows_.size() ? stamp : nullptr;
  }

  FrameLayout layout_;
  std::uint8_t tag_;
  std::vector<SequenceTracker> flows_;
  SinkCounters counters_;
  LatencyHistogram latency_;
};

}  // namespace pollux::pktgen
