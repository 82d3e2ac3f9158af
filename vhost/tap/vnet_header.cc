#include "vhost/tap/vnet_header.h"

#include <cstddef>

#include "dataplane/net/endian.h"  // asserts a little-endian host

namespace pollux::vhost {
namespace {

constexpr std::uint8_t kGsoTypes[] = {VnetHeader::kGsoNone, VnetHeader::kGsoTcp4,
                                      VnetHeader::kGsoTcp6, VnetHeader::kGsoUdp};

std::optional<core::Gso> GsoOf(std::uint8_t gso_type) {
  switch (gso_type) {
    case VnetHeader::kGsoNone:
      return core::Gso::kNone;
    case VnetHeader::kGsoTcp4:
      return core::Gso::kTcp4;
    case VnetHeader::kGsoTcp6:
      return core::Gso::kTcp6;
    case VnetHeader::kGsoUdp:
      return core::Gso::kUdp;
    default:  // UFO and ECN are not negotiated
      return std::nullopt;
  }
}

// Where the L4 payload begins: the checksum starts with the L4 header. 0 if unknown.
std::uint16_t HeaderLength(const core::Packet& packet) {
  const unsigned l4 = packet.offload.checksum_start;
  if (packet.offload.gso == core::Gso::kUdp) {
    return static_cast<std::uint16_t>(l4 + sizeof(net::UdpHeader));
  }
  const auto* tcp = packet.HeaderAt<net::TcpHeader>(l4);
  return static_cast<std::uint16_t>(tcp != nullptr ? l4 + tcp->header_length() : 0);
}

}  // namespace

VnetHeader ToVnetHeader(const core::Packet& packet) {
  VnetHeader header;
  const core::Offload& offload = packet.offload;
  if (offload.needs_checksum) {
    header.flags = VnetHeader::kNeedsChecksum;
    header.checksum_start = offload.checksum_start;
    header.checksum_offset = offload.checksum_offset;
  }
  if (offload.gso != core::Gso::kNone) {
    header.gso_type = kGsoTypes[static_cast<std::size_t>(offload.gso)];
    header.gso_size = offload.gso_size;
    header.header_length = HeaderLength(packet);
  }
  return header;
}

std::optional<core::Offload> FromVnetHeader(const VnetHeader& header, std::uint32_t frame_length) {
  const std::optional<core::Gso> gso = GsoOf(header.gso_type);
  if (!gso.has_value()) {
    return std::nullopt;
  }
  core::Offload offload;
  offload.needs_checksum = (header.flags & VnetHeader::kNeedsChecksum) != 0;
  offload.gso = *gso;
  if (offload.needs_checksum) {
    offload.checksum_start = header.checksum_start;
    offload.checksum_offset = header.checksum_offset;
    if (std::uint32_t{header.checksum_start} + header.checksum_offset + 2 > frame_length) {
      return std::nullopt;
    }
  }
  if (offload.gso != core::Gso::kNone) {
    offload.gso_size = header.gso_size;
    if (!offload.needs_checksum || header.gso_size == 0) {
      return std::nullopt;
    }
  }
  return offload;
}

}  // namespace pollux::vhost
