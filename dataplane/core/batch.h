// A burst of packets from one port queue, with the private memory that it needs.
//
// One Batch per worker, reused for every burst, so that it stays in the L1 cache (64 heads of which
// two or four lines each are touched). Ports append packets while they receive; Reset() before.
// Threading: owned by one worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/core/packet.h"

namespace pollux::core {

inline constexpr unsigned kBurst = 64;
// A 64 KB frame of a Linux guest lies in up to 19 pieces; bursts of those end early.
inline constexpr unsigned kMaxSegmentsPerFrame = 64;
inline constexpr unsigned kSegmentsPerBatch = 512;

class Batch {
 public:
  void Reset(net::PortId ingress) {
    count_ = 0;
    segments_used_ = 0;
    ingress_ = ingress;
  }

  // Room for one more packet of the most segments? (One of a single segment has room as long as
  // there are fewer than kBurst.)
  [[nodiscard]] bool HasRoom() const {
    return count_ < kBurst && segments_used_ + kMaxSegmentsPerFrame <= kSegmentsPerBatch;
  }

  // Where the next packet's segments go: kMaxSegmentsPerFrame of them if HasRoom(), else one.
  [[nodiscard]] Segment* NextSegments() { return &segments_[segments_used_]; }

  // Appends a packet whose `segment_count` segments were written to NextSegments(). `frame_length`
  // is the sum of their lengths. A packet that the port must count and give back but not forward
  // is appended with its drop reason (frame_length and segments may be 0).
  Packet& Append(std::uint16_t segment_count, std::uint32_t frame_length, const Offload& offload,
                 DropReason drop = DropReason::kNone) {
    Packet& packet = packets_[count_];
    packet.head = &heads_[count_].bytes[kHeadroomBytes];
    packet.segments = &segments_[segments_used_];
    packet.segment_count = segment_count;
    packet.ingress = ingress_;
    packet.payload_length = frame_length;  // nothing loaded yet
    packet.offload = offload;
    packet.payload_offset = 0;
    packet.head_length = 0;
    packet.egress = net::kNoPort;
    packet.l3_offset = 0;  // not parsed yet
    packet.l4_offset = 0;
    packet.ip = IpVersion::kNone;
    packet.protocol = {};
    packet.is_fragment = false;
    packet.is_first_fragment = false;
    packet.drop = drop;
    packet.direction = nullptr;
    segments_used_ += segment_count;
    ++count_;
    return packet;
  }

  [[nodiscard]] unsigned size() const { return count_; }
  [[nodiscard]] net::PortId ingress() const { return ingress_; }
  [[nodiscard]] std::span<Packet> packets() { return {packets_.data(), count_}; }

 private:
  // 128 bytes of headroom, then the 128 bytes of the head.
  struct alignas(64) Head {
    std::array<std::uint8_t, kHeadroomBytes + kHeaderBytes> bytes;
  };

  unsigned count_ = 0;
  unsigned segments_used_ = 0;
  net::PortId ingress_;
  std::array<Packet, kBurst> packets_;
  std::array<Head, kBurst> heads_;
  std::array<Segment, kSegmentsPerBatch + kBurst> segments_;
};

}  // namespace pollux::core
