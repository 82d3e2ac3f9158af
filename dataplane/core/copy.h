// Moving a frame to where it goes: the one copy of the payload.
//
// Sources are a packet's private head and its foreign segments; each foreign byte is read exactly
// once. Destinations are bounded by the caller before the call.
// Threading: pure functions on the caller's data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/core/packet.h"

namespace pollux::core {

namespace internal {

// Values that the compiler keeps in vector registers (structs of bytes would go over the stack).
using Vector16 = std::uint8_t __attribute__((vector_size(16)));
using Vector32 = std::uint8_t __attribute__((vector_size(32)));

template <typename Chunk>
inline Chunk Load(const std::uint8_t* from) {
  Chunk chunk;
  std::memcpy(&chunk, from, sizeof chunk);
  return chunk;
}

template <typename Chunk>
inline void Store(std::uint8_t* to, Chunk chunk) {
  std::memcpy(to, &chunk, sizeof chunk);
}

// From one to two chunks.
template <typename Chunk>
inline void CopyOverlapping(std::uint8_t* to, const std::uint8_t* from, std::size_t length) {
  const auto first = Load<Chunk>(from);
  const auto last = Load<Chunk>(from + length - sizeof(Chunk));
  Store(to, first);
  Store(to + length - sizeof(Chunk), last);
}

}  // namespace internal

// Copies exactly `length` bytes between distinct buffers. Short lengths use a few overlapping
// vector moves, with no byte written beyond `length`.
inline void CopyBytes(std::uint8_t* to, const std::uint8_t* from, std::size_t length) {
  using internal::CopyOverlapping, internal::Load, internal::Store;
  using internal::Vector16, internal::Vector32;
  if (length > 128) {
    std::memcpy(to, from, length);
  } else if (length > 64) {
    const auto first = Load<Vector32>(from);
    const auto second = Load<Vector32>(from + sizeof(Vector32));
    CopyOverlapping<Vector32>(to + length - 64, from + length - 64, 64);
    Store(to, first);
    Store(to + sizeof(Vector32), second);
  } else if (length >= 32) {
    CopyOverlapping<Vector32>(to, from, length);
  } else if (length >= 16) {
    CopyOverlapping<Vector16>(to, from, length);
  } else if (length >= 8) {
    CopyOverlapping<std::uint64_t>(to, from, length);
  } else if (length >= 4) {
    CopyOverlapping<std::uint32_t>(to, from, length);
  } else if (length >= 2) {
    CopyOverlapping<std::uint16_t>(to, from, length);
  } else if (length == 1) {
    *to = *from;
  }
}

// Reads a frame front to back: the head as it stands, then the payload from the segments.
class FrameReader {
 public:
  explicit FrameReader(const Packet& packet)
      : at_(packet.head),
        run_(packet.head_length),
        segment_(packet.segments),
        payload_left_(packet.payload_length),
        skip_(packet.payload_offset) {}

  // Copies the next `length` bytes; the caller asks for no more than the frame has left.
  void CopyTo(std::uint8_t* to, std::size_t length) {
    while (length > 0) {
      if (run_ == 0) {
        NextRun();
      }
      const std::size_t n = std::min<std::size_t>(length, run_);
      CopyBytes(to, at_, n);
      to += n;
      at_ += n;
      run_ -= static_cast<std::uint32_t>(n);
      length -= n;
    }
  }

 private:
  void NextRun() {
    while (skip_ >= segment_->length) {
      skip_ -= segment_->length;
      ++segment_;
    }
    at_ = segment_->data + skip_;
    run_ = std::min(segment_->length - skip_, payload_left_);
    payload_left_ -= run_;
    skip_ = 0;
    ++segment_;
  }

  const std::uint8_t* at_;
  std::uint32_t run_;
  const Segment* segment_;
  std::uint32_t payload_left_;
  std::uint32_t skip_;
};

// CopyFrame, whatever the frame lies in.
void CopyScatteredFrame(const Packet& packet, std::uint8_t* to);

// The whole frame to one run of at least frame_length() bytes.
inline void CopyFrame(const Packet& packet, std::uint8_t* to) {
  if (packet.payload_length == 0) {
    CopyBytes(to, packet.head, packet.head_length);
    return;
  }
  const Segment& first = packet.segments[0];
  if (std::uint64_t{packet.payload_offset} + packet.payload_length <= first.length) {
    CopyBytes(to, packet.head, packet.head_length);
    CopyBytes(to + packet.head_length, first.data + packet.payload_offset, packet.payload_length);
    return;
  }
  CopyScatteredFrame(packet, to);
}

// Copies the first bytes of the frame into the private head: the only read of those bytes.
// Frames are at least an Ethernet header long (the port dropped shorter ones).
inline void LoadHead(Packet& packet) {
  const std::uint32_t wanted = std::min<std::uint32_t>(packet.payload_length, kHeaderBytes);
  const Segment& first = packet.segments[0];
  if (first.length >= wanted) {
    CopyBytes(packet.head, first.data, wanted);
  } else {
    std::uint32_t loaded = 0;
    for (const Segment* s = packet.segments; loaded < wanted; ++s) {
      const std::uint32_t n = std::min(s->length, wanted - loaded);
      CopyBytes(packet.head + loaded, s->data, n);
      loaded += n;
    }
  }
  packet.head_length = static_cast<std::uint16_t>(wanted);
  packet.payload_offset = wanted;
  packet.payload_length -= wanted;
}

// Completes a partial checksum over the frame as it lies at the destination (RFC 1071; the field
// holds the pseudo-header's sum). The source is never touched. `frame` may be private or foreign:
// whatever its owner does to it meanwhile harms only himself.
void CompleteChecksum(const Offload& offload, std::uint8_t* frame, std::uint32_t frame_length);

}  // namespace pollux::core
