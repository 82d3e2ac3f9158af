// Extension headers and fragments of IPv6 (RFC 8200 section 4).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "test/packet/frames.h"

namespace pollux::stages::testing {
namespace {

using net::IpProtocol;

// One extension header and its type, as the header in front of it names it.
struct Extension {
  IpProtocol type;
  Bytes bytes;  // [0], the next header, is filled in
};

// `type` of 8 bytes whose options are padding.
Extension Padding(IpProtocol type) { return {type, {0, 0, 1, 4, 0, 0, 0, 0}}; }
Extension HopByHop() { return Padding(IpProtocol::kHopByHop); }
Extension Destination() { return Padding(IpProtocol::kDestinationOptions); }
Extension Long(std::size_t bytes) {
  Extension e{IpProtocol::kDestinationOptions, Bytes(bytes)};  // Pad1 throughout
  e.bytes[1] = static_cast<std::uint8_t>(bytes / 8 - 1);
  return e;
}
Extension Options(const std::array<std::uint8_t, 6>& options) {
  Extension e{IpProtocol::kDestinationOptions, Bytes(8)};
  std::copy(options.begin(), options.end(), e.bytes.begin() + 2);
  return e;
}
Extension Routing(std::uint8_t type, std::uint8_t segments_left) {
  return {IpProtocol::kRouting, {0, 0, type, segments_left, 0, 0, 0, 0}};
}
Extension Authentication(std::uint8_t length) {
  Extension e{IpProtocol::kAuthentication, Bytes((std::size_t{length} + 2) * 4)};
  e.bytes[1] = length;
  return e;
}
Extension Fragment(std::uint16_t offset, bool more) {
  Bytes bytes;
  Append(bytes, net::Ipv6FragmentHeader{
                    {}, 0, net::Be16(static_cast<std::uint16_t>(offset | more)), net::Be32(7)});
  return {IpProtocol::kFragment, bytes};
}

Bytes Frame(const std::vector<Extension>& extensions, IpProtocol protocol, const Bytes& l4) {
  Bytes body;
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    const std::size_t at = body.size();
    AppendBytes(body, extensions[i].bytes);
    body[at] =
        static_cast<std::uint8_t>(i + 1 < extensions.size() ? extensions[i + 1].type : protocol);
  }
  AppendBytes(body, l4);
  return IpFrame({.from = "fd00::10", .to = "fd00::11"},
                 extensions.empty() ? protocol : extensions[0].type, body);
}
Bytes Udp6(const std::vector<Extension>& extensions) {
  return Frame(extensions, IpProtocol::kUdp, Udp(64));
}
Bytes Icmp6(const std::vector<Extension>& extensions, std::uint8_t type) {
  return Frame(extensions, IpProtocol::kIcmpv6, Echo(type, Pattern(24)));
}

struct Row {
  const char* name;
  Bytes frame;
  const char* result;  // "continue" or the drop's name
  unsigned l4_offset = 0;
  const char* fragment = "";
};

class ParseIpv6Rows : public ::testing::TestWithParam<Row> {};

TEST_P(ParseIpv6Rows, Result) {
  const Row& row = GetParam();
  LoadedPacket loaded(row.frame, kPod);
  EXPECT_EQ(Text(Parse::DecideFully(loaded.packet, 1500)), row.result);
  if (std::string_view(row.result) == "continue") {
    EXPECT_EQ(loaded.packet.l4_offset, row.l4_offset);
    EXPECT_EQ(loaded.packet.is_fragment, *row.fragment != 0);
    EXPECT_EQ(loaded.packet.is_first_fragment, row.fragment == std::string_view("first"));
  }
}

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.name; }

std::vector<Row> HeaderRows() {
  Bytes version4 = UdpFrame({.from = "fd00::10", .to = "fd00::11"});
  version4[14] = 0x40;
  Bytes too_long = UdpFrame({.from = "fd00::10", .to = "fd00::11"});
  auto& length = Overlay<net::Ipv6Header>(too_long, 14).payload_length;
  length.set(static_cast<std::uint16_t>(length.value() + 1));
  Bytes jumbogram = Udp6({HopByHop()});
  Overlay<net::Ipv6Header>(jumbogram, 14).payload_length = {};
  return {
      {"Udp", Udp6({}), "continue", 54},
      {"Version4", version4, "ipv6_header"},
      {"PayloadBeyondFrame", too_long, "ipv6_header"},
      {"Jumbogram", jumbogram, "ipv6_header"},
      {"NoNextHeader", Frame({}, IpProtocol::kNoNext, Bytes(8)), "continue", 0},
      {"NoNextHeaderBehindOptions", Frame({Destination()}, IpProtocol::kNoNext, {}), "continue"},
      {"Unknown", Frame({}, IpProtocol::kEsp, Bytes(8)), "continue", 54},
  };
}
INSTANTIATE_TEST_SUITE_P(Header, ParseIpv6Rows, ::testing::ValuesIn(HeaderRows()), NameOf);

