#include "vhost/memif/rx_ring.h"

#include <algorithm>
#include <utility>

#include "dataplane/net/headers.h"

namespace pollux::vhost::memif {
namespace {

using core::DropReason;

constexpr unsigned kSwallowedPerBurst = 512;

// The first 128 bytes are what the switch reads next.
void PrefetchHead(const std::uint8_t* data, std::uint32_t length) {
  __builtin_prefetch(data);
  if (length > 64) {
    __builtin_prefetch(data + 64);
  }
}

DropReason CheckLength(std::uint32_t length, std::uint32_t max_frame) {
  if (length < sizeof(net::EthernetHeader)) [[unlikely]] {
    return DropReason::kFrameTooShort;
  }
  return length > max_frame ? DropReason::kFrameTooLong : DropReason::kNone;
}

}  // namespace

RxRing::RxRing(Role role, Ring ring, const RegionTable& regions, std::uint32_t max_frame,
               std::vector<Descriptor> lent)
    : ring_(ring),
      peer_index_(role == Role::kServer ? ring.head() : ring.tail()),
      own_index_(role == Role::kServer ? ring.tail() : ring.head()),
      regions_(regions),
      max_frame_(max_frame),
      lent_(std::move(lent)) {}

void RxRing::Start() {
  MaskInterrupts(true);
  own_index_.store(lent_.empty() ? 0 : ring_.size(), std::memory_order_release);
}

bool RxRing::HasWork() const { return fault() == nullptr && Available() != 0; }

void RxRing::Receive(core::Batch& batch) {
  unsigned available = Available();
  if (available == 0 || fault() != nullptr) {
    return;
  }
  if (available > ring_.size()) [[unlikely]] {
    fault_.store("the peer's ring index jumped beyond the ring", std::memory_order_release);
    return;
  }
  ring_.Prefetch(next_, std::min(available, core::kBurst));
  if (swallowing_) [[unlikely]] {
    available -= Swallow(std::min(available, kSwallowedPerBurst));
  }
  while (available > 0 && !swallowing_ && batch.HasRoom()) {
    available -= ReceiveFrame(batch, available);
  }
}

inline unsigned RxRing::ReceiveFrame(core::Batch& batch, unsigned limit) {
  const Descriptor descriptor = Take();
  if ((descriptor.flags & kNextDescriptor) != 0) [[unlikely]] {
    return ReceiveChain(batch, descriptor, limit);
  }
  const std::uint8_t* data = regions_.BufferOf(descriptor);
  if (data == nullptr) [[unlikely]] {
    batch.Append(0, 0, {}, DropReason::kRingDescriptor);
    return 1;
  }
  PrefetchHead(data, descriptor.length);
  *batch.NextSegments() = {data, descriptor.length};
  batch.Append(1, descriptor.length, {}, CheckLength(descriptor.length, max_frame_));
  return 1;
}

unsigned RxRing::ReceiveChain(core::Batch& batch, const Descriptor& first, unsigned limit) {
  core::Segment* segments = batch.NextSegments();
  DropReason drop = DropReason::kNone;
  std::uint64_t length = 0;
  std::uint16_t count = 0;
  for (Descriptor descriptor = first;; descriptor = Take()) {
    const std::uint8_t* data = regions_.BufferOf(descriptor);
    if (data == nullptr) {
      drop = DropReason::kRingDescriptor;
    }
    segments[count++] = {data, descriptor.length};
    length += descriptor.length;
    if ((descriptor.flags & kNextDescriptor) == 0) {
      break;
    }
    if (count == limit) {  // the chain goes on where the peer published nothing
      drop = DropReason::kRingDescriptor;
      break;
    }
    if (count == core::kMaxSegmentsPerFrame) {
      drop = DropReason::kTooManySegments;
      swallowing_ = true;
      break;
    }
  }
  if (drop == DropReason::kNone) {
    // More than 32 bits only beyond every limit.
    drop = CheckLength(static_cast<std::uint32_t>(std::min<std::uint64_t>(length, UINT32_MAX)),
                       max_frame_);
  }
  if (drop != DropReason::kNone) {
    batch.Append(0, 0, {}, drop);
    return count;
  }
  PrefetchHead(segments[0].data, segments[0].length);
  batch.Append(count, static_cast<std::uint32_t>(length), {});
  return count;
}

unsigned RxRing::Swallow(unsigned limit) {
  unsigned taken = 0;
  while (swallowing_ && taken < limit) {
    swallowing_ = (Take().flags & kNextDescriptor) != 0;
    ++taken;
  }
  return taken;
}

void RxRing::Release() {
  if (released_ == next_) {
    return;
  }
  if (lent_.empty()) {
    own_index_.store(next_, std::memory_order_release);
    released_ = next_;
    return;
  }
  for (; released_ != next_; ++released_) {
    ring_.Store(released_, lent_[released_ & (ring_.size() - 1U)]);
  }
  own_index_.store(static_cast<std::uint16_t>(next_ + ring_.size()), std::memory_order_release);
}

}  // namespace pollux::vhost::memif
