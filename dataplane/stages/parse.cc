#include "dataplane/stages/parse.h"

#include <optional>

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using net::IpProtocol;

constexpr unsigned kL3Offset = sizeof(net::EthernetHeader);

// The bytes of an L4 header without which it says nothing; 0 for protocols that the switch does
// not know. ICMPv6 messages have four bytes of header, but none is shorter than eight.
unsigned MinimumL4Header(IpProtocol protocol) {
  constexpr unsigned kSctpCommonHeader = 12;  // RFC 9260 section 3.1
  switch (protocol) {
    case IpProtocol::kTcp:
      return sizeof(net::TcpHeader);
    case IpProtocol::kUdp:
      return sizeof(net::UdpHeader);
    case IpProtocol::kIcmp:
    case IpProtocol::kIcmpv6:
      return sizeof(net::IcmpHeader);
    case IpProtocol::kSctp:
      return kSctpCommonHeader;
    default:
      return 0;
  }
}

// The L4 header's own length, larger than the minimum only in TCP.
unsigned L4HeaderLength(const Packet& packet, IpProtocol protocol, unsigned offset) {
  return protocol == IpProtocol::kTcp
             ? reinterpret_cast<const net::TcpHeader*>(packet.head + offset)->header_length()
             : MinimumL4Header(protocol);
}

// The first fragment must hold the whole L4 header, so its lack means something else there.
DropReason Truncated(const Packet& packet) {
  return packet.is_fragment ? DropReason::kFragmentInvalid : DropReason::kL4Header;
}

// The L4 header at `offset`, behind which the packet ends. Not called for later fragments.
DropReason ParseL4(Packet& packet, IpProtocol protocol, unsigned offset) {
  const std::uint32_t length = packet.frame_length() - offset;
  packet.protocol = protocol;
  packet.l4_offset = static_cast<std::uint8_t>(offset);
  const unsigned minimum = MinimumL4Header(protocol);
  if (length < minimum) {
    return Truncated(packet);
  }
  if (offset + minimum > packet.head_length) {
    return DropReason::kHeadersTooLong;
  }
  const unsigned header_length = L4HeaderLength(packet, protocol, offset);
  if (header_length < minimum) {
    return DropReason::kL4Header;
  }
  if (header_length > length) {
    return Truncated(packet);
  }
  if (offset + header_length > packet.head_length) {
    return DropReason::kHeadersTooLong;
  }
  if (protocol == IpProtocol::kUdp) {
    // Shorter than the IP payload is legal (RFC 9868); a first fragment says the whole's length.
    const std::uint32_t udp_length = packet.HeaderAt<net::UdpHeader>(offset)->length.value();
    if (udp_length < minimum || (!packet.is_fragment && udp_length > length)) {
      return DropReason::kL4Header;
    }
  }
  return DropReason::kNone;
}

struct Fragment {
  std::uint32_t offset;  // bytes
  bool more;
  std::uint32_t length;          // bytes of fragmentable part in this packet
  std::uint32_t unfragmentable;  // bytes of header that count towards the length limit
  IpProtocol protocol;
};

// RFC 791, RFC 8200 section 4.5; RFC 1858 and RFC 3128 for what overlaps the L4 header.
DropReason CheckFragment(const Fragment& f) {
  constexpr std::uint32_t kLongest = 65535;
  const bool overlaps_header = f.offset != 0 && f.offset < MinimumL4Header(f.protocol);
  const bool bad_length = f.length == 0 || (f.more && f.length % 8 != 0);
  const bool too_far = f.unfragmentable + f.offset + f.length > kLongest;
  return overlaps_header || bad_length || too_far ? DropReason::kFragmentInvalid
                                                  : DropReason::kNone;
}

void MarkFragment(Packet& packet, const Fragment& f) {
  packet.is_fragment = true;
  packet.is_first_fragment = f.offset == 0;
  packet.protocol = f.protocol;
}

// --- IPv4

