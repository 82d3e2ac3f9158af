#include "control/observe/dissect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/stages/step_test_support.h"

namespace pollux::control {
namespace {

using net::IpProtocol;
using stages::testing::Append;
using stages::testing::Bytes;
using stages::testing::Echo;
using stages::testing::EthernetFrame;
using stages::testing::Ipv4Frame;
using stages::testing::Ipv6Frame;
using stages::testing::kGatewayMac;
using stages::testing::kNoChecksum;
using stages::testing::kPodMac;
using stages::testing::Overlay;
using stages::testing::V4;
using stages::testing::V6;
using ::testing::HasSubstr;

const std::string kEthernet = "02:00:00:00:00:10 > 02:00:00:00:00:01, ";

Bytes V4Frame(IpProtocol protocol, Bytes l4, const Bytes& options = {}) {
  return Ipv4Frame(kGatewayMac, kPodMac, V4("10.1.0.1"), V4("10.1.0.2"), protocol, std::move(l4),
                   kNoChecksum, options);
}
Bytes V6Frame(IpProtocol protocol, Bytes l4) {
  return Ipv6Frame(kGatewayMac, kPodMac, V6("fd00::1"), V6("fd00::2"), protocol, std::move(l4),
                   kNoChecksum);
}
Bytes Tcp(std::uint8_t flags, std::size_t payload = 0, std::uint8_t header_words = 5) {
  Bytes bytes;
  Append(bytes, net::TcpHeader{.source_port = net::Be16(40000),
                               .destination_port = net::Be16(80),
                               .sequence = net::Be32(7),
                               .acknowledgement = net::Be32(9),
                               .data_offset = static_cast<std::uint8_t>(header_words << 4),
                               .flags = flags,
                               .window = net::Be16(64240),
                               .checksum = {},
                               .urgent = {}});
  bytes.resize(bytes.size() + payload);
  return bytes;
}
Bytes Udp(std::uint16_t length) {
  Bytes bytes;
  Append(bytes, net::UdpHeader{net::Be16(53), net::Be16(5353), net::Be16(length), {}});
  bytes.resize(std::max<std::size_t>(bytes.size(), length));
  return bytes;
}
Bytes Raw(std::initializer_list<std::uint8_t> bytes) { return bytes; }
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes Icmp(std::uint8_t type, std::uint8_t code, std::uint16_t id = 0, std::uint16_t low = 0) {
  Bytes bytes;
  Append(bytes, net::IcmpHeader{type, code, {}, net::Be16(id), net::Be16(low)});
  return bytes;
}
// The IP packet of a frame, as an error quotes it.
Bytes Quoted(const Bytes& frame) { return {frame.begin() + 14, frame.end()}; }
Bytes Neighbour(std::uint8_t type, std::uint32_t flags, bool option) {
  Bytes bytes;
  Append(bytes, net::NeighborMessage{type, 0, {}, net::Be32(flags), V6("fd00::9")});
  if (option) {
    Append(bytes, net::LinkLayerOption{net::LinkLayerOption::kSource, 1, kPodMac});
  }
  return bytes;
}
Bytes Arp(std::uint16_t operation, std::uint16_t hardware = net::ArpPacket::kEthernet) {
  Bytes frame = EthernetFrame(kGatewayMac, kPodMac, net::EtherType::kArp);
  Append(frame, net::ArpPacket{.hardware_type = net::Be16(hardware),
                               .protocol_type = net::Be16(0x0800),
                               .hardware_length = 6,
                               .protocol_length = 4,
                               .operation = net::Be16(operation),
                               .sender_mac = kPodMac,
                               .sender_ip = V4("10.1.0.1"),
                               .target_mac = {},
                               .target_ip = V4("10.1.0.2")});
  return frame;
}
Bytes Fragmented(Bytes frame, std::uint16_t bits) {
  Overlay<net::Ipv4Header>(frame, 14).fragment.set(bits);
  return frame;
}
Bytes WithTtl(Bytes frame, std::uint8_t ttl) {
  Overlay<net::Ipv4Header>(frame, 14).ttl = ttl;
  return frame;
}
Bytes WithVersion(Bytes frame, std::uint8_t version_ihl) {
  frame[14] = version_ihl;
  return frame;
}
Bytes Tagged(const Bytes& frame, const Bytes& tags) {
  return Bytes(frame.begin(), frame.begin() + 12) + tags + Bytes(frame.begin() + 12, frame.end());
}
Bytes FragmentHeader(IpProtocol next, std::uint16_t bits) {
  Bytes bytes;
  Append(bytes, net::Ipv6FragmentHeader{next, 0, net::Be16(bits), net::Be32(77)});
  return bytes;
}
Bytes Sctp(std::uint8_t chunk) {
  return Raw({0x0b, 0x59, 0x0b, 0x5a, 0, 0, 0, 1, 0, 0, 0, 0, chunk});
}

struct Row {
  std::string words;  // behind the Ethernet addresses
  Bytes frame;
  core::Offload offload{};
};

const std::string kV4 = "IPv4 10.1.0.1 > 10.1.0.2: ";
const std::string kV6 = "IPv6 fd00::1 > fd00::2: ";

Bytes Ping() { return V4Frame(IpProtocol::kIcmp, Echo(8, Bytes(56))); }

std::vector<Row> EthernetRows() {
  return {
      {"ARP who has 10.1.0.2, tell 10.1.0.1 at 02:00:00:00:00:10", Arp(1)},
      {"ARP 10.1.0.1 is at 02:00:00:00:00:10", Arp(2)},
      {"ARP operation 8", Arp(8)},
      {"ARP [malformed: not for IPv4 on Ethernet]", Arp(1, 6)},
      {"vlan 5, " + kV4 + "ICMP echo request id 48879 seq 7 len 56",
       Tagged(Ping(), Raw({0x81, 0, 0xe0, 5}))},
      {"vlan 100, vlan 5, " + kV4 + "ICMP echo request id 48879 seq 7 len 56",
       Tagged(Ping(), Raw({0x88, 0xa8, 0, 100, 0x81, 0, 0, 5}))},
      {"EtherType 0x88cc",
       EthernetFrame(kGatewayMac, kPodMac, static_cast<net::EtherType>(0x88cc))},
      {"LLC, length 38",
       EthernetFrame(kGatewayMac, kPodMac, static_cast<net::EtherType>(38)) + Bytes(38)},
  };
}

std::vector<Row> Ipv4Rows() {
  const Bytes ping = Ping();
  return {
      {"IPv4 10.1.0.1.40000 > 10.1.0.2.80: TCP [S] seq 7 win 64240 len 0",
       V4Frame(IpProtocol::kTcp, Tcp(0x02))},
      {"IPv4 10.1.0.1.40000 > 10.1.0.2.80: TCP [FP.] seq 7 ack 9 win 64240 len 12",
       V4Frame(IpProtocol::kTcp, Tcp(0x19, 12))},
      {"IPv4 10.1.0.1.40000 > 10.1.0.2.80: TCP [none] seq 7 win 64240 len 0",
       V4Frame(IpProtocol::kTcp, Tcp(0))},
      {"IPv4 10.1.0.1.40000 > 10.1.0.2.80: TCP [R] seq 7 win 64240 [malformed: header of 16 bytes]",
       V4Frame(IpProtocol::kTcp, Tcp(0x04, 0, 4))},
      {"IPv4 10.1.0.1.40000 > 10.1.0.2.80: TCP [R] seq 7 win 64240 [malformed: header of 60 bytes]",
       V4Frame(IpProtocol::kTcp, Tcp(0x04, 0, 15))},
      {"IPv4 10.1.0.1.40000 > 10.1.0.2.80: TCP [.] seq 7 ack 9 win 64240 len 90, "
       "to be segmented by 30",
       V4Frame(IpProtocol::kTcp, Tcp(0x10, 90)),
       {.needs_checksum = true, .gso = core::Gso::kTcp4, .gso_size = 30}},
      {"IPv4 10.1.0.1.53 > 10.1.0.2.5353: UDP len 12", V4Frame(IpProtocol::kUdp, Udp(20))},
      {"IPv4 10.1.0.1.53 > 10.1.0.2.5353: UDP [malformed: length 7]",
       V4Frame(IpProtocol::kUdp, Udp(7))},
      {"IPv4 10.1.0.1.53 > 10.1.0.2.5353: UDP len 12, ttl 1",
       WithTtl(V4Frame(IpProtocol::kUdp, Udp(20)), 1)},
      {"IPv4 10.1.0.1.53 > 10.1.0.2.5353: UDP len 2",
       V4Frame(IpProtocol::kUdp, Udp(10), Raw({7, 7, 4, 0, 0, 0, 0, 0}))},
      {"IPv4 10.1.0.1.2905 > 10.1.0.2.2906: SCTP INIT", V4Frame(IpProtocol::kSctp, Sctp(1))},
      {"IPv4 10.1.0.1.2905 > 10.1.0.2.2906: SCTP SHUTDOWN COMPLETE",
       V4Frame(IpProtocol::kSctp, Sctp(14))},
      {"IPv4 10.1.0.1.2905 > 10.1.0.2.2906: SCTP chunk type 192",
       V4Frame(IpProtocol::kSctp, Sctp(192))},
      {kV4 + "ESP len 16", V4Frame(IpProtocol::kEsp, Bytes(16))},
      {kV4 + "protocol 89 len 3", V4Frame(static_cast<IpProtocol>(89), Bytes(3))},
      {kV4 + "ICMP echo request id 48879 seq 7 len 56", ping},
      {kV4 + "ICMP echo reply id 48879 seq 7 len 0", V4Frame(IpProtocol::kIcmp, Echo(0, {}))},
      {kV4 + "ICMP host unreachable about 10.1.0.1 > 10.1.0.2",
       V4Frame(IpProtocol::kIcmp, Icmp(3, 1) + Quoted(ping))},
      {kV4 + "ICMP code 13 unreachable about 10.1.0.1 > 10.1.0.2",
       V4Frame(IpProtocol::kIcmp, Icmp(3, 13) + Quoted(ping))},
      {kV4 + "ICMP fragmentation needed, mtu 1400 about 10.1.0.1 > 10.1.0.2",
       V4Frame(IpProtocol::kIcmp, Icmp(3, 4, 0, 1400) + Quoted(ping))},
      {kV4 + "ICMP time exceeded about 10.1.0.1 > 10.1.0.2",
       V4Frame(IpProtocol::kIcmp, Icmp(11, 0) + Quoted(ping))},
      {kV4 + "ICMP redirect [truncated: quoted packet]", V4Frame(IpProtocol::kIcmp, Icmp(5, 1))},
      {kV4 + "ICMP type 13 code 0", V4Frame(IpProtocol::kIcmp, Icmp(13, 0))},
      {"IPv4 10.1.0.1.53 > 10.1.0.2.5353: UDP len 992 (fragment id 4660 offset 0 more)",
       Fragmented(V4Frame(IpProtocol::kUdp, Udp(1000)), 0x2000)},
      {kV4 + "UDP len 40 (fragment id 4660 offset 1480)",
       Fragmented(V4Frame(IpProtocol::kUdp, Udp(40)), 185)},
      {"IPv4 [malformed: version 5, header of 20 bytes, total length 28]",
       WithVersion(V4Frame(IpProtocol::kUdp, Udp(8)), 0x55)},
      {"IPv4 [malformed: version 4, header of 16 bytes, total length 28]",
       WithVersion(V4Frame(IpProtocol::kUdp, Udp(8)), 0x44)},
      {"IPv4 [malformed: version 4, header of 60 bytes, total length 28]",
       WithVersion(V4Frame(IpProtocol::kUdp, Udp(8)), 0x4f)},
  };
}

std::vector<Row> Ipv6Rows() {
  return {
      {"IPv6 fd00::1.40000 > fd00::2.80: TCP [S.] seq 7 ack 9 win 64240 len 0",
       V6Frame(IpProtocol::kTcp, Tcp(0x12))},
      {"IPv6 fd00::1.53 > fd00::2.5353: UDP len 1", V6Frame(IpProtocol::kUdp, Udp(9))},
      {"IPv6 fd00::1.53 > fd00::2.5353: hop-by-hop, destination options: UDP len 1",
       V6Frame(IpProtocol::kHopByHop,
               Raw({60, 0, 1, 4, 0, 0, 0, 0}) + Raw({17, 0, 1, 4, 0, 0, 0, 0}) + Udp(9))},
      {"IPv6 fd00::1.53 > fd00::2.5353: authentication: UDP len 1",
       V6Frame(IpProtocol::kAuthentication,
               Raw({17, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) + Udp(9))},
      {kV6 + "routing [truncated: extension header]",
       V6Frame(IpProtocol::kRouting, Raw({17, 9, 0, 0, 0, 0, 0, 0}) + Udp(9))},
      {"IPv6 fd00::1.53 > fd00::2.5353: UDP len 8 (fragment id 77 offset 0 more)",
       V6Frame(IpProtocol::kFragment, FragmentHeader(IpProtocol::kUdp, 1) + Udp(16))},
      {kV6 + "UDP len 16 (fragment id 77 offset 1448)",
       V6Frame(IpProtocol::kFragment, FragmentHeader(IpProtocol::kUdp, 1448) + Udp(16))},
      {kV6 + "no next header len 0", V6Frame(IpProtocol::kNoNext, {})},
      {kV6 + "ICMPv6 echo request id 48879 seq 7 len 3",
       V6Frame(IpProtocol::kIcmpv6, Echo(128, Bytes(3)))},
      {kV6 + "ICMPv6 echo reply id 48879 seq 7 len 0", V6Frame(IpProtocol::kIcmpv6, Echo(129, {}))},
      {kV6 + "ICMPv6 address unreachable about fd00::1 > fd00::2",
       V6Frame(IpProtocol::kIcmpv6, Icmp(1, 3) + Quoted(V6Frame(IpProtocol::kUdp, Udp(8))))},
      {kV6 + "ICMPv6 packet too big, mtu 66936 about fd00::1 > fd00::2",
       V6Frame(IpProtocol::kIcmpv6,
               Icmp(2, 0, 1, 1400) + Quoted(V6Frame(IpProtocol::kUdp, Udp(8))))},
      {kV6 + "ICMPv6 time exceeded about fd00::1 > fd00::2",
       V6Frame(IpProtocol::kIcmpv6, Icmp(3, 0) + Quoted(V6Frame(IpProtocol::kUdp, Udp(8))))},
      {kV6 + "ICMPv6 router solicitation at 02:00:00:00:00:10",
       V6Frame(IpProtocol::kIcmpv6, Icmp(133, 0) + Raw({1, 1, 2, 0, 0, 0, 0, 0x10}))},
      {kV6 + "ICMPv6 router solicitation [malformed: option of length 0]",
       V6Frame(IpProtocol::kIcmpv6, Icmp(133, 0) + Raw({1, 0, 2, 0, 0, 0, 0, 0x10}))},
      {kV6 + "ICMPv6 router advertisement", V6Frame(IpProtocol::kIcmpv6, Icmp(134, 0))},
      {kV6 + "ICMPv6 neighbour solicitation for fd00::9 at 02:00:00:00:00:10",
       V6Frame(IpProtocol::kIcmpv6, Neighbour(135, 0, true))},
      {kV6 + "ICMPv6 neighbour solicitation for fd00::9",
       V6Frame(IpProtocol::kIcmpv6, Neighbour(135, 0, false))},
      {kV6 + "ICMPv6 neighbour advertisement for fd00::9 router solicited override at "
             "02:00:00:00:00:10",
       V6Frame(IpProtocol::kIcmpv6, Neighbour(136, 0xe0000000, true))},
      {kV6 + "ICMPv6 type 143 code 0", V6Frame(IpProtocol::kIcmpv6, Icmp(143, 0))},
      {"IPv6 [malformed: version 4]", WithVersion(V6Frame(IpProtocol::kUdp, Udp(8)), 0x40)},
  };
}

std::vector<Row> Rows() {
  std::vector<Row> all = EthernetRows();
  for (std::vector<Row> more : {Ipv4Rows(), Ipv6Rows()}) {
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }
  return all;
}

// In a block of its own of exactly its size, so that AddressSanitizer sees a read beyond it.
std::string DissectAlone(const Bytes& frame, std::size_t captured, const core::Offload& offload) {
  const auto alone = std::make_unique<std::uint8_t[]>(captured);
  std::copy_n(frame.begin(), captured, alone.get());
  return Dissect({alone.get(), captured}, static_cast<std::uint32_t>(frame.size()), offload);
}

TEST(Dissect, PutsAPacketIntoWords) {
  for (const Row& row : Rows()) {
    EXPECT_EQ(DissectAlone(row.frame, row.frame.size(), row.offload), kEthernet + row.words);
  }
}

// A line says all that the bytes say, or that they end too early; nothing else, at any length.
TEST(Dissect, SaysWhereACutPacketEnds) {
  for (const Row& row : Rows()) {
    EXPECT_EQ(DissectAlone(row.frame, 0, row.offload), "(no bytes were read)");
    for (std::size_t captured = 1; captured < row.frame.size(); ++captured) {
      const std::string words = DissectAlone(row.frame, captured, row.offload);
      EXPECT_TRUE(words == kEthernet + row.words || words.find("[truncated: ") != std::string::npos)
          << captured << " bytes of \"" << row.words << "\": " << words;
    }
  }
}

TEST(Dissect, NamesTheHeaderThatIsCut) {
  const Bytes tcp = V4Frame(IpProtocol::kTcp, Tcp(0x02));
  EXPECT_EQ(DissectAlone(tcp, 13, {}), "[truncated: Ethernet header]");
  EXPECT_EQ(DissectAlone(tcp, 14 + 19, {}), kEthernet + "IPv4 [truncated: header]");
  EXPECT_EQ(DissectAlone(tcp, 14 + 20 + 19, {}),
            kEthernet + "IPv4 10.1.0.1 > 10.1.0.2: [truncated: TCP header]");
}

// Not all was captured, but the frame itself is too short as well.
TEST(Dissect, SaysThatTheFrameIsShorterThanItsHeaderSays) {
  Bytes v4 = V4Frame(IpProtocol::kUdp, Udp(100));
  v4.resize(60);
  EXPECT_THAT(DissectAlone(v4, 60, {}), HasSubstr("[malformed: total length 120, but 46 bytes]"));
  Bytes v6 = V6Frame(IpProtocol::kUdp, Udp(100));
  v6.resize(64);
  EXPECT_THAT(DissectAlone(v6, 64, {}), HasSubstr("[malformed: payload length 100, but 10 bytes]"));
}

// Whatever the bytes are: no crash, no read beyond them.
TEST(Dissect, SurvivesEverySingleWrongByte) {
  constexpr std::uint8_t kValues[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  for (const Row& row : Rows()) {
    for (std::size_t at = 0; at < std::min<std::size_t>(row.frame.size(), 128); ++at) {
      for (const std::uint8_t value : kValues) {
        Bytes wrong = row.frame;
        wrong[at] = value;
        EXPECT_FALSE(DissectAlone(wrong, wrong.size(), row.offload).empty());
      }
    }
  }
}

}  // namespace
}  // namespace pollux::control
