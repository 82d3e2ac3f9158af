// Walks a guest's transmit ring: descriptors to packets.
//
// Theory of operation. One acquire load of the available index tells how many heads there are; one
// pass reads the heads and prefetches their descriptors, one copies the descriptors to private
// memory, translates them and prefetches the frames, one appends the packets. A frame in one
// buffer, the usual case, is done there; everything else (chains, indirect tables) goes the slow
// way through chain.h, which still reads each descriptor that it visits once.
// Completion is in order: Release() gives back exactly what Receive() took, so one position serves
// for both sides of the ring, equals used->idx, and is where anybody can start again.
// A frame that is wrong is a packet with a drop reason; a ring that is wrong is not served again
// until the guest restarts it (fault()).
//
// Threading: one owner, the queue's worker. Restart() while no worker sees the ring. fault() and
// position() by anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/core/batch.h"
#include "vhost/vhost_user/vring.h"

namespace pollux::vhost::vhost_user {

class RxRing {
 public:
  // Takes up to a batch. `device` and the packets' memory stay as they are until Release().
  void Receive(const Device& device, const Queue& queue, core::Batch& batch);
  // Gives back what the last Receive() took. Notifies the guest if he asked for it.
  void Release();

  // Asks for a kick at the next buffer; true if one is there already. Disarm takes it back.
  bool Arm(const Device& device, const Queue& queue);
  void Disarm(const Device& device, const Queue& queue);

  void Restart(std::uint16_t position);
  [[nodiscard]] std::uint16_t position() const { return position_.load(std::memory_order_relaxed); }
  [[nodiscard]] RingFault fault() const { return fault_.load(std::memory_order_relaxed); }

 private:
  unsigned CountAvailable(const Device& device, const Vring& ring);
  bool ReadHeads(const Vring& ring, unsigned count);
  // `kHeaderMatters`: whether the guest may ask for offloads, so that his headers are looked at.
  template <bool kHeaderMatters>
  unsigned AppendFrames(const Device& device, const Vring& ring, unsigned count,
                        core::Batch& batch);
  unsigned AppendClosed(unsigned count, core::Batch& batch) const;
  void SetFault(RingFault fault) { fault_.store(fault, std::memory_order_relaxed); }

  // Of the last Receive(), until Release().
  const Device* device_ = nullptr;
  const Queue* queue_ = nullptr;
  unsigned taken_ = 0;
  std::uint32_t last_region_ = 0;
  std::array<std::uint16_t, core::kBurst> heads_;
  // Written by the owner; atomic for the control side's reads.
  std::atomic<std::uint16_t> position_{0};
  std::atomic<RingFault> fault_{RingFault::kNone};
};

}  // namespace pollux::vhost::vhost_user
