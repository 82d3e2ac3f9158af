#include "vhost/ethdev/mbuf_offload.h"

#include "dataplane/net/headers.h"

namespace pollux::vhost {
namespace {

using net::EtherType;

constexpr unsigned kVlanTagBytes = 4;

struct Headers {
  unsigned l2_length = 0;
  unsigned l3_length = 0;
  std::uint64_t flags = 0;
};

// The headers in front of L4; l2_length 0 if they are none that a device knows.
Headers ReadHeaders(const core::Packet& packet) {
  const auto* ethernet = packet.HeaderAt<net::EthernetHeader>(0);
  if (ethernet == nullptr) {
    return {};
  }
  unsigned l2_length = sizeof(*ethernet);
  EtherType type = ethernet->ether_type();
  if (type == EtherType::kVlan) {
    const auto* inner = packet.HeaderAt<net::Be16>(l2_length + 2);
    type = inner != nullptr ? static_cast<EtherType>(inner->value()) : EtherType{};
    l2_length += kVlanTagBytes;
  }
  if (type == EtherType::kIpv4) {
    const auto* ip = packet.HeaderAt<net::Ipv4Header>(l2_length);
    return ip != nullptr ? Headers{l2_length, ip->header_length(), RTE_MBUF_F_TX_IPV4} : Headers{};
  }
  if (type == EtherType::kIpv6) {
    return {l2_length, sizeof(net::Ipv6Header), RTE_MBUF_F_TX_IPV6};
  }
  return {};
}

std::uint64_t ChecksumFlag(const core::Offload& offload) {
  switch (offload.checksum_offset) {
    case offsetof(net::TcpHeader, checksum):
      return RTE_MBUF_F_TX_TCP_CKSUM;
    case offsetof(net::UdpHeader, checksum):
      return RTE_MBUF_F_TX_UDP_CKSUM;
    default:
      return 0;
  }
}

}  // namespace

bool DescribeOffload(const core::Packet& packet, rte_mbuf& mbuf) {
  const core::Offload& offload = packet.offload;
  const Headers headers = ReadHeaders(packet);
  const std::uint64_t checksum = ChecksumFlag(offload);
  if (headers.l2_length == 0 || checksum == 0 ||
      headers.l2_length + headers.l3_length != offload.checksum_start) {
    return false;
  }
  std::uint64_t flags = headers.flags | checksum;
  unsigned l4_length = 0;
  if (offload.gso != core::Gso::kNone) {
    const auto* tcp = packet.HeaderAt<net::TcpHeader>(offload.checksum_start);
    if (tcp == nullptr || checksum != RTE_MBUF_F_TX_TCP_CKSUM) {
      return false;
    }
    l4_length = tcp->header_length();
    flags |= RTE_MBUF_F_TX_TCP_SEG;
    // Each segment has an IPv4 header of its own length, so its checksum is the device's too.
    flags |= headers.flags == RTE_MBUF_F_TX_IPV4 ? RTE_MBUF_F_TX_IP_CKSUM : 0;
  }
  mbuf.ol_flags |= flags;
  mbuf.tx_offload = rte_mbuf_tx_offload(headers.l2_length, headers.l3_length, l4_length,
                                        offload.gso_size, 0, 0, 0);
  return true;
}

}  // namespace pollux::vhost
