#include "vhost/vhost_user/tx_ring.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "dataplane/core/batch.h"
#include "dataplane/core/copy.h"
#include "vhost/vhost_user/completion.h"
#include "vhost/vhost_user/rx_buffer.h"

namespace pollux::vhost::vhost_user {
namespace {

constexpr std::uint32_t kHeaderBytes = sizeof(VirtioNetHeader);
// A receiver of frames this large should not wait for the rest of the burst.
constexpr std::uint32_t kNotifyAtOnceBytes = 32768;

void DropAll(std::span<core::Packet* const> packets, core::DropReason reason) {
  for (core::Packet* packet : packets) {
    packet->drop = reason;
  }
}

// The builtin compiles to a plain prefetch below -mprfchw, and then every first store of a line
// that the guest has touched last would wait for its ownership.
void PrefetchForWrite(const std::uint8_t* address) {
  asm volatile("prefetchw %0" : : "m"(*address));
}

bool GsoAllowed(core::Gso gso, const Offloads& negotiated) {
  switch (gso) {
    case core::Gso::kNone:
      return true;
    case core::Gso::kTcp4:
      return negotiated.tso4;
    case core::Gso::kTcp6:
      return negotiated.tso6;
    case core::Gso::kUdp:
      return false;
  }
  return false;
}

// The buffers that the guest has posted, read as they are needed: each once per burst.
class PostedBuffers {
 public:
  struct Posted {
    Descriptor descriptor;
    std::uint8_t* simple;  // one writable piece: where it lies; else null
    std::uint16_t head;
  };

  // `likely` of them are read and prefetched at once, in passes that overlap their cache misses.
  PostedBuffers(const Device& device, const Vring& ring, std::uint16_t position, unsigned available,
                unsigned likely, std::uint32_t& last_region)
      : device_(device),
        ring_(ring),
        position_(position),
        available_(available),
        last_region_(last_region) {
    likely = std::min({likely, available, core::kBurst});
    for (unsigned i = 0; i < likely; ++i) {
      posted_[i].head = ring.Head(position + i);
      if (posted_[i].head < ring.size()) {
        __builtin_prefetch(ring.DescriptorAt(posted_[i].head));
      }
    }
    const MemoryTable& memory = *device.memory;
    std::uint32_t region = last_region;
    unsigned read = 0;
    for (; read < likely && Resolve(ring, memory, posted_[read], region); ++read) {
      if (std::uint8_t* buffer = posted_[read].simple) {
        PrefetchForWrite(buffer);
        PrefetchForWrite(buffer + std::min<std::uint32_t>(posted_[read].descriptor.length - 1, 64));
      }
    }
    read_ = read;
    last_region = region;
  }

  [[nodiscard]] unsigned left() const { return available_ - used_; }
  [[nodiscard]] unsigned used() const { return used_; }
  [[nodiscard]] std::uint16_t next_position() const {
    return static_cast<std::uint16_t>(position_ + used_);
  }
  void Use(unsigned count) { used_ += count; }
  // Those that were read ahead, from the next one on.
  [[nodiscard]] std::span<const Posted> ahead() const {
    return used_ < read_ ? std::span(&posted_[used_], read_ - used_) : std::span<const Posted>();
  }

  // The buffer `ahead` of the next one, ahead < left(). Null: the head is out of range.
  const Posted* Peek(unsigned ahead) {
    const unsigned index = used_ + ahead;
    if (index < read_) {
      return &posted_[index];
    }
    beyond_.head = ring_.Head(position_ + index);
    return Resolve(ring_, *device_.memory, beyond_, last_region_) ? &beyond_ : nullptr;
  }

 private:
  static bool Resolve(const Vring& ring, const MemoryTable& memory, Posted& posted,
                      std::uint32_t& region) {
    if (posted.head >= ring.size()) {
      return false;
    }
    const Descriptor descriptor = ring.ReadDescriptor(posted.head);
    constexpr std::uint16_t kAny = Descriptor::kNext | Descriptor::kWrite | Descriptor::kIndirect;
    const bool simple = (descriptor.flags & kAny) == Descriptor::kWrite && descriptor.length != 0;
    posted.descriptor = descriptor;
    posted.simple =
        simple ? memory.Translate(descriptor.address, descriptor.length, region) : nullptr;
    return true;
  }

