// Builds the frames that the generator sends: Ethernet, IPv4 or IPv6, UDP or TCP, real checksums.
//
// A flow's frame is fixed but for its stamp. BuildFrame writes it with a stamp of zeros and says
// what the rest adds up to; FinishFrame then puts a stamp in and completes the checksum from that
// sum, without reading the frame again.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"
#include "perf/pktgen/stamp.h"

namespace pollux::pktgen {

struct FrameSpec {
  net::MacAddress source_mac{};
  net::MacAddress destination_mac{};
  net::IpAddress source{};
  net::IpAddress destination{};                      // of the same family as the source
  net::IpProtocol protocol = net::IpProtocol::kUdp;  // or kTcp: bare segments with ACK set
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

// Where things lie in a frame: depends on family and protocol only. Bytes from the frame's start.
struct FrameLayout {
  unsigned l4;
  unsigned checksum;  // the L4 checksum field
  unsigned stamp;

  static FrameLayout Of(bool is_v6, net::IpProtocol protocol);
  // Smallest frame that holds the stamp, without FCS; at least 64 as the harnesses count.
  [[nodiscard]] std::size_t min_frame_bytes() const;
};

inline constexpr std::size_t kMaxFrameBytes =
    9018;  // 9000 bytes of IP and Ethernet with a VLAN tag

// Fills `frame` (its size is the frame's length, FrameLayout::min_frame_bytes() or more). Returns
// the folded one's-complement sum of pseudo-header, L4 header and payload, as raw words.
std::uint32_t BuildFrame(const FrameSpec& spec, std::span<std::uint8_t> frame);

// The L4 checksum for a frame whose other words add up to `sum`. UDP's zero means "none" (RFC 768),
// so it is sent as all ones; TCP takes the same, as both are zero in one's complement.
inline net::Be16 ChecksumWith(std::uint32_t sum, const Stamp& stamp) {
  std::uint64_t total = std::uint64_t{sum} + stamp.tag_and_flow.raw() + stamp.sequence.raw();
  const std::uint64_t timestamp = stamp.timestamp.raw();
  total += (timestamp & 0xffffffff) + (timestamp >> 32);
  total = (total & 0xffffffff) + (total >> 32);
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  const auto checksum = static_cast<std::uint16_t>(~total);
  return net::Be16::FromRaw(checksum == 0 ? 0xffff : checksum);
}

inline void FinishFrame(const FrameLayout& layout, std::uint32_t sum, const Stamp& stamp,
                        std::uint8_t* frame) {
  *reinterpret_cast<Stamp*>(frame + layout.stamp) = stamp;
  *reinterpret_cast<net::Be16*>(frame + layout.checksum) = ChecksumWith(sum, stamp);
}

// True if the IPv4 header's checksum (if any) and the L4 checksum of a frame of this layout hold.
// The frame may be longer than its IP packet (padding).
bool ChecksumsHold(const FrameLayout& layout, std::span<const std::uint8_t> frame);

}  // namespace pollux::pktgen