std::vector<Row> ExtensionRows() {
  const std::vector<Extension> six(6, Destination());
  const std::vector<Extension> seven(7, Destination());
  Bytes cut = Frame({Destination()}, IpProtocol::kNoNext, {});
  cut[55] = 1;  // 16 bytes, of which 8 are there
  Bytes stub = Frame({}, IpProtocol::kDestinationOptions, Bytes(7));
  return {
      {"HopByHop", Udp6({HopByHop()}), "continue", 62},
      {"HopByHopThenDestination", Udp6({HopByHop(), Destination()}), "continue", 70},
      {"HopByHopNotFirst", Udp6({Destination(), HopByHop()}), "ipv6_extension"},
      {"HopByHopTwice", Udp6({HopByHop(), HopByHop()}), "ipv6_extension"},
      {"Six", Udp6(six), "continue", 102},
      {"Seven", Udp6(seven), "ipv6_extension"},
      {"BeyondThePacket", cut, "ipv6_extension"},
      {"ShorterThanAnyHeader", stub, "ipv6_extension"},
      {"UpToTheHead", Udp6({Long(64)}), "continue", 118},
      {"BeyondTheHead", Udp6({Long(80)}), "headers_too_long"},
      {"L4BeyondTheHead", Udp6({Long(72)}), "headers_too_long"},
      {"UnknownOption", Udp6({Options({0x1e, 4, 1, 2, 3, 4})}), "continue", 62},
      {"JumboOption", Udp6({Options({0xc2, 4, 0, 1, 0, 0})}), "ipv6_extension"},
      {"OptionBeyondHeader", Udp6({Options({0x1e, 5, 1, 2, 3, 4})}), "ipv6_extension"},
      {"OptionWithoutLength", Udp6({Options({0, 0, 0, 0, 0, 0x1e})}), "ipv6_extension"},
      {"RoutingType0", Udp6({Routing(0, 0)}), "ipv6_routing_header"},
      {"RoutingType0WithSegments", Udp6({Routing(0, 2)}), "ipv6_routing_header"},
      {"SegmentRoutingOnItsWay", Udp6({Routing(4, 1)}), "ipv6_routing_header"},
      {"SegmentRoutingAtItsEnd", Udp6({Routing(4, 0)}), "continue", 62},
      {"Authentication", Udp6({Authentication(4)}), "continue", 78},
      {"AuthenticationOffTheGrid", Udp6({Authentication(5)}), "ipv6_extension"},
  };
}
INSTANTIATE_TEST_SUITE_P(Extensions, ParseIpv6Rows, ::testing::ValuesIn(ExtensionRows()), NameOf);

std::vector<Row> FragmentRows() {
  const Bytes tcp_start = [] {
    Bytes l4 = Tcp(100);
    l4.resize(16);
    return l4;
  }();
  const auto udp = [](std::uint16_t offset, bool more, std::size_t length) {
    Bytes l4 = Udp(100);
    l4.resize(length);
    return Frame({Fragment(offset, more)}, IpProtocol::kUdp, l4);
  };
  constexpr std::uint8_t kSolicitation = net::Icmpv6Type::kNeighborSolicitation;
  constexpr std::uint8_t kEcho = net::Icmpv6Type::kEchoRequest;
  return {
      {"First", udp(0, true, 64), "continue", 62, "first"},
      {"Later", udp(64, true, 64), "continue", 0, "later"},
      {"LastOfOddLength", udp(64, false, 13), "continue", 0, "later"},
      {"OddLengthInBetween", udp(64, true, 13), "fragment_invalid"},
      {"Empty", udp(64, false, 0), "fragment_invalid"},
      {"Atomic", udp(0, false, 108), "continue", 62},
      {"Beyond65535", udp(65528, false, 16), "fragment_invalid"},
      {"UpTo65535", udp(65528, false, 7), "continue", 0, "later"},
      {"TinyFirstOfTcp", Frame({Fragment(0, true)}, IpProtocol::kTcp, tcp_start),
       "fragment_invalid"},
      {"TcpHeaderOverlapped", Frame({Fragment(8, false)}, IpProtocol::kTcp, Bytes(64)),
       "fragment_invalid"},
      {"Twice", Udp6({Fragment(0, false), Fragment(0, false)}), "ipv6_extension"},
      {"OptionsBehindFragment", Udp6({Fragment(0, true), Destination()}), "continue", 70, "first"},
      {"LaterHidesWhatFollows", Udp6({Fragment(64, true), Routing(0, 1)}), "continue", 0, "later"},
      {"PingInFragments", Icmp6({Fragment(0, true)}, kEcho), "continue", 62, "first"},
      {"NeighbourDiscoveryInFragments", Icmp6({Fragment(0, true)}, kSolicitation),
       "fragment_invalid"},
      {"NeighbourDiscoveryAtomic", Icmp6({Fragment(0, false)}, kSolicitation), "fragment_invalid"},
  };
}
INSTANTIATE_TEST_SUITE_P(Fragments, ParseIpv6Rows, ::testing::ValuesIn(FragmentRows()), NameOf);

}  // namespace
}  // namespace pollux::stages::testing
