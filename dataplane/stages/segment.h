// Large frames cut down for destinations that cannot take them: TCP and UDP segmentation (GSO) and
// IPv4 fragmentation, as slices of the same payload under a header template.
//
// No payload byte is touched here: each piece is a packet of its own with a private copy of the
// headers, patched (lengths, IP id, sequence number, flags, partial checksum), and a range of the
// original's segments; the copy into the destination moves it. Payload that lies in the original's
// private head comes from there, so no foreign byte is read twice. Segments carry needs_checksum,
// so that the port completes or offloads them.
// Threading: one worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/core/packet.h"

namespace pollux::stages {

class Segmenter {
 public:
  static constexpr unsigned kPieces = 64;  // per call of Next()
  // What one frame may cost: 64 KB in pieces of 64 bytes.
  static constexpr unsigned kMostPieces = 1024;

  // Each starts to cut `packet`, which stays valid and unchanged meanwhile. False if it cannot be
  // cut: drop it as `segmentation`.

  // A GSO frame to pieces of offload.gso_size L4 payload bytes. Not: without needs_checksum,
  // headers beyond the head, more than kMostPieces.
  bool StartSegments(const core::Packet& packet);
  // An IPv4 packet to fragments of at most `mtu` L3 bytes (RFC 791 section 3.2). Options that are
  // not to be copied become no-operations in all but the first. Not: with DF, and with
  // needs_checksum, since that checksum spans the fragments and its completion would read the
  // payload a second time.
  bool StartFragments(const core::Packet& packet, std::uint16_t mtu);
  // The next pieces, at most kPieces, valid until the next call; empty when all are out.
  std::span<core::Packet> Next();

 private:
  bool Start(const core::Packet& packet, std::uint32_t header_length, std::uint32_t piece_payload,
             std::uint32_t total);
  core::Packet& Cut(unsigned index, std::uint32_t length);
  void PatchSegment(core::Packet& piece, std::uint32_t length) const;
  void PatchFragment(core::Packet& piece, std::uint32_t length) const;
  void Advance(std::uint32_t foreign);
  [[nodiscard]] bool is_first() const { return offset_ == 0; }
  [[nodiscard]] bool is_last(std::uint32_t length) const { return offset_ + length == total_; }

  const core::Packet* packet_ = nullptr;
  bool fragments_ = false;
  std::uint32_t header_length_ = 0;  // repeated in front of each piece
  std::uint32_t piece_payload_ = 0;
  std::uint32_t offset_ = 0;  // of the next piece, in the payload behind the header
  std::uint32_t total_ = 0;
  // Where the foreign part of the next piece starts.
  const core::Segment* segments_ = nullptr;
  std::uint16_t segments_left_ = 0;
  std::uint32_t segment_offset_ = 0;

  std::array<core::Packet, kPieces> pieces_;
  struct alignas(64) Head {
    std::array<std::uint8_t, core::kHeaderBytes> bytes;
  };
  std::array<Head, kPieces> heads_;
};

}  // namespace pollux::stages
