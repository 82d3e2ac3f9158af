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

// Copies exactly `length` bytes between distinct buffers. Short lengths use a few overlapping
// vector moves, with no byte written beyond `length`.
inline void CopyBytes(std::uint8_t* to, const std::uint8_t* from, std::size_t length) {
  const auto overlapping = [&](auto chunk) {
    using Chunk = decltype(chunk);
    Chunk first;
    Chunk last;
    std::memcpy(&first, from, sizeof(Chunk));
    std::memcpy(&last, from + length - sizeof(Chunk), sizeof(Chunk));
    std::memcpy(to, &first, sizeof(Chunk));
    std::memcpy(to + length - sizeof(Chunk), &last, sizeof(Chunk));
  };
  struct Chunk16 {
    std::uint8_t bytes[16];
  };
  struct Chunk32 {
    std::uint8_t bytes[32];
  };
  struct Chunk64 {
    std::uint8_t bytes[64];
  };
  if (length > 128) {
    std::memcpy(to, from, length);
  } else if (length >= 64) {
    overlapping(Chunk64{});
  } else if (length >= 32) {
    overlapping(Chunk32{});
  } else if (length >= 16) {
    overlapping(Chunk16{});
  } else if (length >= 8) {
    overlapping(std::uint64_t{});
  } else if (length >= 4) {
    overlapping(std::uint32_t{});
  } else if (length >= 2) {
    overlapping(std::uint16_t{});
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

// The whole frame to one run of at least frame_length() bytes.
inline void CopyFrame(const Packet& packet, std::uint8_t* to) {
  CopyBytes(to, packet.head, packet.head_length);
  if (packet.payload_length == 0) {
    return;
  }
  const Segment& first = packet.segments[0];
  if (std::uint64_t{packet.payload_offset} + packet.payload_length <= first.length) {
    CopyBytes(to + packet.head_length, first.data + packet.payload_offset, packet.payload_length);
    return;
  }
  FrameReader reader(packet);
  // The head again is cheaper than a second constructor; it is private memory.
  reader.CopyTo(to, packet.frame_length());
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
