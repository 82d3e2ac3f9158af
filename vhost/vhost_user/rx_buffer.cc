#include "vhost/vhost_user/rx_buffer.h"

#include <algorithm>
#include <cstring>

#include "dataplane/core/copy.h"
#include "dataplane/net/checksum.h"
#include "vhost/vhost_user/chain.h"

namespace pollux::vhost::vhost_user {
namespace {

// Calls visit(piece) for the parts of `pieces` that hold bytes [begin, end) of what was written.
template <typename Visit>
void ForRange(std::span<const std::span<std::uint8_t>> pieces, std::uint64_t begin,
              std::uint64_t end, const Visit& visit) {
  std::uint64_t at = 0;
  for (const auto piece : pieces) {
    const std::uint64_t from = std::max(begin, at);
    const std::uint64_t to = std::min(end, at + piece.size());
    if (from < to) {
      visit(piece.subspan(from - at, to - from));
    }
    at += piece.size();
    if (at >= end) {
      return;
    }
  }
}

}  // namespace

bool GatheredBuffers::Add(const Device& device, const Vring& ring, std::uint16_t head,
                          const Descriptor& first, std::uint64_t wanted) {
  if (head_count_ == kMaxPieces) {
    too_many_ = true;
    return false;
  }
  ChainWalker chain(device, ring, BufferDirection::kWrittenByDevice, first);
  std::uint64_t capacity = 0;
  while (capacity_ + capacity < wanted) {
    const auto piece = chain.Next();
    if (piece.empty()) {
      break;
    }
    if (piece_count_ == kMaxPieces) {
      too_many_ = true;
      return false;
    }
    pieces_[piece_count_++] = piece;
    capacity += piece.size();
  }
  // Also when it failed: it is given back.
  heads_[head_count_++] = {.id = head, .capacity = capacity};
  capacity_ += capacity;
  return !chain.failed();
}

void GatheredBuffers::Write(const Device& device, const core::Packet& packet) const {
  const VirtioNetHeader header =
      BuildHeader(packet, device.to_guest, static_cast<std::uint16_t>(head_count_));
  const auto* header_bytes = reinterpret_cast<const std::uint8_t*>(&header);
  const std::span pieces(pieces_.data(), piece_count_);
  ForRange(pieces, 0, sizeof header, [&](std::span<std::uint8_t> to) {
    std::memcpy(to.data(), header_bytes, to.size());
    header_bytes += to.size();
  });
  core::FrameReader reader(packet);
  ForRange(pieces, sizeof header, sizeof header + std::uint64_t{packet.frame_length()},
           [&](std::span<std::uint8_t> to) { reader.CopyTo(to.data(), to.size()); });
  if (packet.offload.needs_checksum && !device.to_guest.checksum) {
    CompleteChecksum(packet);
  }
}

// core::CompleteChecksum for a frame in pieces.
void GatheredBuffers::CompleteChecksum(const core::Packet& packet) const {
  const std::span pieces(pieces_.data(), piece_count_);
  const std::uint64_t start = sizeof(VirtioNetHeader) + packet.offload.checksum_start;
  const std::uint64_t end = sizeof(VirtioNetHeader) + std::uint64_t{packet.frame_length()};
  const std::uint64_t field = start + packet.offload.checksum_offset;
  if (field + sizeof(net::Be16) > end) {
    return;
  }
  net::ChecksumAccumulator sum;
  ForRange(pieces, start, end, [&](std::span<std::uint8_t> part) { sum.Add(part); });
  net::Be16 checksum = sum.Finish();
  if (checksum.raw() == 0) {
    checksum = net::Be16{0xffff};  // as in core::CompleteChecksum
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&checksum);
  ForRange(pieces, field, field + sizeof checksum, [&](std::span<std::uint8_t> to) {
    std::memcpy(to.data(), bytes, to.size());
    bytes += to.size();
  });
}

void GatheredBuffers::WriteUsed(const Vring& ring, std::uint32_t position,
                                std::uint64_t bytes) const {
  for (unsigned i = 0; i < head_count_; ++i) {
    const std::uint64_t here = std::min(bytes, heads_[i].capacity);
    ring.WriteUsed(position + i, heads_[i].id, static_cast<std::uint32_t>(here));
    bytes -= here;
  }
}

}  // namespace pollux::vhost::vhost_user
