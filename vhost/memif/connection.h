// One connection of two memif peers: the memory, the rings, the eventfds.
//
// It is built step by step from what the control channel brings, each step checked before it has
// an effect, and then published to the workers as a whole (memif_port.h). From then on only the
// rings' private state changes. A connection ends with its peer; a new peer makes a new one.
//
// Threading: MapRegion, SetUpRing and Start by the control thread, before the connection is
// published; then rx() and tx() by workers (rx_ring.h, tx_ring.h say how); destroyed by the control
// thread a grace period after it was withdrawn.
#pragma once

#include <absl/status/status.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "vhost/foreign_memory.h"
#include "vhost/memif/message.h"
#include "vhost/memif/ring.h"
#include "vhost/memif/rx_ring.h"
#include "vhost/memif/tx_ring.h"
#include "vhost/peer_event.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost::memif {

// What a port can take.
struct Limits {
  unsigned rx_rings = 1;
  unsigned tx_rings = 1;
  std::uint32_t max_frame = 1514;  // bytes
  SealPolicy seals = SealPolicy::kRequireShrinkSeal;
};

// A ring with the eventfd that wakes its receiver.
struct RxQueueState {
  RxRing ring;
  PeerEvent wake;
};
struct TxQueueState {
  TxRing ring;
  PeerEvent wake;
};

class Connection {
 public:
  Connection(Role role, const Limits& limits) : role_(role), limits_(limits) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Maps the region; it must be sealed against shrinking. The indices of regions, and those of
  // rings per direction, count up from 0.
  absl::Status MapRegion(const AddRegion& region, UniqueFd memory);
  // `own` (client only): the descriptors of the ring's buffers.
  absl::Status SetUpRing(const AddRing& ring, UniqueFd event, std::vector<Descriptor> own = {});
  // All is there: checks the rings' cookies and sets our indices. A client's buffers are lent now.
  absl::Status Start();

  [[nodiscard]] std::span<const std::unique_ptr<RxQueueState>> rx() const { return rx_; }
  [[nodiscard]] std::span<const std::unique_ptr<TxQueueState>> tx() const { return tx_; }

  // A region was torn from under us (foreign_memory.h): the connection must not be used any more.
  [[nodiscard]] bool memory_lost() const { return memory_lost_.load(std::memory_order_relaxed); }
  // Why a queue or all of it is quarantined; null if nothing is.
  [[nodiscard]] const char* fault() const;
  [[nodiscard]] std::uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  [[nodiscard]] bool IsRx(Direction direction) const {
    return (direction == Direction::kToServer) == (role_ == Role::kServer);
  }
  absl::Status CheckRing(const AddRing& ring) const;

  const Role role_;
  const Limits limits_;
  std::atomic<bool> memory_lost_{false};
  std::uint64_t memory_bytes_ = 0;
  std::vector<ForeignMemory> regions_;
  RegionTable table_;
  std::vector<Ring> rings_;
  std::vector<std::unique_ptr<RxQueueState>> rx_;
  std::vector<std::unique_ptr<TxQueueState>> tx_;
};

}  // namespace pollux::vhost::memif