enum class OptionKind : std::uint8_t {
  kEnd = 0,
  kNoOperation = 1,
  kRecordRoute = 7,
  kTimestamp = 68,
  kRouterAlert = 148,
};

bool PassesOptions(std::span<const std::uint8_t> options) {
  while (!options.empty()) {
    std::size_t length = 1;
    switch (static_cast<OptionKind>(options[0])) {
      case OptionKind::kEnd:
        return true;
      case OptionKind::kNoOperation:
        break;
      case OptionKind::kRecordRoute:
      case OptionKind::kTimestamp:
      case OptionKind::kRouterAlert:
        length = options.size() >= 2 ? options[1] : 0;
        if (length < 2 || length > options.size()) {
          return false;
        }
        break;
      default:
        return false;
    }
    options = options.subspan(length);
  }
  return true;
}

DropReason ParseIpv4Payload(Packet& packet, const net::Ipv4Header& ip) {
  const std::uint16_t bits = ip.fragment.value();
  const Fragment fragment{.offset = (bits & net::Ipv4Header::kOffsetMask) * 8U,
                          .more = (bits & net::Ipv4Header::kMoreFragments) != 0,
                          .length = ip.total_length.value() - ip.header_length(),
                          .unfragmentable = ip.header_length(),
                          .protocol = ip.protocol};
  if (fragment.offset != 0 || fragment.more) {
    MarkFragment(packet, fragment);
    const DropReason reason = CheckFragment(fragment);
    if (reason != DropReason::kNone || fragment.offset != 0) {
      return reason;
    }
  }
  return ParseL4(packet, ip.protocol, kL3Offset + ip.header_length());
}

// --- IPv6

bool IsExtensionHeader(IpProtocol next) {
  return next == IpProtocol::kHopByHop || next == IpProtocol::kRouting ||
         next == IpProtocol::kFragment || next == IpProtocol::kAuthentication ||
         next == IpProtocol::kDestinationOptions;
}

// RFC 4861's messages.
bool IsNeighbourDiscovery(std::uint8_t icmpv6_type) {
  return icmpv6_type >= net::Icmpv6Type::kRouterSolicitation &&
         icmpv6_type <= net::Icmpv6Type::kRedirect;
}

// Options of a hop-by-hop or destination options header: type, length, value (RFC 8200 section
// 4.2). Unknown ones are the destination's business; the jumbo payload option is refused.
bool PassesTlvs(std::span<const std::uint8_t> options) {
  constexpr std::uint8_t kPad1 = 0;
  constexpr std::uint8_t kJumboPayload = 0xc2;
  while (!options.empty()) {
    if (options[0] == kPad1) {
      options = options.subspan(1);
      continue;
    }
    if (options[0] == kJumboPayload || options.size() < 2 || options[1] + 2U > options.size()) {
      return false;
    }
    options = options.subspan(options[1] + 2U);
  }
  return true;
}

// Walks from the fixed header to the L4 header.
class ExtensionWalk {
 public:
  explicit ExtensionWalk(Packet& packet)
      : packet_(packet), next_(packet.ipv6().next_header), end_(packet.frame_length()) {}

  DropReason Run() {
    for (unsigned count = 0; IsExtensionHeader(next_) && !later_fragment_; ++count) {
      const bool misplaced = next_ == IpProtocol::kHopByHop && count > 0;
      if (misplaced || count == Parse::kMaxExtensionHeaders) {
        return DropReason::kIpv6Extension;
      }
      const DropReason reason = Step();
      if (reason != DropReason::kNone) {
        return reason;
      }
    }
    packet_.protocol = next_;
    if (later_fragment_ || next_ == IpProtocol::kNoNext) {
      return DropReason::kNone;
    }
    const DropReason reason = ParseL4(packet_, next_, offset_);
    const bool nd_in_fragment = reason == DropReason::kNone && fragment_header_ &&
                                next_ == IpProtocol::kIcmpv6 &&
                                IsNeighbourDiscovery(packet_.head[offset_]);
    return nd_in_fragment ? DropReason::kFragmentInvalid : reason;
  }

