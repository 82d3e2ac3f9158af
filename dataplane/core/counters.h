// Counters that one worker writes and the control side reads.
//
// Each worker has its own block per port, so no atomic read-modify-write and no shared line is
// needed: the worker adds with a plain load and a relaxed store, readers sum over the workers.
// Threading: Add() by the owning worker only; value() by anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/core/drop_reason.h"

namespace pollux::core {

class Counter {
 public:
  void Add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // Before others read it.
  void Reset() { value_.store(0, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What one worker counted on one port. "Received" is what the port's peer sent to the switch.
// Drops are charged to the port that received the packet, except those of the step "send", which
// are charged to the destination: it is the one that is full or gone.
struct alignas(64) PortCounters {
  Counter rx_packets;
  Counter rx_bytes;
  Counter tx_packets;
  Counter tx_bytes;
  Counter answered;   // received packets that the switch itself answered or consumed
  Counter generated;  // packets made by the switch on behalf of this port's traffic (ICMP errors,
                      // segments beyond the first, ARP requests): sent without being received
  Counter audited;    // first packets that an audited network policy would have denied
  Counter rx_cycles;  // busy TSC cycles spent on bursts from this port
  std::array<Counter, kDropReasonCount> drops;
};

}  // namespace pollux::core
