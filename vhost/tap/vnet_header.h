// struct virtio_net_hdr_v1 in front of every frame of a TAP device (virtio 1.2 section 5.1.6),
// 12 bytes, little endian, and its two-way conversion to core::Offload.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/core/packet.h"

namespace pollux::vhost {

struct VnetHeader {
  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t header_length =
      0;  // L2 to L4, a hint: what the receiver had better have in one run
  std::uint16_t gso_size = 0;
  std::uint16_t checksum_start = 0;   // from the first byte of the frame
  std::uint16_t checksum_offset = 0;  // from checksum_start
  std::uint16_t buffer_count = 0;     // unused by TAP

  static constexpr std::uint8_t kNeedsChecksum = 1;
  static constexpr std::uint8_t kGsoNone = 0;
  static constexpr std::uint8_t kGsoTcp4 = 1;
  static constexpr std::uint8_t kGsoTcp6 = 4;
  static constexpr std::uint8_t kGsoUdp = 5;

  friend bool operator==(const VnetHeader&, const VnetHeader&) = default;
};
static_assert(sizeof(VnetHeader) == 12);

// The header for a packet as it stands, its head loaded.
VnetHeader ToVnetHeader(const core::Packet& packet);

// What the header of a received frame asks for; nullopt if it contradicts the frame's length or
// asks for what a TAP of ours never negotiates (drop reason kRingOffload).
std::optional<core::Offload> FromVnetHeader(const VnetHeader& header, std::uint32_t frame_length);

}  // namespace pollux::vhost
