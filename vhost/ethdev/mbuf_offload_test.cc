#include "vhost/ethdev/mbuf_offload.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace pollux::vhost {
namespace {

using core::Gso;

constexpr std::uint64_t kTcp = RTE_MBUF_F_TX_TCP_CKSUM;
constexpr std::uint64_t kUdp = RTE_MBUF_F_TX_UDP_CKSUM;
constexpr std::uint64_t kV4 = RTE_MBUF_F_TX_IPV4;
constexpr std::uint64_t kV6 = RTE_MBUF_F_TX_IPV6;
constexpr std::uint64_t kSegment = RTE_MBUF_F_TX_TCP_SEG;

// A head with the fields that matter set.
struct Head {
  explicit Head(net::EtherType type, bool tagged = false, unsigned ihl = 5) {
    unsigned at = tagged ? 16 : 12;
    if (tagged) {
      bytes[12] = 0x81;
    }
    bytes[at] = static_cast<std::uint8_t>(static_cast<unsigned>(type) >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(static_cast<unsigned>(type) & 0xff);
    bytes[at + 2] = static_cast<std::uint8_t>(0x40 | ihl);
  }
  std::array<std::uint8_t, 128> bytes{};
};

struct Row {
  std::string sentence;
  Head head;
  core::Offload offload;
  std::uint64_t flags;  // 0: no device can be told
  unsigned l2, l3, l4;
};

core::Offload Partial(unsigned start, unsigned offset, Gso gso = Gso::kNone) {
  return {true, gso, static_cast<std::uint16_t>(gso == Gso::kNone ? 0 : 1448),
          static_cast<std::uint16_t>(start), static_cast<std::uint16_t>(offset)};
}

TEST(MbufOffloadTest, TellsTheDeviceWhatTheFrameNeeds) {
  constexpr auto k4 = net::EtherType::kIpv4;
  constexpr auto k6 = net::EtherType::kIpv6;
  const std::vector<Row> rows = {
      {"TCP over IPv4", Head(k4), Partial(34, 16), kTcp | kV4, 14, 20, 0},
      {"UDP over IPv4 with options", Head(k4, false, 6), Partial(38, 6), kUdp | kV4, 14, 24, 0},
      {"UDP over IPv6", Head(k6), Partial(54, 6), kUdp | kV6, 14, 40, 0},
      {"TCP behind a VLAN tag", Head(k4, true), Partial(38, 16), kTcp | kV4, 18, 20, 0},
      {"TSO over IPv4", Head(k4), Partial(34, 16, Gso::kTcp4),
       kTcp | kV4 | kSegment | RTE_MBUF_F_TX_IP_CKSUM, 14, 20, 32},
      {"TSO over IPv6", Head(k6), Partial(54, 16, Gso::kTcp6), kTcp | kV6 | kSegment, 14, 40, 32},
      {"ICMPv6", Head(k6), Partial(54, 2), 0, 0, 0, 0},
      {"TCP behind an IPv6 extension header", Head(k6), Partial(62, 16), 0, 0, 0, 0},
      {"a tunnel's inner TCP", Head(k4), Partial(84, 16), 0, 0, 0, 0},
      {"UDP segmentation", Head(k4), Partial(34, 6, Gso::kUdp), 0, 0, 0, 0},
      {"no IP", Head(net::EtherType::kArp), Partial(34, 16), 0, 0, 0, 0},
  };
  for (const Row& row : rows) {
    Head head = row.head;
    head.bytes[row.offload.checksum_start + 12U] = 8 << 4;  // a TCP header of 32 bytes
    core::Packet packet;
    packet.head = head.bytes.data();
    packet.head_length = static_cast<std::uint16_t>(head.bytes.size());
    packet.offload = row.offload;
    rte_mbuf mbuf{};
    EXPECT_EQ(DescribeOffload(packet, mbuf), row.flags != 0) << row.sentence;
    EXPECT_EQ(mbuf.ol_flags, row.flags) << row.sentence;
    EXPECT_EQ(mbuf.l2_len, row.l2) << row.sentence;
    EXPECT_EQ(mbuf.l3_len, row.l3) << row.sentence;
    EXPECT_EQ(mbuf.l4_len, row.l4) << row.sentence;
    EXPECT_EQ(mbuf.tso_segsz, row.flags != 0 ? row.offload.gso_size : 0) << row.sentence;
  }
}

}  // namespace
}  // namespace pollux::vhost
