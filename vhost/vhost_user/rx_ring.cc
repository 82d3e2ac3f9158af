#include "vhost/vhost_user/rx_ring.h"

#include <algorithm>
#include <cstring>

#include "dataplane/net/headers.h"
#include "vhost/vhost_user/chain.h"
#include "vhost/vhost_user/completion.h"

namespace pollux::vhost::vhost_user {
namespace {

constexpr std::uint32_t kHeaderBytes = sizeof(VirtioNetHeader);

// One readable buffer that holds the header and at least one byte.
bool IsSimple(const Descriptor& descriptor) {
  constexpr std::uint16_t kAny = Descriptor::kNext | Descriptor::kWrite | Descriptor::kIndirect;
  return (descriptor.flags & kAny) == 0 && descriptor.length > kHeaderBytes;
}

// `header` is a private copy; null if the guest has no offload to ask for, so that its header
// means nothing and is not even read.
core::DropReason Judge(const Device& device, const VirtioNetHeader* header,
                       std::uint32_t frame_length, core::Offload& offload) {
  if (header != nullptr && (header->flags | header->gso_type) != 0) {
    const auto drop = ParseOffload(*header, frame_length, device.from_guest, offload);
    if (drop != core::DropReason::kNone) {
      return drop;
    }
  }
  const std::uint32_t longest =
      offload.gso == core::Gso::kNone ? device.max_frame : core::kMaxFrameBytes;
  if (frame_length > longest) {
    return core::DropReason::kFrameTooLong;
  }
  return frame_length < sizeof(net::EthernetHeader) ? core::DropReason::kFrameTooShort
                                                    : core::DropReason::kNone;
}

template <bool kHeaderMatters>
void AppendSimple(const Device& device, const std::uint8_t* buffer, std::uint32_t length,
                  core::Batch& batch) {
  const std::uint32_t frame_length = length - kHeaderBytes;
  core::Offload offload;
  core::DropReason drop;
  if constexpr (kHeaderMatters) {
    const auto header = CopyOnce<VirtioNetHeader>(buffer);
    drop = Judge(device, &header, frame_length, offload);
  } else {
    drop = Judge(device, nullptr, frame_length, offload);
  }
  *batch.NextSegments() = {.data = buffer + kHeaderBytes, .length = frame_length};
  batch.Append(1, frame_length, offload, drop);
}

// Takes a chain apart: the header to private memory, the rest as segments of the batch.
class Gatherer {
 public:
  explicit Gatherer(core::Segment* segments) : segments_(segments) {}

  core::DropReason Gather(ChainWalker& chain) {
    for (auto piece = chain.Next(); !piece.empty(); piece = chain.Next()) {
      piece = piece.subspan(TakeHeader(piece));
      if (piece.empty()) {
        continue;
      }
      if (count_ == core::kMaxSegmentsPerFrame) {
        return core::DropReason::kTooManySegments;
      }
      if (piece.size() > core::kMaxFrameBytes - length_) {
        return core::DropReason::kFrameTooLong;
      }
      const auto size = static_cast<std::uint32_t>(piece.size());
      segments_[count_++] = {.data = piece.data(), .length = size};
      length_ += size;
    }
    return chain.failed() || length_ == 0 ? core::DropReason::kRingDescriptor
                                          : core::DropReason::kNone;
  }

  [[nodiscard]] std::uint16_t count() const { return count_; }
  [[nodiscard]] std::uint32_t length() const { return length_; }
  [[nodiscard]] VirtioNetHeader header() const { return CopyOnce<VirtioNetHeader>(header_.data()); }

 private:
  std::size_t TakeHeader(std::span<const std::uint8_t> piece) {
    const std::size_t n = std::min(piece.size(), header_.size() - header_taken_);
    std::memcpy(header_.data() + header_taken_, piece.data(), n);
    header_taken_ += n;
    return n;
  }

