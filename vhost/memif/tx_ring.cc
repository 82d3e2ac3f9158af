#include "vhost/memif/tx_ring.h"

#include <algorithm>
#include <utility>

#include "dataplane/core/copy.h"
#include "vhost/memif/scattered_checksum.h"

namespace pollux::vhost::memif {
namespace {

using core::DropReason;

void DropAll(std::span<core::Packet* const> packets, DropReason reason) {
  for (core::Packet* packet : packets) {
    packet->drop = reason;
  }
}

}  // namespace

TxRing::TxRing(Role role, Ring ring, const RegionTable& regions, std::vector<Descriptor> own)
    : ring_(ring),
      peer_index_(role == Role::kServer ? ring.head() : ring.tail()),
      own_index_(role == Role::kServer ? ring.tail() : ring.head()),
      regions_(regions),
      bias_(role == Role::kServer ? std::uint16_t{0} : ring.size()),
      own_(std::move(own)) {}

unsigned TxRing::Available() const {
  return static_cast<std::uint16_t>(peer_index_.load(std::memory_order_acquire) + bias_ - next_);
}

void TxRing::Send(std::span<core::Packet* const> packets) {
  if (fault() != nullptr) [[unlikely]] {
    return DropAll(packets, DropReason::kDestinationDown);
  }
  unsigned available = Available();
  if (available > ring_.size()) [[unlikely]] {
    fault_.store("the peer's ring index jumped beyond the ring", std::memory_order_release);
    return DropAll(packets, DropReason::kDestinationBuffer);
  }
  const std::uint16_t begin = next_;
  unsigned wanted = static_cast<unsigned>(std::min<std::size_t>(packets.size(), kWindow));
  while (!packets.empty()) {
    const unsigned loaded = std::min(available, wanted);
    LoadWindow(loaded);
    const std::uint16_t before = next_;
    const unsigned done = Fill(packets, loaded);
    packets = packets.subspan(done);
    available -= static_cast<std::uint16_t>(next_ - before);
    if (next_ == before && done == 0) {  // the first frame needs more than was loaded
      if (loaded == available || loaded == kWindow) {
        packets[0]->drop =
            loaded == kWindow ? DropReason::kDestinationTooSmall : DropReason::kDestinationFull;
        packets = packets.subspan(1);
      }
      wanted = kWindow;
    }
  }
  if (next_ != begin) {
    own_index_.store(next_, std::memory_order_release);
  }
}

void TxRing::LoadWindow(unsigned count) {
  if (!own_.empty()) {
    for (unsigned i = 0; i < count; ++i) {
      window_[i].descriptor = own_[(next_ + i) & (ring_.size() - 1U)];
    }
  } else {
    ring_.Prefetch(next_, count);
    for (unsigned i = 0; i < count; ++i) {
      window_[i].descriptor = ring_.Load(static_cast<std::uint16_t>(next_ + i));
    }
  }
  for (unsigned i = 0; i < count; ++i) {
    window_[i].data = regions_.BufferOf(window_[i].descriptor);
    __builtin_prefetch(window_[i].data, 1);
  }
}

unsigned TxRing::Fill(std::span<core::Packet* const> packets, unsigned loaded) {
  unsigned used = 0;
  unsigned done = 0;
  for (; done < packets.size() && used < loaded; ++done) {
    core::Packet& packet = *packets[done];
    const Buffer& buffer = window_[used];
    const std::uint32_t length = packet.frame_length();
    if (buffer.data != nullptr && length <= buffer.descriptor.length) [[likely]] {
      core::CopyFrame(packet, buffer.data);
      if (packet.offload.needs_checksum) {
        core::CompleteChecksum(packet.offload, buffer.data, length);
      }
      Publish(buffer, 0, length);
      ++used;
      continue;
    }
    const unsigned scattered = Scatter(packet, std::span(window_).subspan(used, loaded - used));
    if (scattered == 0) {
      break;
    }
    used += scattered;
  }
  return done;
}

unsigned TxRing::Scatter(core::Packet& packet, std::span<const Buffer> buffers) {
  const std::uint32_t length = packet.frame_length();
  std::uint64_t room = 0;
  unsigned count = 0;
  bool valid = true;
  while (valid && room < length && count < buffers.size()) {
    valid = buffers[count].data != nullptr;
    room += buffers[count].descriptor.length;
    ++count;
  }
  if (!valid) {
    // What the peer lent here is unusable: it goes back empty, so that the ring moves on.
    for (const Buffer& buffer : buffers.first(count)) {
      Publish(buffer, 0, 0);
    }
    packet.drop = DropReason::kDestinationBuffer;
    return count;
  }
  if (room < length) {
    return 0;
  }
  core::FrameReader reader(packet);
  std::array<std::span<std::uint8_t>, kWindow> pieces;
  std::uint32_t left = length;
  for (unsigned i = 0; i < count; ++i) {
    const std::uint32_t n = std::min(left, buffers[i].descriptor.length);
    reader.CopyTo(buffers[i].data, n);
    pieces[i] = {buffers[i].data, n};
    left -= n;
    Publish(buffers[i], left == 0 ? std::uint16_t{0} : kNextDescriptor, n);
  }
  if (packet.offload.needs_checksum) {
    CompleteScatteredChecksum(packet.offload, std::span(pieces).first(count));
  }
  return count;
}

void TxRing::Publish(const Buffer& buffer, std::uint16_t flags, std::uint32_t length) {
  ring_.Store(next_++, {.flags = flags,
                        .region = buffer.descriptor.region,
                        .length = length,
                        .offset = buffer.descriptor.offset,
                        .metadata = 0});
}

}  // namespace pollux::vhost::memif
