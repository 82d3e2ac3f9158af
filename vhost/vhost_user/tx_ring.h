// Fills a guest's receive ring: packets to descriptors.
//
// Theory of operation. The descriptors of as many buffers as there are packets are copied to
// private memory, translated and prefetched for writing; then each packet is moved straight from
// where it lies into the guest. A packet that fits one buffer of one descriptor, the usual case, is
// written at once; everything else (mergeable buffers, chains) is gathered first, so that a frame
// is published only when all of it has room, else dropped whole and its buffers stay for the next.
// A buffer that is wrong is given back empty and costs the packet that met it.
// Any worker may write; a try-lock per burst decides, and who finds it taken drops his burst.
//
// Threading: Send by any worker. Restart() while no worker sees the ring; fault() and position() by
// anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/core/packet.h"
#include "vhost/vhost_user/vring.h"

namespace pollux::vhost::vhost_user {

class TxRing {
 public:
  // Delivers in order; what could not be delivered has its drop reason set.
  void Send(const Device& device, const Queue& queue, std::span<core::Packet* const> packets);

  void Restart(std::uint16_t position);
  [[nodiscard]] std::uint16_t position() const { return position_.load(std::memory_order_relaxed); }
  [[nodiscard]] RingFault fault() const { return fault_.load(std::memory_order_relaxed); }

 private:
  void SendSome(const Device& device, const Queue& queue, std::span<core::Packet* const> packets);
  bool Healthy(const Device& device);
  void SetFault(RingFault fault) { fault_.store(fault, std::memory_order_relaxed); }

  alignas(64) std::atomic<bool> locked_{false};
  std::uint32_t last_region_ = 0;  // under the lock
  // Written under the lock; atomic for the control side's reads.
  std::atomic<std::uint16_t> position_{0};
  std::atomic<RingFault> fault_{RingFault::kNone};
};

}  // namespace pollux::vhost::vhost_user