  core::Segment* segments_;
  std::uint16_t count_ = 0;
  std::uint32_t length_ = 0;
  std::size_t header_taken_ = 0;
  std::array<std::uint8_t, kHeaderBytes> header_;
};

void AppendChain(const Device& device, const Vring& ring, const Descriptor& first,
                 core::Batch& batch) {
  ChainWalker chain(device, ring, BufferDirection::kReadByDevice, first);
  Gatherer gatherer(batch.NextSegments());
  core::Offload offload;
  core::DropReason drop = gatherer.Gather(chain);
  if (drop != core::DropReason::kNone) {
    batch.Append(0, 0, offload, drop);
    return;
  }
  const VirtioNetHeader header = gatherer.header();
  drop = Judge(device, device.from_guest.any() ? &header : nullptr, gatherer.length(), offload);
  batch.Append(gatherer.count(), gatherer.length(), offload, drop);
}

// The header's line, and the lines of the frame that will be parsed.
void PrefetchFrame(const std::uint8_t* buffer, std::uint32_t length) {
  constexpr std::uint32_t kLine = 64;
  __builtin_prefetch(buffer + kHeaderBytes);
  if (length > kHeaderBytes + kLine) {
    __builtin_prefetch(buffer + kHeaderBytes + kLine);
  }
}

}  // namespace

unsigned RxRing::CountAvailable(const Device& device, const Vring& ring) {
  if (fault() != RingFault::kNone) {
    return 0;
  }
  if (device.memory->faulted()) {
    SetFault(RingFault::kMemoryShrank);
    return 0;
  }
  const std::uint16_t available = static_cast<std::uint16_t>(ring.AvailableIndex() - position());
  if (available > ring.size()) {
    SetFault(RingFault::kIndexJump);
    return 0;
  }
  return std::min<unsigned>(available, core::kBurst);
}

bool RxRing::ReadHeads(const Vring& ring, unsigned count) {
  const std::uint16_t position = this->position();
  for (unsigned i = 0; i < count; ++i) {
    heads_[i] = ring.Head(position + i);
    if (heads_[i] >= ring.size()) {
      SetFault(RingFault::kHeadOutOfRange);
      return false;
    }
    __builtin_prefetch(ring.DescriptorAt(heads_[i]));
  }
  return true;
}

template <bool kHeaderMatters>
unsigned RxRing::AppendFrames(const Device& device, const Vring& ring, unsigned count,
                              core::Batch& batch) {
  std::array<Descriptor, core::kBurst> descriptors;
  std::array<const std::uint8_t*, core::kBurst> buffers;
  const MemoryTable& memory = *device.memory;
  std::uint32_t region = last_region_;
  for (unsigned i = 0; i < count; ++i) {
    const Descriptor descriptor = ring.ReadDescriptor(heads_[i]);
    descriptors[i] = descriptor;
    buffers[i] = IsSimple(descriptor)
                     ? memory.Translate(descriptor.address, descriptor.length, region)
                     : nullptr;
    if (buffers[i] != nullptr) {
      if constexpr (kHeaderMatters) {
        __builtin_prefetch(buffers[i]);
      }
      PrefetchFrame(buffers[i], descriptor.length);
    }
  }
  last_region_ = region;
  unsigned done = 0;
  for (; done < count; ++done) {
    if (buffers[done] != nullptr) [[likely]] {
      AppendSimple<kHeaderMatters>(device, buffers[done], descriptors[done].length, batch);
    } else if (batch.HasRoom()) {
      AppendChain(device, ring, descriptors[done], batch);
    } else {
      break;
    }
  }
  return done;
}

unsigned RxRing::AppendClosed(unsigned count, core::Batch& batch) const {
  unsigned done = 0;
  for (; done < count && batch.HasRoom(); ++done) {
    batch.Append(0, 0, {}, core::DropReason::kPortClosed);
  }
  return done;
}

void RxRing::Receive(const Device& device, const Queue& queue, core::Batch& batch) {
  taken_ = 0;
  const unsigned count = CountAvailable(device, queue.ring);
  if (count == 0 || !ReadHeads(queue.ring, count)) {
    return;
  }
  device_ = &device;
  queue_ = &queue;
  // A copy, so that its pointers may live in registers while foreign bytes are written.
  const Vring ring = queue.ring;
  if (!queue.enabled) {
    taken_ = AppendClosed(count, batch);
  } else if (device.from_guest.any()) {
    taken_ = AppendFrames<true>(device, ring, count, batch);
  } else {
    taken_ = AppendFrames<false>(device, ring, count, batch);
  }
}

void RxRing::Release() {
  if (taken_ == 0) {
    return;
  }
  const std::uint16_t before = position();
  const Vring ring = queue_->ring;  // see Receive()
  const unsigned taken = taken_;
  for (unsigned i = 0; i < taken; ++i) {
    ring.WriteUsed(before + i, heads_[i], 0);
  }
  const auto after = static_cast<std::uint16_t>(before + taken);
  position_.store(after, std::memory_order_relaxed);
  taken_ = 0;
  ring.PublishUsed(after);
  NotifyGuest(*device_, *queue_, before, after);
}

bool RxRing::Arm(const Device& device, const Queue& queue) {
  if (fault() != RingFault::kNone) {
    return false;
  }
  if (device.event_index) {
    queue.ring.SetAvailableEvent(position());
  } else {
    queue.ring.SetUsedFlags(0);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return queue.ring.AvailableIndex() != position();
}

// With the event index the guest stays quiet by itself once it has passed the event.
void RxRing::Disarm(const Device& device, const Queue& queue) {
  if (!device.event_index && fault() == RingFault::kNone) {
    queue.ring.SetUsedFlags(kNoNotification);
  }
}

void RxRing::Restart(std::uint16_t position) {
  taken_ = 0;
  position_.store(position, std::memory_order_relaxed);
  fault_.store(RingFault::kNone, std::memory_order_relaxed);
}

}  // namespace pollux::vhost::vhost_user
