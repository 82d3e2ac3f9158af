#include "perf/pktgen/frame.h"

#include <algorithm>

#include "dataplane/net/checksum.h"

namespace pollux::pktgen {
namespace {

using net::IpProtocol;

constexpr std::uint8_t kHopLimit = 64;

template <typename Header>
Header& At(std::span<std::uint8_t> frame, std::size_t offset) {
  return *reinterpret_cast<Header*>(frame.subspan(offset, sizeof(Header)).data());
}

template <typename Header>
const Header& At(std::span<const std::uint8_t> frame, std::size_t offset) {
  return *reinterpret_cast<const Header*>(frame.subspan(offset, sizeof(Header)).data());
}

void WriteIpv4(const FrameSpec& spec, std::span<std::uint8_t> frame) {
  auto& ip = At<net::Ipv4Header>(frame, sizeof(net::EthernetHeader));
  ip.version_ihl = 0x45;
  ip.total_length.set(static_cast<std::uint16_t>(frame.size() - sizeof(net::EthernetHeader)));
  ip.fragment.set(net::Ipv4Header::kDontFragment);
  ip.ttl = kHopLimit;
  ip.protocol = spec.protocol;
  ip.source = spec.source.v4();
  ip.destination = spec.destination.v4();
  ip.checksum = net::InternetChecksum(frame.subspan(sizeof(net::EthernetHeader), sizeof ip));
}

void WriteIpv6(const FrameSpec& spec, std::span<std::uint8_t> frame) {
  auto& ip = At<net::Ipv6Header>(frame, sizeof(net::EthernetHeader));
  ip.version_class_flow.set(6U << 28);
  ip.payload_length.set(
      static_cast<std::uint16_t>(frame.size() - sizeof(net::EthernetHeader) - sizeof ip));
  ip.next_header = spec.protocol;
  ip.hop_limit = kHopLimit;
  ip.source = spec.source.v6();
  ip.destination = spec.destination.v6();
}

void WriteL4(const FrameSpec& spec, std::span<std::uint8_t> l4) {
  if (spec.protocol == IpProtocol::kTcp) {
    auto& tcp = At<net::TcpHeader>(l4, 0);
    tcp.source_port.set(spec.source_port);
    tcp.destination_port.set(spec.destination_port);
    tcp.data_offset = (sizeof(net::TcpHeader) / 4) << 4;
    tcp.flags = net::TcpHeader::kAck;
    tcp.window.set(0xffff);
  } else {
    auto& udp = At<net::UdpHeader>(l4, 0);
    udp.source_port.set(spec.source_port);
    udp.destination_port.set(spec.destination_port);
    udp.length.set(static_cast<std::uint16_t>(l4.size()));
  }
}

// Over the L4 message as it lies there, its checksum field included.
std::uint16_t MessageSum(std::span<const std::uint8_t> frame, bool is_v6,
                         std::span<const std::uint8_t> l4) {
  const auto length = static_cast<std::uint32_t>(l4.size());
  net::ChecksumAccumulator sum;
  if (is_v6) {
    const auto& ip = At<net::Ipv6Header>(frame, sizeof(net::EthernetHeader));
    sum = net::PseudoHeaderSum(ip, ip.next_header, length);
  } else {
    const auto& ip = At<net::Ipv4Header>(frame, sizeof(net::EthernetHeader));
    sum = net::PseudoHeaderSum(ip, ip.protocol, length);
  }
  sum.Add(l4);
  return sum.FoldedRaw();
}

}  // namespace

FrameLayout FrameLayout::Of(bool is_v6, IpProtocol protocol) {
  const std::size_t l4 =
      sizeof(net::EthernetHeader) + (is_v6 ? sizeof(net::Ipv6Header) : sizeof(net::Ipv4Header));
  const bool tcp = protocol == IpProtocol::kTcp;
  return {
      .l4 = static_cast<unsigned>(l4),
      .checksum = static_cast<unsigned>(
          l4 + (tcp ? offsetof(net::TcpHeader, checksum) : offsetof(net::UdpHeader, checksum))),
      .stamp = static_cast<unsigned>(l4 + (tcp ? sizeof(net::TcpHeader) : sizeof(net::UdpHeader)))};
}

std::size_t FrameLayout::min_frame_bytes() const {
  return std::max<std::size_t>(64, stamp + sizeof(Stamp));
}

std::uint32_t BuildFrame(const FrameSpec& spec, std::span<std::uint8_t> frame) {
  std::fill(frame.begin(), frame.end(), std::uint8_t{0});
  const bool is_v6 = spec.source.is_v6();
  auto& ethernet = At<net::EthernetHeader>(frame, 0);
  ethernet.source = spec.source_mac;
  ethernet.destination = spec.destination_mac;
  ethernet.set_ether_type(is_v6 ? net::EtherType::kIpv6 : net::EtherType::kIpv4);
  (is_v6 ? WriteIpv6 : WriteIpv4)(spec, frame);
  const auto l4 = frame.subspan(FrameLayout::Of(is_v6, spec.protocol).l4);
  WriteL4(spec, l4);
  return MessageSum(frame, is_v6, l4);
}

bool ChecksumsHold(const FrameLayout& layout, std::span<const std::uint8_t> frame) {
  constexpr std::size_t kL3 = sizeof(net::EthernetHeader);
  const bool is_v6 = layout.l4 == kL3 + sizeof(net::Ipv6Header);
  const std::size_t ip_bytes =
      is_v6 ? sizeof(net::Ipv6Header) + At<net::Ipv6Header>(frame, kL3).payload_length.value()
            : At<net::Ipv4Header>(frame, kL3).total_length.value();
  if (kL3 + ip_bytes > frame.size() || kL3 + ip_bytes < layout.stamp) {
    return false;
  }
  // A message that carries its checksum adds up to all ones (RFC 1071).
  if (!is_v6 && net::InternetChecksum(frame.subspan(kL3, sizeof(net::Ipv4Header))).raw() != 0) {
    return false;
  }
  const auto l4 = frame.subspan(layout.l4, kL3 + ip_bytes - layout.l4);
  return MessageSum(frame, is_v6, l4) == 0xffff;
}

}  // namespace pollux::pktgen