 private:
  static constexpr unsigned kUnit = 8;

  [[nodiscard]] unsigned HeaderLength() const {
    const unsigned length = packet_.head[offset_ + 1];
    switch (next_) {
      case IpProtocol::kFragment:
        return kUnit;
      case IpProtocol::kAuthentication:
        return (length + 2) * 4;  // RFC 4302 section 2.2
      default:
        return (length + 1) * kUnit;
    }
  }

  [[nodiscard]] DropReason Bounds(unsigned length) const {
    if (offset_ + length > end_) {
      return DropReason::kIpv6Extension;
    }
    return offset_ + length > packet_.head_length ? DropReason::kHeadersTooLong : DropReason::kNone;
  }

  // One extension header: its bounds, its rule, and on to the next.
  DropReason Step() {
    DropReason reason = Bounds(kUnit);
    if (reason != DropReason::kNone) {
      return reason;
    }
    const unsigned length = HeaderLength();
    reason = Bounds(length);
    if (reason == DropReason::kNone) {
      reason = Check({packet_.head + offset_, length});
    }
    next_ = static_cast<IpProtocol>(packet_.head[offset_]);
    offset_ += length;
    return reason;
  }

  DropReason Check(std::span<const std::uint8_t> header) {
    switch (next_) {
      case IpProtocol::kRouting: {
        const std::uint8_t type = header[2];
        const std::uint8_t segments_left = header[3];
        return type == 0 || segments_left > 0 ? DropReason::kIpv6RoutingHeader : DropReason::kNone;
      }
      case IpProtocol::kFragment:
        return CheckFragmentHeader();
      case IpProtocol::kAuthentication:
        return header.size() % kUnit == 0 ? DropReason::kNone : DropReason::kIpv6Extension;
      default:
        return PassesTlvs(header.subspan(2)) ? DropReason::kNone : DropReason::kIpv6Extension;
    }
  }

  DropReason CheckFragmentHeader() {
    if (fragment_header_) {
      return DropReason::kIpv6Extension;
    }
    fragment_header_ = true;
    const auto& header = *packet_.HeaderAt<net::Ipv6FragmentHeader>(offset_);
    const std::uint16_t bits = header.offset_and_more.value();
    const Fragment fragment{
        .offset = bits & 0xfff8U,
        .more = (bits & 1U) != 0,
        .length = end_ - offset_ - kUnit,
        .unfragmentable = offset_ - kL3Offset - unsigned{sizeof(net::Ipv6Header)},
        .protocol = header.next_header};
    if (fragment.offset == 0 && !fragment.more) {
      return DropReason::kNone;
    }
    MarkFragment(packet_, fragment);
    later_fragment_ = fragment.offset != 0;
    return CheckFragment(fragment);
  }

  Packet& packet_;
  IpProtocol next_;  // of the header at offset_
  unsigned offset_ = kL3Offset + sizeof(net::Ipv6Header);
  const unsigned end_;
  bool fragment_header_ = false;
  bool later_fragment_ = false;
};

}  // namespace

core::DropReason Parse::ParseIpv4(Packet& packet) {
  const auto* ip = packet.HeaderAt<net::Ipv4Header>(kL3Offset);
  if (ip == nullptr) {
    return DropReason::kIpv4Header;
  }
  const unsigned header_length = ip->header_length();
  const unsigned total = ip->total_length.value();
  if (ip->version() != 4 || header_length < sizeof *ip || total < header_length ||
      kL3Offset + total > packet.frame_length()) {
    return DropReason::kIpv4Header;
  }
  Trim(packet, kL3Offset + total);
  packet.ip = core::IpVersion::k4;
  const std::span<const std::uint8_t> header(packet.head + kL3Offset, header_length);
  if (net::InternetChecksum(header).raw() != 0) {
    return DropReason::kIpv4Checksum;
  }
  if (!PassesOptions(header.subspan(sizeof *ip))) {
    return DropReason::kIpv4Options;
  }
  return ParseIpv4Payload(packet, *ip);
}

