// A split virtqueue (virtio 1.2 section 2.7) in the guest's memory, as the switch sees it.
//
// The device's side of a ring: the guest writes descriptors and the available ring, we write the
// used ring. Whatever the guest wrote may change while we look, so each foreign field is loaded
// exactly once, into private memory, through the accessors here (a plain load could be repeated by
// the compiler).
//
// Vring and Device are immutable values that workers reach through one pointer under RCU; a change
// is a new Device. The position in a ring is not part of it: that belongs to whoever walks the
// ring (rx_ring.h, tx_ring.h).
// Threading: the view is immutable; the ring's memory is shared with the guest.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include "dataplane/core/port_spec.h"
#include "vhost/peer_event.h"
#include "vhost/vhost_user/memory_table.h"
#include "vhost/vhost_user/protocol.h"
#include "vhost/vhost_user/virtio_net_header.h"

namespace pollux::vhost::vhost_user {

// A copy that the compiler cannot turn into a second read of the foreign bytes.
template <typename T>
inline T CopyOnce(const void* foreign) {
  T value;
  std::memcpy(&value, foreign, sizeof value);
  asm volatile("" : "+m"(value));
  return value;
}

struct Descriptor {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t flags;
  std::uint16_t next;

  static constexpr std::uint16_t kNext = 1;
  static constexpr std::uint16_t kWrite = 2;
  static constexpr std::uint16_t kIndirect = 4;
};
static_assert(sizeof(Descriptor) == 16);

struct UsedElement {
  std::uint32_t id;
  std::uint32_t length;
};

// The two rings' flags: "do not notify me".
inline constexpr std::uint16_t kNoNotification = 1;

// True if the peer, who asked to hear of `event`, is to hear of the move from `before` to `after`
// (virtio 1.2 section 2.7.10).
inline bool CrossesEvent(std::uint16_t event, std::uint16_t before, std::uint16_t after) {
  return static_cast<std::uint16_t>(after - event - 1) < static_cast<std::uint16_t>(after - before);
}

class Vring {
 public:
  static std::size_t DescriptorBytes(std::uint32_t size) { return sizeof(Descriptor) * size; }
  static std::size_t AvailableBytes(std::uint32_t size) { return 6 + 2 * std::size_t{size}; }
  static std::size_t UsedBytes(std::uint32_t size) { return 6 + sizeof(UsedElement) * size; }

  // Not running.
  Vring() = default;
  // `size` is a power of two; the parts are aligned to 16, 2 and 4 bytes and wholly mapped.
  Vring(std::uint8_t* descriptors, std::uint8_t* available, std::uint8_t* used, std::uint32_t size)
      : descriptors_(reinterpret_cast<Descriptor*>(descriptors)),
        available_(reinterpret_cast<std::uint16_t*>(available)),
        used_(reinterpret_cast<std::uint16_t*>(used)),
        size_(size) {}

  [[nodiscard]] bool running() const { return size_ != 0; }
  [[nodiscard]] std::uint32_t size() const { return size_; }

  // The guest's part. Heads may be anything: compare with size() before use as an index.
  [[nodiscard]] std::uint16_t AvailableIndex() const {
    return std::atomic_ref(available_[1]).load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint16_t Head(std::uint32_t position) const {
    return Load(available_[2 + Slot(position)]);
  }
  // `index` is below size().
  [[nodiscard]] const Descriptor* DescriptorAt(std::uint32_t index) const {
    return &descriptors_[index];
  }
  [[nodiscard]] Descriptor ReadDescriptor(std::uint32_t index) const {
    auto* words = reinterpret_cast<std::uint64_t*>(&descriptors_[index]);
    Descriptor copy;
    const std::uint64_t low = Load(words[0]);
    const std::uint64_t high = Load(words[1]);
    std::memcpy(&copy, &low, sizeof low);
    std::memcpy(reinterpret_cast<std::uint8_t*>(&copy) + sizeof low, &high, sizeof high);
    return copy;
  }
  [[nodiscard]] std::uint16_t AvailableFlags() const { return Load(available_[0]); }
  [[nodiscard]] std::uint16_t UsedEvent() const { return Load(available_[2 + size_]); }

  // Our part. UsedIndex is what an earlier device left there: the restart point.
  [[nodiscard]] std::uint16_t UsedIndex() const { return Load(used_[1]); }
  void WriteUsed(std::uint32_t position, std::uint32_t id, std::uint32_t length) const {
    const UsedElement element{.id = id, .length = length};
    std::memcpy(&used_[2 + 4 * Slot(position)], &element, sizeof element);
  }
  void PublishUsed(std::uint16_t index) const {
    std::atomic_ref(used_[1]).store(index, std::memory_order_release);
  }
  void SetUsedFlags(std::uint16_t flags) const { Store(used_[0], flags); }
  void SetAvailableEvent(std::uint16_t event) const { Store(used_[2 + 4 * size_], event); }

 private:
  [[nodiscard]] std::size_t Slot(std::uint32_t position) const { return position & (size_ - 1); }
  template <typename T>
  static T Load(T& field) {
    return std::atomic_ref(field).load(std::memory_order_relaxed);
  }
  static void Store(std::uint16_t& field, std::uint16_t value) {
    std::atomic_ref(field).store(value, std::memory_order_relaxed);
  }

  Descriptor* descriptors_ = nullptr;
  std::uint16_t* available_ = nullptr;  // flags, index, ring[size], used_event
  std::uint16_t* used_ = nullptr;       // flags, index, ring[size] of UsedElement, avail_event
  std::uint32_t size_ = 0;
};

// A ring with its surroundings.
struct Queue {
  Vring ring;
  bool enabled = false;
  // The front-end has not said yet whether it is enabled: what lies in it stays there. (In one that
  // was disabled it is discarded.) Of a guest that was there before us it is its backlog.
  bool undecided = false;
  std::shared_ptr<const PeerEvent> call;  // to notify the guest; null: it polls
  std::shared_ptr<const PeerEvent> kick;  // the guest notifies us; null: we must poll
};

inline constexpr unsigned kMaxVrings = 2 * core::kMaxQueues;

// All that workers know of a connected guest. Ring 2q is queue pair q's receive queue from the
// guest's point of view (we write), ring 2q+1 its transmit queue (we read).
struct Device {
  std::shared_ptr<const MemoryTable> memory;
  Offloads from_guest;
  Offloads to_guest;
  bool mergeable = false;
  bool event_index = false;
  bool indirect = false;
  std::uint32_t max_frame = 0;  // without segmentation offload
  std::array<Queue, kMaxVrings> queues;
  unsigned open_count = 0;                               // receive queues that take frames
  std::array<std::uint8_t, core::kMaxQueues> open = {};  // their queue pairs
};

// Why a ring is no longer served. Stays until the guest restarts the ring.
enum class RingFault : std::uint8_t {
  kNone,
  kIndexJump,       // more buffers announced than the ring has
  kHeadOutOfRange,  // a head that is no descriptor
  kMemoryShrank,    // the file behind the memory was truncated
};

inline const char* Describe(RingFault fault) {
  switch (fault) {
    case RingFault::kNone:
      return "none";
    case RingFault::kIndexJump:
      return "the available index jumped";
    case RingFault::kHeadOutOfRange:
      return "a head index is out of range";
    case RingFault::kMemoryShrank:
      return "a memory region shrank";
  }
  return "";
}

}  // namespace pollux::vhost::vhost_user
