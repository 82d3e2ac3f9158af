// A packet on its way through the switch.
//
// Theory of operation. A frame lies in foreign memory that its owner may change at any time (a
// pod's ring, a memif region), or in a device's buffer. The switch never trusts a second look:
//  - the port reads the descriptors once and lists the pieces in `segments` (addresses already
//    bounded by the port);
//  - LoadHeaders copies the first bytes (up to kHeaderBytes) once into the packet's private head;
//  - every decision and every rewrite works on the head alone;
//  - the destination port moves the frame: the head as it stands now, then the payload, straight
//    from `segments` from `payload_offset` on, exactly once.
// So  frame = head[0, head_length) + segments[payload_offset, payload_offset + payload_length).
// A step may move `head` backwards into the headroom (encapsulation, ICMP errors) or forwards
// (decapsulation) and shorten `payload_length`; it never reads the payload.
//
// Threading: owned by one worker, for the time of one burst.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/core/drop_reason.h"
#include "dataplane/net/headers.h"
#include "dataplane/net/ids.h"

namespace pollux::tables {
struct Direction;
}  // namespace pollux::tables

namespace pollux::core {

// Bytes of a frame that are copied to private memory and may be parsed.
inline constexpr unsigned kHeaderBytes = 128;
// Room in front of the head for what encapsulation and ICMP errors prepend.
inline constexpr unsigned kHeadroomBytes = 128;
// Longest frame that a port may hand over: 64 KB of TCP payload and its headers.
inline constexpr std::uint32_t kMaxFrameBytes = 65536 + kHeaderBytes;

// One piece of foreign memory, bounded by the port that listed it.
struct Segment {
  const std::uint8_t* data;
  std::uint32_t length;
};

// Segmentation that the frame still needs (virtio 1.2 section 5.1.6, gso_type).
enum class Gso : std::uint8_t { kNone, kTcp4, kTcp6, kUdp };

// What the sender left for the device to do; the meaning of the fields is that of struct
// virtio_net_hdr. Validated against the parsed headers before anything relies on it.
struct Offload {
  bool needs_checksum = false;  // partial checksum: pseudo-header only
  Gso gso = Gso::kNone;
  std::uint16_t gso_size = 0;         // L4 payload bytes per segment
  std::uint16_t checksum_start = 0;   // from the first byte of the frame
  std::uint16_t checksum_offset = 0;  // from checksum_start

  // Nothing was left to do. (One comparison: the struct has no padding.)
  [[nodiscard]] bool none() const { return std::bit_cast<std::uint64_t>(*this) == 0; }

  friend bool operator==(const Offload&, const Offload&) = default;
};
static_assert(sizeof(Offload) == 8);

enum class IpVersion : std::uint8_t { kNone = 0, k4 = 4, k6 = 6 };

struct alignas(64) Packet {
  std::uint8_t* head = nullptr;  // first byte of the private head
  const Segment* segments = nullptr;
  std::uint16_t segment_count = 0;
  net::PortId ingress;
  std::uint32_t payload_length = 0;
  Offload offload;
  // From here on zero in a packet that was just received (Batch::Append).
  std::uint32_t payload_offset = 0;  // into the segments
  std::uint16_t head_length = 0;
  net::PortId egress;  // set by route

  // Set by parse; offsets from the first byte of the head.
  std::uint8_t l3_offset = 0;
  std::uint8_t l4_offset = 0;       // 0: no L4 header in this packet (later fragments)
  IpVersion ip = IpVersion::kNone;  // kNone: ARP
  net::IpProtocol protocol{};       // of the L4 header, extension headers skipped
  bool is_fragment = false;
  bool is_first_fragment = false;

  DropReason drop = DropReason::kNone;

  // Of its connection, once that is known and as long as its burst lasts.
  tables::Direction* direction = nullptr;

  [[nodiscard]] std::uint32_t frame_length() const { return head_length + payload_length; }

  // The header at `offset` if it lies wholly within the head, else null.
  template <typename Header>
  [[nodiscard]] Header* HeaderAt(unsigned offset) {
    static_assert(alignof(Header) == 1);
    return offset + sizeof(Header) <= head_length ? reinterpret_cast<Header*>(head + offset)
                                                  : nullptr;
  }
  template <typename Header>
  [[nodiscard]] const Header* HeaderAt(unsigned offset) const {
    return const_cast<Packet*>(this)->HeaderAt<Header>(offset);
  }

  // Headers whose presence parse has established.
  [[nodiscard]] net::EthernetHeader& ethernet() {
    return *reinterpret_cast<net::EthernetHeader*>(head);
  }
  [[nodiscard]] net::Ipv4Header& ipv4() {
    return *reinterpret_cast<net::Ipv4Header*>(head + l3_offset);
  }
  [[nodiscard]] net::Ipv6Header& ipv6() {
    return *reinterpret_cast<net::Ipv6Header*>(head + l3_offset);
  }
};
static_assert(sizeof(Packet) == 64);

}  // namespace pollux::core
