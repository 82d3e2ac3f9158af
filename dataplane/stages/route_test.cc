#include "dataplane/stages/route.h"

#include <gtest/gtest.h>

#include "dataplane/stages/forward.h"
#include "test/packet/frames.h"

namespace pollux::stages::testing {
namespace {

using core::VerdictKind;

constexpr net::MacAddress kSecondRouterMac = {{2, 0, 0, 0, 0, 0x9a}};
constexpr net::PortId kGonePort{9};
constexpr std::uint16_t kSmallMtu = 1400;  // of the other pod, the host and the uplink

// SmallSwitch with routes:
//   198.18.0.0/15, 2001:db8:2::/48    the host
//   198.18.5.0/24                     via 192.0.2.10 on the uplink
//   198.51.100.0/24, 2001:db8:3::/48  via 192.0.2.9, 2001:db8::9 on the uplink
//   192.0.2.0/24                      on the uplink's link
//   10.9.0.0/16                       behind the first pod
//   203.0.113.0/24                    a port that is gone
// The routers are known, 192.0.2.66 did not answer.
class RoutedSwitch : public SmallSwitch {
 public:
  RoutedSwitch() {
    const auto route = [](const char* prefix, net::PortId port, const char* via = nullptr) {
      tables::NextHop hop{.port = port, .has_via = via != nullptr, .via = {}};
      if (via != nullptr) {
        hop.via = Ip(via);
      }
      return tables::RouteTable::Route{net::IpPrefix::Parse(prefix).value(), hop};
    };
    tables.routes = std::make_shared<tables::RouteTable>(std::vector<tables::RouteTable::Route>{
        route("198.18.0.0/15", kHost), route("2001:db8:2::/48", kHost),
        route("198.18.5.0/24", kUplink, "192.0.2.10"),
        route("198.51.100.0/24", kUplink, "192.0.2.9"),
        route("2001:db8:3::/48", kUplink, "2001:db8::9"), route("192.0.2.0/24", kUplink),
        route("10.9.0.0/16", kPod), route("203.0.113.0/24", kGonePort)});
    SetNeighbours({{kUplink, Ip("192.0.2.9"), kRouterMac},
                   {kUplink, Ip("192.0.2.10"), kSecondRouterMac},
                   {kUplink, Ip("2001:db8::9"), kRouterMac},
                   {kUplink, Ip("192.0.2.66"), {}, true}});
    entries[kPod.value()].peer_mac = kPodMac;
    for (const net::PortId port : {kOtherPod, kHost, kUplink}) {
      entries[port.value()].mtu = kSmallMtu;
    }
    Publish();
  }
};

struct Row {
  const char* name;
  OffloadedFrame frame;
  const char* verdict;  // with "+error" where the sender is told
  net::PortId egress{};
  net::MacAddress to_mac{};
  net::PortId ingress = kPod;
};

std::string TextWithError(core::Verdict verdict) {
  return Text(verdict) + (verdict.kind() == VerdictKind::kDropAnswer ? "+error" : "");
}

// The two steps as the journey joins them, for a packet of no connection.
core::Verdict RouteAndForward(Context& ctx, core::Packet& packet) {
  const core::Verdict verdict = Route::Decide(ctx, packet);
  return verdict.continues() ? Forward::Decide(ctx, packet) : verdict;
}

// The row's frame as it leaves: Ethernet addresses, and one hop less.
Bytes Departed(const Row& row, const RoutedSwitch& routed) {
  Bytes frame = row.frame.bytes;
  auto& ethernet = Overlay<net::EthernetHeader>(frame, 0);
  ethernet.destination = row.to_mac;
  ethernet.source = routed.entries[row.egress.value()].local_mac;
  if (ethernet.ether_type() == net::EtherType::kIpv6) {
    --Overlay<net::Ipv6Header>(frame, 14).hop_limit;
    return frame;
  }
  auto& ip = Overlay<net::Ipv4Header>(frame, 14);
  --ip.ttl;
  ip.checksum = {};
  ip.checksum = net::InternetChecksum({frame.data() + 14, ip.header_length()});
  return frame;
}

class RouteRows : public ::testing::TestWithParam<Row> {};

TEST_P(RouteRows, Verdict) {
  const Row& row = GetParam();
  RoutedSwitch routed;
  ReceivedPacket received(row.frame.bytes, row.ingress, 1, row.frame.offload);
  Context ctx = routed.ContextOf(row.ingress);
  const core::Verdict verdict = RouteAndForward(ctx, received.packet);
  EXPECT_EQ(TextWithError(verdict), row.verdict);
  if (verdict.continues()) {
    EXPECT_EQ(received.packet.egress, row.egress);
    EXPECT_EQ(received.frame(), Departed(row, routed)) << "nothing else is written";
  } else if (verdict.kind() == VerdictKind::kDropAnswer) {
    EXPECT_EQ(received.packet.egress, row.ingress);
  }
}

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.name; }

OffloadedFrame To(std::string_view to, std::uint8_t ttl = 64) {
  return {UdpFrame({.from = Ip(to).is_v6() ? "fd00::10" : "10.0.0.10", .to = to, .ttl = ttl}), {}};
}

std::vector<Row> NextHopRows() {
  return {
      {"Endpoint", To("10.0.0.11"), "continue", kOtherPod, kOtherPodMac},
      {"Endpoint6", To("fd00::11"), "continue", kOtherPod, kOtherPodMac},
      {"OnesOwnEndpoint", To("10.0.0.10"), "continue", kPod, kPodMac},
      {"EndpointBeatsRoute", To("192.0.2.50"), "continue", kOtherPod, kOtherPodMac},
      {"Host", To("198.18.0.1"), "continue", kHost, kHostMac},
      {"Host6", To("2001:db8:2::1"), "continue", kHost, kHostMac},
      {"LongestPrefix", To("198.18.5.1"), "continue", kUplink, kSecondRouterMac},
      {"BesideTheLongestPrefix", To("198.18.6.1"), "continue", kHost, kHostMac},
      {"Via", To("198.51.100.7"), "continue", kUplink, kRouterMac},
      {"Via6", To("2001:db8:3::7"), "continue", kUplink, kRouterMac},
      {"OnLink", To("192.0.2.9"), "continue", kUplink, kRouterMac},
      {"OnLinkUnknown", To("192.0.2.77"), "consumed"},
      {"OnLinkFailed", To("192.0.2.66"), "neighbour_failed+error"},
      {"BehindAPod", To("10.9.1.1"), "continue", kPod, kPodMac, kOtherPod},
      {"PortGone", To("203.0.113.1"), "no_route+error"},
      {"NoRoute", To("203.0.114.1"), "no_route+error"},
      {"NoRoute6", To("2001:db8:4::1"), "no_route+error"},
      {"BackToTheWire", To("198.51.100.7"), "same_interface", {}, {}, kUplink},
      {"BackToTheHost", To("198.18.0.1"), "continue", kHost, kHostMac, kHost},
      {"WireToPod", To("10.0.0.11"), "continue", kOtherPod, kOtherPodMac, kUplink},
  };
}
INSTANTIATE_TEST_SUITE_P(NextHop, RouteRows, ::testing::ValuesIn(NextHopRows()), NameOf);

std::vector<Row> NeverForwardedRows() {
  return {
      {"Unspecified", To("0.0.0.0"), "martian_destination"},
      {"Loopback", To("127.0.0.1"), "martian_destination"},
      {"LinkLocal", To("169.254.9.9"), "martian_destination"},
      {"Multicast", To("224.0.0.1"), "martian_destination"},
      {"Broadcast", To("255.255.255.255"), "martian_destination"},
      {"Unspecified6", To("::"), "martian_destination"},
      {"Loopback6", To("::1"), "martian_destination"},
      {"LinkLocal6", To("fe80::5"), "martian_destination"},
      {"Multicast6", To("ff02::5"), "martian_destination"},
      {"MartianBeforeTtl", To("127.0.0.1", 1), "martian_destination"},
      {"Ttl1", To("10.0.0.11", 1), "ttl_exceeded+error"},
      {"Ttl0", To("10.0.0.11", 0), "ttl_exceeded+error"},
      {"Ttl2", To("10.0.0.11", 2), "continue", kOtherPod, kOtherPodMac},
      {"HopLimit1", To("fd00::11", 1), "ttl_exceeded+error"},
      {"HopLimit2", To("fd00::11", 2), "continue", kOtherPod, kOtherPodMac},
      {"Ttl1OnRoute", To("198.18.0.1", 1), "ttl_exceeded+error"},
      {"NoRouteBeforeTtl", To("203.0.114.1", 1), "no_route+error"},
  };
}
INSTANTIATE_TEST_SUITE_P(NeverForwarded, RouteRows, ::testing::ValuesIn(NeverForwardedRows()),
                         NameOf);

// `l3` bytes of an IP packet.
OffloadedFrame Sized(std::size_t l3, std::uint16_t fragment = 0,
                     std::string_view to = "10.0.0.11") {
  const bool v6 = Ip(to).is_v6();
  return {UdpFrame({.from = v6 ? "fd00::10" : "10.0.0.10", .to = to, .fragment = fragment},
                   l3 - (v6 ? 48 : 28)),
          {}};
}
OffloadedFrame Large(std::uint16_t gso_size, std::string_view from = "10.0.0.10",
                     std::string_view to = "10.0.0.11") {
  return Offloaded(TcpFrame({.from = from, .to = to}, 8000, 12), gso_size);
}

std::vector<Row> MtuRows() {
  constexpr std::uint16_t kDf = net::Ipv4Header::kDontFragment;
  const Row fits{"Fits", Sized(kSmallMtu, kDf), "continue", kOtherPod, kOtherPodMac};
  const auto to_pod = [&](const char* name, OffloadedFrame frame, const char* verdict) {
    Row row = fits;
    row.name = name;
    row.frame = std::move(frame);
    row.verdict = verdict;
    return row;
  };
  const OffloadedFrame udp_gso = Offloaded(UdpFrame({}, 8000), kSmallMtu - 28);
  const OffloadedFrame udp_gso_too_large = Offloaded(UdpFrame({}, 8000), kSmallMtu - 27);
  return {
      fits,
      to_pod("DontFragment", Sized(kSmallMtu + 1, kDf), "mtu_exceeded+error"),
      to_pod("MayBeFragmented", Sized(kSmallMtu + 1), "continue"),
      to_pod("Fits6", Sized(kSmallMtu, 0, "fd00::11"), "continue"),
      to_pod("TooBig6", Sized(kSmallMtu + 1, 0, "fd00::11"), "mtu_exceeded+error"),
      // The checksum would span the fragments.
      to_pod("PartialChecksum", Offloaded(UdpFrame({}, kSmallMtu)), "mtu_exceeded+error"),
      to_pod("SegmentsFit", Large(kSmallMtu - 52), "continue"),
      to_pod("SegmentsTooLarge", Large(kSmallMtu - 51), "mtu_exceeded+error"),
      to_pod("SegmentsFit6", Large(kSmallMtu - 72, "fd00::10", "fd00::11"), "continue"),
      to_pod("SegmentsTooLarge6", Large(kSmallMtu - 71, "fd00::10", "fd00::11"),
             "mtu_exceeded+error"),
      to_pod("DatagramsFit", udp_gso, "continue"),
      to_pod("DatagramsTooLarge", udp_gso_too_large, "mtu_exceeded+error"),
      {"TooBigForTheHost", Sized(kSmallMtu + 1, kDf, "198.18.0.1"), "mtu_exceeded+error"},
      {"TooBigForTheWire", Sized(kSmallMtu + 1, kDf, "198.51.100.7"), "mtu_exceeded+error"},
      {"TooBigBeforeAskingForTheNeighbour", Sized(kSmallMtu + 1, kDf, "192.0.2.77"),
       "mtu_exceeded+error"},
      {"FragmentsForTheWire", Sized(kSmallMtu + 1, 0, "198.51.100.7"), "continue", kUplink,
       kRouterMac},
  };
}
INSTANTIATE_TEST_SUITE_P(Mtu, RouteRows, ::testing::ValuesIn(MtuRows()), NameOf);

TEST(Route, TheErrorNamesTheDestinationsMtu) {
  RoutedSwitch routed;
  ReceivedPacket received(Sized(1500, net::Ipv4Header::kDontFragment).bytes, kPod);
  Context ctx = routed.ContextOf(kPod);
  RouteAndForward(ctx, received.packet);
  Bytes frame = received.frame();
  EXPECT_EQ(Overlay<net::IcmpHeader>(frame, 34).sequence_or_mtu.value(), kSmallMtu);
}

TEST(Route, AClosedEndpointGetsNothing) {
  RoutedSwitch routed;
  using Binding = tables::EndpointTable::Binding;
  routed.tables.endpoints = std::make_shared<tables::EndpointTable>(std::vector<Binding>{
      {{.id = net::EndpointId(2), .port = kOtherPod, .mac = kOtherPodMac, .open = false},
       {Ip("10.0.0.11"), Ip("192.0.2.50")}}});
  for (const char* to : {"10.0.0.11", "192.0.2.50"}) {
    ReceivedPacket received(To(to).bytes, kPod);
    Context ctx = routed.ContextOf(kPod);
    EXPECT_EQ(TextWithError(Route::Decide(ctx, received.packet)), "destination_closed") << to;
    EXPECT_EQ(TextWithError(Forward::Decide(ctx, received.packet)), "destination_closed")
        << "of a connection that was decided before";
  }
}

}  // namespace
}  // namespace pollux::stages::testing
