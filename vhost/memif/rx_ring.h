// The walker of a ring that the peer fills: from descriptors to frames.
//
// Theory of operation. The peer's index (head of a client, tail of a server) is read once per
// burst. An index that is further ahead than the ring is long can only be an attack or a bug: the
// ring is quarantined, with the reason, until the peer connects anew. A descriptor that lies, or a
// frame that must not be forwarded, costs only itself: it is appended to the batch with its drop
// reason, so that it is counted and its buffers go back with the others.
// Work per burst is bounded by the batch and by kMaxSegmentsPerFrame per frame; the rest of a chain
// that is longer than that is swallowed in portions.
//
// Threading: Receive, Release, MaskInterrupts and HasWork by the one worker that polls the ring;
// fault() by anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/core/batch.h"
#include "vhost/memif/ring.h"

namespace pollux::vhost::memif {

class RxRing {
 public:
  // Frames of more than `max_frame` bytes are dropped. `lent` (client only) are the descriptors of
  // our buffers, one per slot; they are put back after each frame, since the peer writes to them.
  // `regions` outlives the ring.
  RxRing(Role role, Ring ring, const RegionTable& regions, std::uint32_t max_frame,
         std::vector<Descriptor> lent);

  // Sets our index to where an empty ring stands and masks interrupts. Before the first Receive.
  void Start();

  void Receive(core::Batch& batch);
  // Gives back what was received so far.
  void Release();

  [[nodiscard]] bool HasWork() const;
  void MaskInterrupts(bool masked) {
    ring_.flags().store(masked ? kMaskInterrupts : 0, std::memory_order_relaxed);
  }

  // Why the ring is quarantined; null if it is not.
  [[nodiscard]] const char* fault() const { return fault_.load(std::memory_order_acquire); }

 private:
  [[nodiscard]] std::uint16_t Available() const {
    return static_cast<std::uint16_t>(peer_index_.load(std::memory_order_acquire) - next_);
  }
  Descriptor Take() { return ring_.Load(next_++); }
  // Both return how many descriptors they took, at most `limit`.
  unsigned ReceiveFrame(core::Batch& batch, unsigned limit);
  unsigned ReceiveChain(core::Batch& batch, const Descriptor& first, unsigned limit);
  unsigned Swallow(unsigned limit);

  Ring ring_;
  std::atomic_ref<std::uint16_t> peer_index_;
  std::atomic_ref<std::uint16_t> own_index_;
  const RegionTable& regions_;
  std::uint32_t max_frame_;
  std::uint16_t next_ = 0;      // the next descriptor to read
  std::uint16_t released_ = 0;  // all before it were given back
  bool swallowing_ = false;     // next_ lies inside a chain that was given up
  std::vector<Descriptor> lent_;
  std::atomic<const char*> fault_{nullptr};
};

}  // namespace pollux::vhost::memif
