// Large frames cut down for destinations that cannot take them: TCP and UDP segmentation (GSO) and
// IPv4 fragmentation, as slices of the same payload under a header template.
//
// No payload byte is touched here: each piece is a packet of its own with a private copy of the
// headers, patched (lengths, IP id, sequence number, flags, partial checksum), and a range of the
// original's segments; the copy into the destination moves it. The pieces carry needs_checksum, so
// that the port completes or offloads them.
// Threading: one worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/core/packet.h"

namespace pollux::stages {

class Segmenter {
 public:
  static constexpr unsigned kPieces = 64;

  // Starts to cut `packet` (which stays valid and unchanged meanwhile). False if it cannot be cut
  // (headers that do not fit the head, no gso_size): drop it as `segmentation`.
  // For GSO frames: pieces of offload.gso_size L4 payload bytes.
  bool StartSegments(const core::Packet& packet);
  // For IPv4 packets without DF that exceed `mtu`: fragments (RFC 791 section 3.2).
  bool StartFragments(const core::Packet& packet, std::uint16_t mtu);
  // The next pieces, at most kPieces, valid until the next call; empty when all are out.
  std::span<core::Packet> Next();

 private:
  struct Source;  // described in segment.cc
  // Kept small and public to segment.cc only by its fields' names.
  const core::Packet* packet_ = nullptr;
  std::uint32_t header_length_ = 0;
  std::uint32_t piece_payload_ = 0;
  std::uint32_t offset_ = 0;  // of the next piece, in L4 (segments) or L3 (fragments) payload
  std::uint32_t total_ = 0;
  bool fragments_ = false;
  std::array<core::Packet, kPieces> pieces_;
  struct alignas(64) Head {
    std::array<std::uint8_t, core::kHeaderBytes> bytes;
  };
  std::array<Head, kPieces> heads_;
};

}  // namespace pollux::stages
