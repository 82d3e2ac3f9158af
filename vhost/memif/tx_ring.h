// The walker of a ring that we fill: from frames to descriptors.
//
// Theory of operation. A server fills the empty buffers that the client lends; each is described by
// foreign memory, so its descriptor is read once and checked. A client fills buffers of its own,
// whose descriptors it keeps in private memory. Either way descriptors are gathered into a private
// window and their buffers prefetched, the frames are copied, and then one store publishes all. A
// frame longer than a buffer continues in the next ones (NEXT); it is placed whole or not at all.
// memif knows no offloads, so a partial checksum is completed over the destination.
//
// Threading: Send by one worker at a time, under TryLock; fault() by anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/core/batch.h"
#include "dataplane/core/packet.h"
#include "vhost/memif/ring.h"

namespace pollux::vhost::memif {

class TxRing {
 public:
  // `own` (client only) are the descriptors of our buffers, one per slot. `regions` outlives the
  // ring.
  TxRing(Role role, Ring ring, const RegionTable& regions, std::vector<Descriptor> own);

  // Sets our index to where an empty ring stands. Before the first Send.
  void Start() { own_index_.store(0, std::memory_order_release); }

  [[nodiscard]] bool TryLock() { return !locked_.exchange(true, std::memory_order_acquire); }
  void Unlock() { locked_.store(false, std::memory_order_release); }

  // Frames that found no place are left with their drop reason.
  void Send(std::span<core::Packet* const> packets);

  // After Send; needs no lock.
  [[nodiscard]] bool PeerWantsInterrupt() const {
    // Our index must be visible before the flag is read: the peer clears the flag, then looks at
    // our index a last time before it sleeps.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return (ring_.flags().load(std::memory_order_relaxed) & kMaskInterrupts) == 0;
  }

  // Why the ring is quarantined; null if it is not.
  [[nodiscard]] const char* fault() const { return fault_.load(std::memory_order_acquire); }

 private:
  // A descriptor's private copy and the buffer it means (null: out of bounds).
  struct Buffer {
    std::uint8_t* data;
    Descriptor descriptor;
  };
  static constexpr unsigned kWindow = core::kBurst;

  [[nodiscard]] unsigned Available() const;
  void LoadWindow(unsigned count);
  // Places frames into the `loaded` buffers of the window; returns how many frames are done with.
  unsigned Fill(std::span<core::Packet* const> packets, unsigned loaded);
  // For frames that do not fit the first buffer: returns how many buffers are used up (0: they do
  // not suffice). The packet's drop reason says whether it was placed.
  unsigned Scatter(core::Packet& packet, std::span<const Buffer> buffers);
  void Publish(const Buffer& buffer, std::uint16_t flags, std::uint32_t length);

  Ring ring_;
  std::atomic_ref<std::uint16_t> peer_index_;
  std::atomic_ref<std::uint16_t> own_index_;
  const RegionTable& regions_;
  std::uint16_t bias_;      // the client's free slots are size - (head - tail)
  std::uint16_t next_ = 0;  // the next descriptor to fill
  std::vector<Descriptor> own_;
  std::array<Buffer, kWindow> window_;
  std::atomic<const char*> fault_{nullptr};
  alignas(64) std::atomic<bool> locked_{false};
};

}  // namespace pollux::vhost::memif
