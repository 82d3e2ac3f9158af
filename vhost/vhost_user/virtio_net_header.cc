#include "vhost/vhost_user/virtio_net_header.h"

#include <algorithm>

#include "dataplane/net/headers.h"

namespace pollux::vhost::vhost_user {
namespace {

// The segment size below which a large frame would be mostly headers: a guest that asks for it
// wants to make work. Linux's own bound (TCP_MIN_GSO_SIZE).
constexpr std::uint16_t kMinGsoSize = 8;

bool GsoAllowed(std::uint8_t type, const Offloads& negotiated, core::Gso& gso) {
  switch (type) {
    case VirtioNetHeader::kGsoNone:
      gso = core::Gso::kNone;
      return true;
    case VirtioNetHeader::kGsoTcp4:
      gso = core::Gso::kTcp4;
      return negotiated.tso4;
    case VirtioNetHeader::kGsoTcp6:
      gso = core::Gso::kTcp6;
      return negotiated.tso6;
    default:
      return false;
  }
}

std::uint8_t GsoType(core::Gso gso) {
  switch (gso) {
    case core::Gso::kTcp4:
      return VirtioNetHeader::kGsoTcp4;
    case core::Gso::kTcp6:
      return VirtioNetHeader::kGsoTcp6;
    default:
      return VirtioNetHeader::kGsoNone;
  }
}

// Where the TCP payload begins, as far as the private head tells.
std::uint16_t TcpHeadersEnd(const core::Packet& packet) {
  const auto* tcp = packet.HeaderAt<net::TcpHeader>(packet.offload.checksum_start);
  const unsigned end = packet.offload.checksum_start + (tcp != nullptr ? tcp->header_length() : 0U);
  return static_cast<std::uint16_t>(std::min<std::uint32_t>(end, packet.frame_length()));
}

}  // namespace

core::DropReason ParseOffload(const VirtioNetHeader& header, std::uint32_t frame_length,
                              const Offloads& negotiated, core::Offload& offload) {
  const bool partial = (header.flags & VirtioNetHeader::kNeedsChecksum) != 0;
  if (!GsoAllowed(header.gso_type, negotiated, offload.gso)) {
    return core::DropReason::kRingOffload;
  }
  if (offload.gso != core::Gso::kNone) {
    if (!partial || header.gso_size < kMinGsoSize) {
      return core::DropReason::kRingOffload;
    }
    offload.gso_size = header.gso_size;
  }
  if (partial) {
    const std::uint32_t field = std::uint32_t{header.checksum_start} + header.checksum_offset;
    if (!negotiated.checksum || header.checksum_start < sizeof(net::EthernetHeader) ||
        field + sizeof(net::Be16) > frame_length) {
      return core::DropReason::kRingOffload;
    }
    offload.needs_checksum = true;
    offload.checksum_start = header.checksum_start;
    offload.checksum_offset = header.checksum_offset;
  }
  return core::DropReason::kNone;
}

VirtioNetHeader BuildHeader(const core::Packet& packet, const Offloads& negotiated,
                            std::uint16_t buffer_count) {
  VirtioNetHeader header{};
  header.buffer_count = buffer_count;
  if (packet.offload.needs_checksum && negotiated.checksum) {
    header.flags = VirtioNetHeader::kNeedsChecksum;
    header.checksum_start = packet.offload.checksum_start;
    header.checksum_offset = packet.offload.checksum_offset;
  }
  if (packet.offload.gso != core::Gso::kNone) {
    header.gso_type = GsoType(packet.offload.gso);
    header.gso_size = packet.offload.gso_size;
    header.header_length = TcpHeadersEnd(packet);
  }
  return header;
}

}  // namespace pollux::vhost::vhost_user
