#include "test/packet/decode.h"

#include <iomanip>
#include <ostream>
#include <sstream>

namespace pollux::stages::testing {
namespace {

template <typename Header>
const Header* HeaderIn(const Bytes& bytes, std::size_t offset) {
  return offset + sizeof(Header) <= bytes.size()
             ? reinterpret_cast<const Header*>(bytes.data() + offset)
             : nullptr;
}

void DecodeL4(std::ostream& out, const Bytes& bytes, std::size_t offset, net::IpProtocol protocol) {
  if (protocol == net::IpProtocol::kUdp || protocol == net::IpProtocol::kTcp) {
    if (const auto* ports = HeaderIn<net::UdpHeader>(bytes, offset)) {
      out << (protocol == net::IpProtocol::kUdp ? " udp " : " tcp ") << ports->source_port.value()
          << " > " << ports->destination_port.value();
    }
    return;
  }
  out << " protocol " << static_cast<unsigned>(protocol);
  if (const auto* icmp = HeaderIn<net::IcmpHeader>(bytes, offset)) {
    out << " type " << static_cast<unsigned>(icmp->type) << " code "
        << static_cast<unsigned>(icmp->code) << " last word " << icmp->sequence_or_mtu.value();
  }
}

void DecodeIpv4(std::ostream& out, const Bytes& bytes) {
  const auto* ip = HeaderIn<net::Ipv4Header>(bytes, 14);
  if (ip == nullptr) {
    return;
  }
  out << " ipv4 " << ip->source.ToString() << " > " << ip->destination.ToString() << " ttl "
      << static_cast<unsigned>(ip->ttl) << " length " << ip->total_length.value() << " fragment 0x"
      << std::hex << ip->fragment.value() << std::dec;
  if ((ip->fragment.value() & net::Ipv4Header::kOffsetMask) == 0) {
    DecodeL4(out, bytes, 14 + ip->header_length(), ip->protocol);
  }
}

void DecodeIpv6(std::ostream& out, const Bytes& bytes) {
  const auto* ip = HeaderIn<net::Ipv6Header>(bytes, 14);
  if (ip == nullptr) {
    return;
  }
  out << " ipv6 " << ip->source.ToString() << " > " << ip->destination.ToString() << " hops "
      << static_cast<unsigned>(ip->hop_limit) << " length " << ip->payload_length.value();
  DecodeL4(out, bytes, 54, ip->next_header);
}

void DecodeArp(std::ostream& out, const Bytes& bytes) {
  if (const auto* arp = HeaderIn<net::ArpPacket>(bytes, 14)) {
    out << " arp " << arp->operation.value() << " sender " << arp->sender_ip.ToString() << " at "
        << arp->sender_mac.ToString() << " target " << arp->target_ip.ToString() << " at "
        << arp->target_mac.ToString();
  }
}

void Dump(std::ostream& out, const Bytes& bytes) {
  constexpr std::size_t kMost = 160;
  constexpr std::size_t kPerLine = 32;
  out << std::hex << std::setfill('0');
  for (std::size_t i = 0; i < std::min(bytes.size(), kMost); ++i) {
    out << (i % kPerLine == 0 ? "\n      "
            : i % 2 == 0      ? " "
                              : "")
        << std::setw(2) << static_cast<unsigned>(bytes[i]);
  }
  out << std::dec << (bytes.size() > kMost ? " ..." : "");
}

}  // namespace

std::string Decode(const OffloadedFrame& frame) {
  std::ostringstream out;
  const Bytes& bytes = frame.bytes;
  if (const auto* ethernet = HeaderIn<net::EthernetHeader>(bytes, 0)) {
    out << ethernet->source.ToString() << " > " << ethernet->destination.ToString();
    switch (ethernet->ether_type()) {
      case net::EtherType::kIpv4:
        DecodeIpv4(out, bytes);
        break;
      case net::EtherType::kIpv6:
        DecodeIpv6(out, bytes);
        break;
      case net::EtherType::kArp:
        DecodeArp(out, bytes);
        break;
      default:
        out << " type 0x" << std::hex << ethernet->type.value() << std::dec;
    }
  }
  out << ", " << bytes.size() << " bytes";
  if (frame.offload.needs_checksum) {
    out << ", checksum of " << frame.offload.checksum_start << " at +"
        << frame.offload.checksum_offset << ", segmentation "
        << static_cast<unsigned>(frame.offload.gso) << " by " << frame.offload.gso_size;
  }
  Dump(out, bytes);
  return out.str();
}

}  // namespace pollux::stages::testing
