#include "dataplane/core/copy.h"

#include "dataplane/net/checksum.h"

namespace pollux::core {

void CopyScatteredFrame(const Packet& packet, std::uint8_t* to) {
  FrameReader(packet).CopyTo(to, packet.frame_length());
}

void CompleteChecksum(const Offload& offload, std::uint8_t* frame, std::uint32_t frame_length) {
  const std::uint32_t field = std::uint32_t{offload.checksum_start} + offload.checksum_offset;
  if (field + sizeof(net::Be16) > frame_length) {
    return;  // parse refuses such headers; a second look costs nothing
  }
  net::Be16 checksum = net::InternetChecksum(
      {frame + offload.checksum_start, frame_length - offload.checksum_start});
  // UDP: a computed zero is sent as all ones, since zero means "none" (RFC 768). For TCP both are
  // the same number in one's complement.
  if (checksum.raw() == 0) {
    checksum = net::Be16{0xffff};
  }
  std::memcpy(frame + field, &checksum, sizeof checksum);
}

}  // namespace pollux::core
