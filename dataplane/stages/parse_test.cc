#include "dataplane/stages/parse.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <sstream>

#include "test/packet/frames.h"

namespace pollux::stages::testing {
namespace {

using net::IpProtocol;

constexpr std::size_t kL3 = 14;
constexpr std::uint16_t kMoreFragments = net::Ipv4Header::kMoreFragments;

// What parse says of a packet: version, protocol and L4 offset ("v4 17@34", "v6 17 later"), "arp",
// or the drop's name.
std::string Result(core::Verdict verdict, const core::Packet& packet) {
  if (!verdict.continues()) {
    return Text(verdict);
  }
  if (packet.ip == core::IpVersion::kNone) {
    return "arp";
  }
  std::ostringstream text;
  text << (packet.ip == core::IpVersion::k4 ? "v4 " : "v6 ")
       << static_cast<unsigned>(packet.protocol);
  if (packet.l4_offset != 0) {
    text << '@' << static_cast<unsigned>(packet.l4_offset);
  }
  if (packet.is_fragment) {
    text << (packet.is_first_fragment ? " first" : " later");
  }
  return text.str();
}

struct Outcome {
  std::string text;
  std::uint32_t frame_length;
};

// The verdict of both ways to parse, which must agree.
Outcome ParseBothWays(const OffloadedFrame& frame, std::uint16_t mtu) {
  SmallSwitch small;
  small.entries[kPod.value()].mtu = mtu;
  small.Publish();
  Context ctx = small.ContextOf(kPod);
  LoadedPacket quick(frame.bytes, kPod);
  LoadedPacket full(frame.bytes, kPod);
  quick.packet.offload = full.packet.offload = frame.offload;
  const std::string text = Result(Parse::DecideFully(full.packet, mtu), full.packet);
  EXPECT_EQ(Result(Parse::Decide(ctx, quick.packet), quick.packet), text);
  EXPECT_EQ(quick.packet.frame_length(), full.packet.frame_length());
  return {text, full.packet.frame_length()};
}

struct ParseRow {
  const char* name;
  OffloadedFrame frame;
  const char* result;
  std::uint16_t mtu = 1500;
};

class ParseRows : public ::testing::TestWithParam<ParseRow> {};

TEST_P(ParseRows, Result) {
  EXPECT_EQ(ParseBothWays(GetParam().frame, GetParam().mtu).text, GetParam().result);
}

std::string NameOf(const ::testing::TestParamInfo<ParseRow>& info) { return info.param.name; }

OffloadedFrame Plain(Bytes frame) { return {std::move(frame), {}}; }

// A frame with something changed in it.
template <typename Header>
OffloadedFrame With(Bytes frame, std::size_t offset, const std::function<void(Header&)>& change) {
  change(Overlay<Header>(frame, offset));
  return Plain(std::move(frame));
}
OffloadedFrame WithIpv4(Bytes frame, const std::function<void(net::Ipv4Header&)>& change) {
  change(Overlay<net::Ipv4Header>(frame, kL3));
  RenewIpv4Checksum(frame);
  return Plain(std::move(frame));
}
OffloadedFrame OfType(std::uint16_t type) {
  return With<net::EthernetHeader>(UdpFrame(), 0, [=](auto& e) { e.type = net::Be16(type); });
}

// --- Ethernet

std::vector<ParseRow> EthernetRows() {
  Bytes bare = EthernetFrame(kGatewayMac, kPodMac, net::EtherType::kIpv4);
  return {
      {"LlcLength", OfType(0x05dc), "ethernet_llc"},
      {"LlcZero", OfType(0), "ethernet_llc"},
      {"LastLlc", OfType(0x05ff), "ethernet_llc"},
      {"FirstEtherType", OfType(0x0600), "ether_type_unknown"},
      {"Mpls", OfType(0x8847), "ether_type_unknown"},
      {"Vlan", OfType(0x8100), "vlan_tagged"},
      {"QinQ", OfType(0x88a8), "vlan_tagged"},
      {"Arp", Plain(ArpFrame()), "arp"},
      {"NothingBehindEthernet", Plain(bare), "ipv4_header"},
      {"LargestFrame", Plain(UdpFrame({}, 1472)), "v4 17@34"},
      {"OneByteTooLong", Plain(UdpFrame({}, 1473)), "frame_too_long"},
      {"OneByteTooLong6", Plain(UdpFrame({"fd00::10", "fd00::11"}, 1453)), "frame_too_long"},
      {"JumboFrame", Plain(UdpFrame({}, 8972)), "v4 17@34", 9000},
      {"JumboFrameTooLong", Plain(UdpFrame({}, 8973)), "frame_too_long", 9000},
  };
}
INSTANTIATE_TEST_SUITE_P(Ethernet, ParseRows, ::testing::ValuesIn(EthernetRows()), NameOf);

// --- IPv4

std::vector<ParseRow> Ipv4Rows() {
  using Ip4 = net::Ipv4Header;
  return {
      {"Udp", Plain(UdpFrame()), "v4 17@34"},
      {"Tcp", Plain(TcpFrame()), "v4 6@34"},
      {"TcpOptions", Plain(TcpFrame({}, 0, 40)), "v4 6@34"},
      {"Icmp", Plain(PingFrame()), "v4 1@34"},
      {"DontFragment", Plain(UdpFrame({.fragment = Ip4::kDontFragment})), "v4 17@34"},
      {"Unknown", Plain(IpFrame({}, IpProtocol::kGre, Pattern(3))), "v4 47@34"},
      {"UnknownWithoutBytes", Plain(IpFrame({}, IpProtocol::kGre, {})), "v4 47@34"},
      {"Version5", WithIpv4(UdpFrame(), [](Ip4& ip) { ip.version_ihl = 0x55; }), "ipv4_header"},
      {"Ipv6InIpv4Frame", WithIpv4(UdpFrame(), [](Ip4& ip) { ip.version_ihl = 0x65; }),
       "ipv4_header"},
      {"HeaderOf16", WithIpv4(UdpFrame(), [](Ip4& ip) { ip.version_ihl = 0x44; }), "ipv4_header"},
      {"TotalBelowHeader", WithIpv4(UdpFrame(), [](Ip4& ip) { ip.total_length.set(19); }),
       "ipv4_header"},
      {"TotalBeyondFrame", WithIpv4(UdpFrame({}, 0), [](Ip4& ip) { ip.total_length.set(29); }),
       "ipv4_header"},
      {"HeaderBeyondTotal",
       WithIpv4(UdpFrame({.options = Bytes(8, 1)}, 40), [](Ip4& ip) { ip.total_length.set(27); }),
       "ipv4_header"},
      {"WrongChecksum", With<Ip4>(UdpFrame(), kL3, [](Ip4& ip) { ++ip.tos; }), "ipv4_checksum"},
      {"WrongChecksumWithOptions",
       With<Ip4>(UdpFrame({.options = Bytes(4, 1)}), kL3, [](Ip4& ip) { ++ip.tos; }),
       "ipv4_checksum"},
  };
}
INSTANTIATE_TEST_SUITE_P(Ipv4, ParseRows, ::testing::ValuesIn(Ipv4Rows()), NameOf);

OffloadedFrame WithOptions(const Bytes& options) { return Plain(UdpFrame({.options = options})); }

std::vector<ParseRow> OptionRows() {
  return {
      {"NoOperationAndEnd", WithOptions({1, 1, 0, 0}), "v4 17@38"},
      {"RecordRoute", WithOptions({7, 7, 4, 0, 0, 0, 0, 0}), "v4 17@42"},
      {"Timestamp", WithOptions({68, 8, 5, 0, 0, 0, 0, 0}), "v4 17@42"},
      {"RouterAlert", WithOptions({148, 4, 0, 0}), "v4 17@38"},
      {"Most", WithOptions(Bytes(40, 1)), "v4 17@74"},
      {"EndHidesTheRest", WithOptions({0, 131, 3, 4}), "v4 17@38"},
      {"LooseSourceRoute", WithOptions({131, 3, 4, 0}), "ipv4_options"},
      {"StrictSourceRoute", WithOptions({1, 137, 3, 4}), "ipv4_options"},
      {"Security", WithOptions({130, 4, 0, 0}), "ipv4_options"},
      {"Unknown", WithOptions({0x9e, 4, 0, 0}), "ipv4_options"},
      {"LengthZero", WithOptions({7, 0, 0, 0}), "ipv4_options"},
      {"LengthOne", WithOptions({7, 1, 0, 0}), "ipv4_options"},
      {"LengthBeyond", WithOptions({148, 5, 0, 0}), "ipv4_options"},
      {"LengthMissing", WithOptions({1, 1, 1, 7}), "ipv4_options"},
  };
}
INSTANTIATE_TEST_SUITE_P(Ipv4Options, ParseRows, ::testing::ValuesIn(OptionRows()), NameOf);

OffloadedFrame Fragment(IpProtocol protocol, std::uint16_t fragment, std::size_t length) {
  Bytes l4 = protocol == IpProtocol::kTcp ? Tcp(100) : Udp(100);
  l4.resize(length);
  return Plain(IpFrame({.fragment = fragment}, protocol, l4));
}

std::vector<ParseRow> Ipv4FragmentRows() {
  constexpr std::uint16_t kLast = net::Ipv4Header::kOffsetMask;  // 65528 bytes
  return {
      {"FirstOfUdp", Fragment(IpProtocol::kUdp, kMoreFragments, 64), "v4 17@34 first"},
      {"FirstOfUdpHoldsItsHeaderOnly", Fragment(IpProtocol::kUdp, kMoreFragments, 8),
       "v4 17@34 first"},
      {"Later", Fragment(IpProtocol::kUdp, kMoreFragments | 8, 64), "v4 17 later"},
      {"LastOfOddLength", Fragment(IpProtocol::kUdp, 8, 13), "v4 17 later"},
      {"OddLengthInBetween", Fragment(IpProtocol::kUdp, kMoreFragments | 8, 13),
       "fragment_invalid"},
      {"OddLengthFirst", Fragment(IpProtocol::kUdp, kMoreFragments, 13), "fragment_invalid"},
      {"Empty", Fragment(IpProtocol::kUdp, 8, 0), "fragment_invalid"},
      {"TinyFirstOfTcp", Fragment(IpProtocol::kTcp, kMoreFragments, 16), "fragment_invalid"},
      {"FirstOfTcp", Fragment(IpProtocol::kTcp, kMoreFragments, 24), "v4 6@34 first"},
      {"TcpHeaderOverlapped", Fragment(IpProtocol::kTcp, 1, 64), "fragment_invalid"},
      {"TcpFlagsOverlapped", Fragment(IpProtocol::kTcp, 2, 64), "fragment_invalid"},
      {"TcpJustBehindItsHeader", Fragment(IpProtocol::kTcp, 3, 64), "v4 6 later"},
      {"UdpJustBehindItsHeader", Fragment(IpProtocol::kUdp, 1, 64), "v4 17 later"},
      {"Beyond65535", Fragment(IpProtocol::kUdp, kLast, 8), "fragment_invalid"},
      {"HeaderCountsTowards65535", Fragment(IpProtocol::kUdp, kLast - 2, 8), "fragment_invalid"},
      {"UpTo65535", Fragment(IpProtocol::kUdp, kLast - 2, 3), "v4 17 later"},
  };
}
INSTANTIATE_TEST_SUITE_P(Ipv4Fragments, ParseRows, ::testing::ValuesIn(Ipv4FragmentRows()), NameOf);

// --- L4

OffloadedFrame UdpOfLength(std::uint16_t length) {
  return With<net::UdpHeader>(UdpFrame({}, 20), 34, [=](auto& udp) { udp.length.set(length); });
}
OffloadedFrame TcpOfOffset(std::uint8_t words) {
  return With<net::TcpHeader>(TcpFrame({}, 8), 34, [=](auto& tcp) {
    tcp.data_offset = static_cast<std::uint8_t>(words << 4);
  });
}

std::vector<ParseRow> L4Rows() {
  const FrameTerms six{.from = "fd00::10", .to = "fd00::11"};
  const FrameTerms longest_ip{.options = Bytes(40, 1)};
  return {
      {"UdpLengthBelowHeader", UdpOfLength(7), "l4_header"},
      {"UdpLengthBelowIp", UdpOfLength(20), "v4 17@34"},
      {"UdpLengthBeyondIp", UdpOfLength(29), "l4_header"},
      {"UdpTooShort", Plain(IpFrame({}, IpProtocol::kUdp, Bytes(7))), "l4_header"},
      {"TcpOffsetBelowHeader", TcpOfOffset(4), "l4_header"},
      {"TcpOffsetUpToTheEnd", TcpOfOffset(7), "v4 6@34"},
      {"TcpOffsetBeyondIp", TcpOfOffset(8), "l4_header"},
      {"TcpTooShort", Plain(IpFrame({}, IpProtocol::kTcp, Bytes(19))), "l4_header"},
      {"TcpTooShort6", Plain(IpFrame(six, IpProtocol::kTcp, Bytes(19))), "l4_header"},
      {"IcmpTooShort", Plain(IpFrame({}, IpProtocol::kIcmp, Bytes(7))), "l4_header"},
      {"Icmpv6TooShort", Plain(IpFrame(six, IpProtocol::kIcmpv6, Bytes(7))), "l4_header"},
      {"SctpTooShort", Plain(IpFrame({}, IpProtocol::kSctp, Bytes(11))), "l4_header"},
      {"Sctp", Plain(IpFrame({}, IpProtocol::kSctp, Bytes(12))), "v4 132@34"},
      {"HeadersUpToTheHead", Plain(TcpFrame(longest_ip, 100, 32)), "v4 6@74"},
      {"HeadersBeyondTheHead", Plain(TcpFrame(longest_ip, 100, 36)), "headers_too_long"},
      {"LongestTcpHeader6", Plain(TcpFrame(six, 100, 40)), "v6 6@54"},
  };
}
INSTANTIATE_TEST_SUITE_P(L4, ParseRows, ::testing::ValuesIn(L4Rows()), NameOf);

// --- Offload headers against the packet

OffloadedFrame Changed(OffloadedFrame frame, const std::function<void(core::Offload&)>& change) {
  change(frame.offload);
  return frame;
}

std::vector<ParseRow> OffloadRows() {
  const FrameTerms six{.from = "fd00::10", .to = "fd00::11"};
  using core::Gso;
  using core::Offload;
  const OffloadedFrame tcp = Offloaded(TcpFrame({}, 60'000), 1448);
  OffloadedFrame ping = Offloaded(UdpFrame());
  ping.bytes = PingFrame();
  OffloadedFrame fragment = Offloaded(UdpFrame());
  Overlay<net::Ipv4Header>(fragment.bytes, kL3).fragment = net::Be16(kMoreFragments);
  RenewIpv4Checksum(fragment.bytes);
  OffloadedFrame trailer = Offloaded(UdpFrame());
  Overlay<net::UdpHeader>(trailer.bytes, 34).length.set(71);
  return {
      {"PartialUdp", Offloaded(UdpFrame()), "v4 17@34"},
      {"PartialTcp6", Offloaded(TcpFrame(six)), "v6 6@54"},
      {"LargeTcp4", tcp, "v4 6@34"},
      {"LargeTcp6", Offloaded(TcpFrame(six, 60'000), 1428), "v6 6@54"},
      {"LargeUdp", Offloaded(UdpFrame({}, 60'000), 1472), "v4 17@34"},
      {"LargeWithoutSegmentation", Changed(tcp, [](Offload& o) { o.gso = Gso::kNone; }),
       "frame_too_long"},
      {"WrongStart", Changed(Offloaded(UdpFrame()), [](Offload& o) { ++o.checksum_start; }),
       "ring_offload"},
      {"WrongField", Changed(Offloaded(UdpFrame()), [](Offload& o) { o.checksum_offset = 16; }),
       "ring_offload"},
      {"PartialIcmp", ping, "ring_offload"},
      {"PartialFragment", fragment, "ring_offload"},
      {"PartialArp", {ArpFrame(), tcp.offload}, "ring_offload"},
      {"BytesBehindTheDatagram", trailer, "ring_offload"},
      {"SegmentationAlone", Changed(tcp, [](Offload& o) { o.needs_checksum = false; }),
       "ring_offload"},
      {"SegmentSizeZero", Changed(tcp, [](Offload& o) { o.gso_size = 0; }), "ring_offload"},
      {"Tcp6OfIpv4", Changed(tcp, [](Offload& o) { o.gso = Gso::kTcp6; }), "ring_offload"},
      {"UdpOfTcp", Changed(tcp, [](Offload& o) { o.gso = Gso::kUdp; }), "ring_offload"},
      {"Tcp4OfIpv6",
       Changed(Offloaded(TcpFrame(six, 4000), 1428), [](Offload& o) { o.gso = Gso::kTcp4; }),
       "ring_offload"},
      {"Tcp4OfUdp",
       Changed(Offloaded(UdpFrame({}, 4000), 1448), [](Offload& o) { o.gso = Gso::kTcp4; }),
       "ring_offload"},
  };
}
INSTANTIATE_TEST_SUITE_P(Offloads, ParseRows, ::testing::ValuesIn(OffloadRows()), NameOf);

// --- What no row can say

TEST(Parse, PaddingIsCutOff) {
  for (const FrameTerms& terms : {FrameTerms{}, FrameTerms{.from = "fd00::10", .to = "fd00::11"}}) {
    Bytes frame = UdpFrame(terms, 0);
    const std::size_t length = frame.size();
    frame.resize(1400);  // beyond the head, too
    EXPECT_EQ(ParseBothWays(Plain(frame), 1500).frame_length, length);
    frame.resize(9000);
    EXPECT_EQ(ParseBothWays(Plain(frame), 1500).frame_length, length) << "the packet is no longer";
  }
}

TEST(Parse, AFrameThatIsCutAnywhereIsDropped) {
  const Bytes frames[] = {UdpFrame(),
                          TcpFrame({}, 200, 40),
                          TcpFrame({.options = Bytes(40, 1)}, 100),
                          PingFrame(),
                          UdpFrame({"fd00::10", "fd00::11"}),
                          PingFrame({"fd00::10", "fd00::11"})};
  for (const Bytes& whole : frames) {
    for (std::size_t length = kL3; length < whole.size(); ++length) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      const std::string text = ParseBothWays(Plain(cut), 1500).text;
      EXPECT_TRUE(text == "ipv4_header" || text == "ipv6_header") << length << ": " << text;
    }
  }
}

// The quick way to parse and the specification, over frames with a few bytes changed at random.
TEST(Parse, BothWaysAgreeOnBrokenFrames) {
  const OffloadedFrame frames[] = {Plain(UdpFrame()), Plain(TcpFrame({}, 1000, 12)),
                                   Plain(UdpFrame({"fd00::10", "fd00::11"})),
                                   Offloaded(TcpFrame({"fd00::10", "fd00::11"}, 3000), 1000),
                                   Offloaded(UdpFrame({}, 3000), 1000)};
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  unsigned passed = 0;
  for (int round = 0; round < 2'000; ++round) {
    OffloadedFrame frame = frames[random() % std::size(frames)];
    for (unsigned changes = random() % 4; changes > 0; --changes) {
      frame.bytes[12 + random() % 60] = static_cast<std::uint8_t>(random());
    }
    if (random() % 4 != 0 && frame.bytes[12] == 0x08) {
      RenewIpv4Checksum(frame.bytes);
    }
    passed += ParseBothWays(frame, 1500).text.starts_with('v') ? 1U : 0U;
    ASSERT_FALSE(::testing::Test::HasFailure()) << "round " << round;
  }
  EXPECT_GT(passed, 200U);
}

}  // namespace
}  // namespace pollux::stages::testing