core::DropReason Parse::ParseIpv6(Packet& packet) {
  const auto* ip = packet.HeaderAt<net::Ipv6Header>(kL3Offset);
  if (ip == nullptr || ip->version() != 6) {
    return DropReason::kIpv6Header;
  }
  const unsigned end = unsigned{kL3Offset + sizeof *ip} + ip->payload_length.value();
  const bool jumbogram =
      ip->payload_length.value() == 0 && ip->next_header == IpProtocol::kHopByHop;
  if (end > packet.frame_length() || jumbogram) {
    return DropReason::kIpv6Header;
  }
  Trim(packet, end);
  packet.ip = core::IpVersion::k6;
  return ExtensionWalk(packet).Run();
}

core::DropReason Parse::ParseFrame(Packet& packet) {
  const net::EtherType type = packet.ethernet().ether_type();
  if (type < net::EtherType::kFirstEtherType) {
    return DropReason::kEthernetLlc;
  }
  switch (type) {
    case net::EtherType::kIpv4:
      return ParseIpv4(packet);
    case net::EtherType::kIpv6:
      return ParseIpv6(packet);
    case net::EtherType::kArp:
      return DropReason::kNone;
    case net::EtherType::kVlan:
    case net::EtherType::kQinQ:
      return DropReason::kVlanTagged;
    default:
      return DropReason::kEtherTypeUnknown;
  }
}

// Only whole TCP and UDP packets carry partial checksums: SCTP's CRC is no Internet checksum, and
// nobody leaves ICMP's to a device. Segmentation implies a partial checksum (virtio 1.2 section
// 5.1.6.2).
bool Parse::OffloadHolds(const Packet& packet) {
  const core::Offload& offload = packet.offload;
  if (!offload.needs_checksum) {
    return offload.gso == core::Gso::kNone;
  }
  const bool tcp = packet.protocol == IpProtocol::kTcp;
  const bool udp = packet.protocol == IpProtocol::kUdp;
  const unsigned field =
      tcp ? offsetof(net::TcpHeader, checksum) : offsetof(net::UdpHeader, checksum);
  if (!(tcp || udp) || packet.is_fragment || offload.checksum_start != packet.l4_offset ||
      offload.checksum_offset != field) {
    return false;
  }
  if (udp) {
    // The sum would take in what lies behind the datagram.
    const auto& header = *packet.HeaderAt<net::UdpHeader>(packet.l4_offset);
    if (header.length.value() != packet.frame_length() - packet.l4_offset) {
      return false;
    }
  }
  switch (offload.gso) {
    case core::Gso::kNone:
      return true;
    case core::Gso::kTcp4:
      return tcp && packet.ip == core::IpVersion::k4 && offload.gso_size > 0;
    case core::Gso::kTcp6:
      return tcp && packet.ip == core::IpVersion::k6 && offload.gso_size > 0;
    case core::Gso::kUdp:
      return udp && offload.gso_size > 0;
  }
  return false;
}

core::Verdict Parse::DecideFully(Packet& packet, std::uint16_t mtu) {
  packet.l3_offset = kL3Offset;
  packet.l4_offset = 0;
  packet.ip = core::IpVersion::kNone;
  packet.protocol = {};
  packet.is_fragment = false;
  packet.is_first_fragment = false;
  const DropReason reason = ParseFrame(packet);
  if (reason != DropReason::kNone) {
    return core::Verdict::Drop(reason);
  }
  if (!OffloadHolds(packet)) {
    return core::Verdict::Drop(DropReason::kRingOffload);
  }
  if (packet.offload.gso == core::Gso::kNone &&
      packet.frame_length() > std::uint32_t{kL3Offset} + mtu) {
    return core::Verdict::Drop(DropReason::kFrameTooLong);
  }
  return core::Verdict::Continue();
}

}  // namespace pollux::stages
