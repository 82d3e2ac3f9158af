// struct virtio_net_hdr of virtio 1.2 section 5.1.6: what a guest's driver and its device tell each
// other about a frame besides its bytes. 12 bytes (VERSION_1), little endian.
// Threading: pure functions.
#pragma once

#include <cstdint>

#include "dataplane/core/packet.h"

namespace pollux::vhost::vhost_user {

struct VirtioNetHeader {
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t header_length;  // a hint only: never relied upon
  std::uint16_t gso_size;
  std::uint16_t checksum_start;
  std::uint16_t checksum_offset;
  std::uint16_t buffer_count;  // device to driver: RX buffers that the frame lies in

  static constexpr std::uint8_t kNeedsChecksum = 1;
  static constexpr std::uint8_t kGsoNone = 0;
  static constexpr std::uint8_t kGsoTcp4 = 1;
  static constexpr std::uint8_t kGsoTcp6 = 4;
};
static_assert(sizeof(VirtioNetHeader) == 12);

// Which of the offloads were negotiated for one direction.
struct Offloads {
  bool checksum = false;
  bool tso4 = false;
  bool tso6 = false;
  [[nodiscard]] bool any() const { return checksum; }  // TSO depends on it (section 5.1.3.1)
};

// The header of a frame from the guest, checked against the frame's length and the negotiated
// offloads. kRingOffload if they contradict each other, else kNone with `offload` filled in. That
// the fields also fit the parsed L4 header is checked where that is known.
core::DropReason ParseOffload(const VirtioNetHeader& header, std::uint32_t frame_length,
                              const Offloads& negotiated, core::Offload& offload);

// The header of a frame to the guest in `buffer_count` buffers. What was negotiated is left for him
// to do as the packet's offload says; the caller completes checksums that were not, and has dropped
// frames whose segmentation was not.
VirtioNetHeader BuildHeader(const core::Packet& packet, const Offloads& negotiated,
                            std::uint16_t buffer_count);

}  // namespace pollux::vhost::vhost_user
