// What a frame is written into when one plain buffer is not enough: pieces of the guest's memory
// from one or several (mergeable) buffers of its receive ring.
//
// Gathering only reads descriptors; nothing is written before everything has room.
// Threading: a value on one worker's stack.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/core/packet.h"
#include "vhost/vhost_user/vring.h"

namespace pollux::vhost::vhost_user {

// Enough for 64 KB in mergeable buffers of 512 bytes.
inline constexpr unsigned kMaxPieces = 136;

class GatheredBuffers {
 public:
  // Adds the chain of one head, as far as it takes for `wanted` bytes in all. False: something is
  // wrong with it, or it is in too many pieces (too_many()).
  bool Add(const Device& device, const Vring& ring, std::uint16_t head, const Descriptor& first,
           std::uint64_t wanted);

  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
  [[nodiscard]] unsigned head_count() const { return head_count_; }
  [[nodiscard]] bool too_many() const { return too_many_; }

  // Moves the frame with its header into the pieces, which have room for it.
  void Write(const Device& device, const core::Packet& packet) const;

  // Writes the used elements of the heads from `position` on; `bytes` were written in all.
  void WriteUsed(const Vring& ring, std::uint32_t position, std::uint64_t bytes) const;

 private:
  struct Head {
    std::uint16_t id;
    std::uint64_t capacity;
  };

  void CompleteChecksum(const core::Packet& packet) const;

  std::uint64_t capacity_ = 0;
  unsigned head_count_ = 0;
  unsigned piece_count_ = 0;
  bool too_many_ = false;
  std::array<Head, kMaxPieces> heads_;
  std::array<std::span<std::uint8_t>, kMaxPieces> pieces_;
};

}  // namespace pollux::vhost::vhost_user