  const Device& device_;
  const Vring& ring_;
  std::uint16_t position_;
  unsigned available_;
  unsigned used_ = 0;
  unsigned read_ = 0;
  std::uint32_t& last_region_;
  Posted beyond_;
  std::array<Posted, core::kBurst> posted_;
};

// The header of a packet that leaves nothing to do, in one buffer: all zeros but for the count.
void WritePlainHeader(std::uint8_t* buffer) {
  constexpr std::uint64_t kNothingToDo = 0;
  constexpr std::uint32_t kOneBuffer = 1U << 16;
  static_assert(offsetof(VirtioNetHeader, buffer_count) == 10 && kHeaderBytes == 12);
  std::memcpy(buffer, &kNothingToDo, sizeof kNothingToDo);
  std::memcpy(buffer + sizeof kNothingToDo, &kOneBuffer, sizeof kOneBuffer);
}

// The usual case, in as few instructions as it takes: packets that leave nothing to do, each into
// one plain buffer. Returns how many from the first on it has written.
std::size_t WritePlainRun(const Vring ring, std::span<core::Packet* const> packets,
                          PostedBuffers& posted) {
  const std::span<const PostedBuffers::Posted> ahead = posted.ahead();
  const std::size_t most = std::min(packets.size(), ahead.size());
  const std::uint32_t position = posted.next_position();
  std::size_t n = 0;
  for (; n < most; ++n) {
    const core::Packet& packet = *packets[n];
    const PostedBuffers::Posted& next = ahead[n];
    const std::uint64_t length = kHeaderBytes + std::uint64_t{packet.frame_length()};
    if (!packet.offload.none() || next.simple == nullptr || next.descriptor.length < length)
        [[unlikely]] {
      break;
    }
    WritePlainHeader(next.simple);
    core::CopyFrame(packet, next.simple + kHeaderBytes);
    ring.WriteUsed(position + static_cast<std::uint32_t>(n), next.head,
                   static_cast<std::uint32_t>(length));
  }
  posted.Use(static_cast<unsigned>(n));
  return n;
}

void WriteSimple(const Device& device, const core::Packet& packet, std::uint8_t* buffer) {
  if (packet.offload.needs_checksum) {
    const VirtioNetHeader header = BuildHeader(packet, device.to_guest, 1);
    std::memcpy(buffer, &header, sizeof header);
  } else {
    WritePlainHeader(buffer);
  }
  core::CopyFrame(packet, buffer + kHeaderBytes);
  if (packet.offload.needs_checksum && !device.to_guest.checksum) {
    core::CompleteChecksum(packet.offload, buffer + kHeaderBytes, packet.frame_length());
  }
}

// The general way. Returns false if the ring itself is wrong.
bool WriteGathered(const Device& device, const Vring& ring, core::Packet& packet,
                   PostedBuffers& posted) {
  const std::uint64_t wanted = kHeaderBytes + std::uint64_t{packet.frame_length()};
  GatheredBuffers buffers;
  bool intact = true;
  while (intact && buffers.capacity() < wanted) {
    const unsigned heads = buffers.head_count();
    if (heads == 1 && !device.mergeable) {
      packet.drop = core::DropReason::kDestinationTooSmall;
      return true;
    }
    if (heads == posted.left()) {
      packet.drop = core::DropReason::kDestinationFull;
      return true;
    }
    const auto* next = posted.Peek(heads);
    if (next == nullptr) {
      return false;
    }
    intact = buffers.Add(device, ring, next->head, next->descriptor, wanted);
  }
  if (buffers.too_many()) {
    packet.drop = core::DropReason::kDestinationTooSmall;
    return true;
  }
  if (intact) {
    buffers.Write(device, packet);
  } else {
    packet.drop = core::DropReason::kDestinationBuffer;
  }
  buffers.WriteUsed(ring, posted.next_position(), intact ? wanted : 0);
  posted.Use(buffers.head_count());
  return true;
}

bool WriteOne(const Device& device, const Vring& ring, core::Packet& packet,
              PostedBuffers& posted) {
  if (posted.left() == 0) {
    packet.drop = core::DropReason::kDestinationFull;
    return true;
  }
  if (packet.offload.gso != core::Gso::kNone && !GsoAllowed(packet.offload.gso, device.to_guest)) {
    packet.drop = core::DropReason::kSegmentation;
    return true;
  }
  const auto* next = posted.Peek(0);
  if (next == nullptr) {
    return false;
  }
  const std::uint32_t frame_length = packet.frame_length();
  if (next->simple == nullptr ||
      next->descriptor.length < kHeaderBytes + std::uint64_t{frame_length}) {
    return WriteGathered(device, ring, packet, posted);
  }
  WriteSimple(device, packet, next->simple);
  ring.WriteUsed(posted.next_position(), next->head, kHeaderBytes + frame_length);
  posted.Use(1);
  return true;
}

}  // namespace

bool TxRing::Healthy(const Device& device) {
  if (fault() == RingFault::kNone && device.memory->faulted()) {
    SetFault(RingFault::kMemoryShrank);
  }
  return fault() == RingFault::kNone;
}

void TxRing::SendSome(const Device& device, const Queue& queue,
                      std::span<core::Packet* const> packets) {
  if (locked_.exchange(true, std::memory_order_acquire)) {
    DropAll(packets, core::DropReason::kDestinationBusy);
    return;
  }
  const std::uint16_t before = position();
  const auto available = static_cast<std::uint16_t>(queue.ring.AvailableIndex() - before);
  std::uint16_t after = before;
  if (available > queue.ring.size()) {
    SetFault(RingFault::kIndexJump);
    DropAll(packets, core::DropReason::kDestinationDown);
  } else {
    PostedBuffers posted(device, queue.ring, before, available,
                         static_cast<unsigned>(packets.size()), last_region_);
    while (!packets.empty()) {
      packets = packets.subspan(WritePlainRun(queue.ring, packets, posted));
      if (packets.empty()) {
        break;
      }
      if (!WriteOne(device, queue.ring, *packets.front(), posted)) {
        SetFault(RingFault::kHeadOutOfRange);
        DropAll(packets, core::DropReason::kDestinationDown);
        break;
      }
      packets = packets.subspan(1);
    }
    after = posted.next_position();
    position_.store(after, std::memory_order_relaxed);
    queue.ring.PublishUsed(after);
  }
  locked_.store(false, std::memory_order_release);
  if (after != before) {
    NotifyGuest(device, queue, before, after);
  }
}

void TxRing::Send(const Device& device, const Queue& queue,
                  std::span<core::Packet* const> packets) {
  while (!packets.empty()) {
    if (!Healthy(device)) {
      DropAll(packets, core::DropReason::kDestinationDown);
      return;
    }
    std::size_t count = 0;
    while (count < std::min<std::size_t>(packets.size(), core::kBurst) &&
           packets[count++]->frame_length() < kNotifyAtOnceBytes) {
    }
    SendSome(device, queue, packets.first(count));
    packets = packets.subspan(count);
  }
}

void TxRing::Restart(std::uint16_t position) {
  position_.store(position, std::memory_order_relaxed);
  fault_.store(RingFault::kNone, std::memory_order_relaxed);
}

}  // namespace pollux::vhost::vhost_user
