// One DPDK device of the generator, with a pool whose buffers hold the frames ready-made.
//
// Packets are sent from buffers that return to their own pool with their bytes intact, so a packet
// costs its head and its stamp only. What the device's ring does not take at once is kept and
// offered again: nothing that was numbered is thrown away, so every gap that the sink sees was made
// by the switch.
// Threading: one thread after Open.
#pragma once

#include <absl/status/statusor.h>
#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "perf/pktgen/flow_set.h"

namespace pollux::pktgen {

inline constexpr std::uint32_t kMaxBurst = 512;

struct PortSpec {
  std::string devargs;  // as for DPDK's --vdev, which has created the device
  FlowSpec flows;
  std::uint16_t ring_entries = 1024;
  std::uint16_t rx_queues = 1;  // more where the switch sends on several
  std::uint32_t burst = 64;     // packets built and offered at once, at most kMaxBurst
};

struct TxCounters {
  std::uint64_t sent = 0;    // taken by the device
  std::uint64_t bursts = 0;  // of which it took at least one packet
  std::uint64_t stalls = 0;  // calls of which it took none: the ring was full
};

class Port {
 public:
  // Unavailable or InvalidArgument, with the device and the cause.
  static absl::StatusOr<std::unique_ptr<Port>> Open(const PortSpec& spec);
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port();

  [[nodiscard]] bool LinkUp() const;

  // Up to `limit` new packets, or those that are left from before. `now`: TSC.
  void Transmit(std::uint64_t now, std::uint64_t limit);

  // From one queue; the next call looks at the next one first. The caller frees them.
  std::uint16_t Receive(std::span<rte_mbuf*> into);

  // Built but not yet taken by the device.
  [[nodiscard]] bool has_pending() const { return pending_begin_ < pending_end_; }
  void Flush() { Offer(); }

  [[nodiscard]] const FlowSet& flows() const { return flows_; }
  [[nodiscard]] const TxCounters& counters() const { return counters_; }

 private:
  struct PoolDeleter {
    void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
  };
  using Pool = std::unique_ptr<rte_mempool, PoolDeleter>;

  explicit Port(const PortSpec& spec)
      : flows_(spec.flows), rx_queues_(spec.rx_queues), burst_(spec.burst) {}
  absl::Status CreatePools(const PortSpec& spec);
  absl::Status StartDevice(const PortSpec& spec);
  void Build(std::uint64_t now, std::uint64_t limit);
  void Offer();

  FlowSet flows_;
  Pool rx_pool_;
  Pool tx_pool_;
  std::uint16_t id_ = 0;
  bool started_ = false;
  std::uint16_t rx_queues_;
  std::uint16_t rx_queue_ = 0;
  std::uint32_t burst_;
  std::uint32_t pending_begin_ = 0;
  std::uint32_t pending_end_ = 0;
  std::array<rte_mbuf*, kMaxBurst> pending_{};
  TxCounters counters_;
};

}  // namespace pollux::pktgen
