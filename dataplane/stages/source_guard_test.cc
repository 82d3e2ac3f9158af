#include "dataplane/stages/source_guard.h"

#include <gtest/gtest.h>

#include "test/packet/frames.h"

namespace pollux::stages::testing {
namespace {

using net::Icmpv6Type;
using net::IpProtocol;

constexpr net::MacAddress kStrangerMac = {{2, 0, 0, 0, 0, 0x77}};
constexpr net::MacAddress kGroupMac = {{3, 0, 0, 0, 0, 0x10}};

struct Row {
  const char* name;
  net::PortId ingress;
  Bytes frame;
  const char* verdict;
};

class SourceGuardRows : public ::testing::TestWithParam<Row> {
 protected:
  SmallSwitch switch_;
};

TEST_P(SourceGuardRows, Verdict) {
  const Row& row = GetParam();
  ReceivedPacket received(row.frame, row.ingress);
  Context ctx = switch_.ContextOf(row.ingress);
  EXPECT_EQ(Text(SourceGuard::Decide(ctx, received.packet)), row.verdict);
  EXPECT_EQ(Text(SourceGuard::DecideFully(ctx, received.packet)), row.verdict) << "in full";
  EXPECT_EQ(received.frame(), row.frame) << "it only looks";
}

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.name; }

FrameTerms From(std::string_view address) {
  return {.from = address, .to = Ip(address).is_v6() ? "fd00::11" : "10.0.0.11"};
}
FrameTerms FromMac(const net::MacAddress& mac) { return {.from_mac = mac}; }

// --- IP sources of pods

std::vector<Row> PodIpRows() {
  const auto udp = [](std::string_view from) { return UdpFrame(From(from)); };
  Bytes fragment = UdpFrame({.from = "10.0.0.99", .fragment = 8});
  return {
      {"Own", kPod, udp("10.0.0.10"), "continue"},
      {"Own6", kPod, udp("fd00::10"), "continue"},
      {"OwnTcp", kPod, TcpFrame(From("10.0.0.10")), "continue"},
      {"OwnPing6", kPod, PingFrame(From("fd00::10")), "continue"},
      {"OwnUnknownProtocol", kPod, IpFrame({}, IpProtocol::kGre, Bytes(8)), "continue"},
      {"SecondAddress", kOtherPod, UdpFrame({.from = "192.0.2.50", .from_mac = kOtherPodMac}),
       "continue"},
      {"SecondAddress6", kOtherPod, UdpFrame({"2001:db8::50", "fd00::10", kOtherPodMac}),
       "continue"},
      {"OtherPods", kPod, udp("10.0.0.11"), "source_ip"},
      {"OtherPods6", kPod, udp("fd00::11"), "source_ip"},
      {"OtherPodsTcp", kPod, TcpFrame(From("10.0.0.11")), "source_ip"},
      {"OtherPodsWithItsMac", kPod, UdpFrame({.from = "10.0.0.11", .from_mac = kOtherPodMac}),
       "source_mac"},
      {"Nobodys", kPod, udp("10.0.0.99"), "source_ip"},
      {"Nobodys6", kPod, udp("fd00::99"), "source_ip"},
      {"InALaterFragment", kPod, fragment, "source_ip"},
      {"Unspecified", kPod, udp("0.0.0.0"), "source_ip"},
      {"Gateways", kPod, udp("169.254.1.1"), "source_ip"},
      {"Gateways6", kPod, udp("fe80::1"), "source_ip"},
      {"Multicast", kPod, udp("224.0.0.1"), "martian_source"},
      {"Multicast6", kPod, udp("ff02::1"), "martian_source"},
      {"Broadcast", kPod, udp("255.255.255.255"), "martian_source"},
      {"Loopback", kPod, udp("127.0.0.1"), "martian_source"},
      {"Loopback6", kPod, udp("::1"), "martian_source"},
      {"LinkLocalUdp6", kPod, udp("fe80::10"), "source_ip"},
      {"StrangersMac", kPod, UdpFrame(FromMac(kStrangerMac)), "source_mac"},
      {"GroupMac", kPod, UdpFrame(FromMac(kGroupMac)), "source_mac"},
      {"StrangersMacInArp", kPod, ArpFrame({.from_mac = kStrangerMac}), "source_mac"},
  };
}
INSTANTIATE_TEST_SUITE_P(PodIp, SourceGuardRows, ::testing::ValuesIn(PodIpRows()), NameOf);

// --- What a pod may say before it has an address, or to the switch alone

std::vector<Row> PodLinkRows() {
  constexpr std::uint8_t kMldQuery = 130;
  constexpr std::uint8_t kMldDone = 132;
  constexpr std::uint8_t kMldV2Report = 143;
  const auto icmp = [](std::string_view from, std::string_view to, std::uint8_t type) {
    return IcmpFrame({.from = from, .to = to}, type, 24);
  };
  const auto echo = Icmpv6Type::kEchoRequest;
  return {
      {"PingOfTheGateway", kPod, icmp("fe80::10", "fe80::1", echo), "continue"},
      {"PingFromLinkLocalToGlobal", kPod, icmp("fe80::10", "fd00::11", echo), "source_ip"},
      {"EchoReplyFromLinkLocal", kPod, icmp("fe80::10", "fe80::1", Icmpv6Type::kEchoReply),
       "source_ip"},
      {"PingAsTheGateway", kPod, icmp("fe80::1", "fe80::10", echo), "source_ip"},
      {"PingFromUnspecified", kPod, icmp("::", "fe80::1", echo), "source_ip"},
      {"MldReportFromUnspecified", kPod, icmp("::", "ff02::16", kMldV2Report), "continue"},
      {"MldDoneFromLinkLocal", kPod, icmp("fe80::10", "ff02::2", kMldDone), "continue"},
      {"MldQueryFromLinkLocal", kPod, icmp("fe80::10", "ff02::1", kMldQuery), "continue"},
      {"MldQueryFromUnspecified", kPod, icmp("::", "ff02::1", kMldQuery), "source_ip"},
      {"MldAsTheGateway", kPod, icmp("fe80::1", "ff02::16", kMldV2Report), "source_ip"},
  };
}
INSTANTIATE_TEST_SUITE_P(PodLink, SourceGuardRows, ::testing::ValuesIn(PodLinkRows()), NameOf);

// --- Who runs the link is not in a pod

Bytes DhcpFrame(std::string_view from, std::string_view to, std::uint16_t from_port) {
  return IpFrame({.from = from, .to = to}, IpProtocol::kUdp, Udp(64, from_port, 68),
                 kUdpChecksumAt);
}

std::vector<Row> PodServerRows() {
  const auto advertisement = [](std::string_view from, std::uint8_t type) {
    return IcmpFrame({.from = from, .to = "ff02::1"}, type, 24);
  };
  Bytes later = UdpFrame({.fragment = 8});
  later[34] = 0;  // would be the source port
  later[35] = 67;
  return {
      {"DhcpServer", kPod, DhcpFrame("10.0.0.10", "10.0.0.11", 67), "dhcp_server"},
      {"DhcpServer6", kPod, DhcpFrame("fd00::10", "fd00::11", 547), "dhcp_server"},
      {"DhcpServerOfOthers", kPod, DhcpFrame("10.0.0.99", "10.0.0.11", 67), "dhcp_server"},
      {"DhcpClient", kPod, DhcpFrame("10.0.0.10", "10.0.0.11", 68), "continue"},
      {"Port67OfIpv6", kPod, DhcpFrame("fd00::10", "fd00::11", 67), "continue"},
      {"TcpPort67", kPod,
       [] {
         Bytes frame = TcpFrame();
         Overlay<net::TcpHeader>(frame, 34).source_port.set(67);
         return frame;
       }(),
       "continue"},
      {"LaterFragmentsHaveNoPorts", kPod, later, "continue"},
      {"DhcpServerOnTheWire", kUplink, DhcpFrame("198.18.0.1", "10.0.0.10", 67), "continue"},
      {"RouterAdvertisement", kPod, advertisement("fe80::10", Icmpv6Type::kRouterAdvertisement),
       "router_advertisement"},
      {"RouterAdvertisementOfOwn", kPod,
       advertisement("fd00::10", Icmpv6Type::kRouterAdvertisement), "router_advertisement"},
      {"RouterAdvertisementAsTheGateway", kPod,
       advertisement("fe80::1", Icmpv6Type::kRouterAdvertisement), "router_advertisement"},
      {"Redirect", kPod, advertisement("fe80::10", Icmpv6Type::kRedirect), "router_advertisement"},
      {"RouterAdvertisementOnTheWire", kUplink,
       advertisement("fe80::99", Icmpv6Type::kRouterAdvertisement), "continue"},
  };
}
INSTANTIATE_TEST_SUITE_P(PodServer, SourceGuardRows, ::testing::ValuesIn(PodServerRows()), NameOf);

// --- ARP of pods

std::vector<Row> PodArpRows() {
  Bytes cut = ArpFrame({.sender = "10.0.0.11"});
  cut.resize(40);
  Bytes other_hardware = ArpFrame({.sender = "10.0.0.11"});
  Overlay<net::ArpPacket>(other_hardware, 14).hardware_type.set(6);
  return {
      {"Request", kPod, ArpFrame(), "continue"},
      {"Probe", kPod, ArpFrame({.sender = "0.0.0.0", .target = "10.0.0.10"}), "continue"},
      {"ProbeOfAnothersAddress", kPod, ArpFrame({.sender = "0.0.0.0", .target = "10.0.0.11"}),
       "continue"},
      {"Announcement", kPod, ArpFrame({.target = "10.0.0.10"}), "continue"},
      {"Reply", kPod, ArpFrame({.operation = net::ArpPacket::kReply}), "continue"},
      {"OtherPodsAddress", kPod, ArpFrame({.sender = "10.0.0.11"}), "arp_spoof"},
      {"ReplyForOtherPod", kPod,
       ArpFrame({.operation = net::ArpPacket::kReply, .sender = "10.0.0.11"}), "arp_spoof"},
      {"Gateways", kPod, ArpFrame({.sender = "169.254.1.1"}), "arp_spoof"},
      {"Nobodys", kPod, ArpFrame({.sender = "10.0.0.99"}), "arp_spoof"},
      {"AnothersMacInside", kPod, ArpFrame({.sender_mac = kOtherPodMac}), "arp_spoof"},
      {"AnothersMacInAProbe", kPod, ArpFrame({.sender = "0.0.0.0", .sender_mac = kOtherPodMac}),
       "arp_spoof"},
      {"TooShortIsAnswersToName", kPod, cut, "continue"},
      {"OtherHardwareIsAnswersToName", kPod, other_hardware, "continue"},
  };
}
INSTANTIATE_TEST_SUITE_P(PodArp, SourceGuardRows, ::testing::ValuesIn(PodArpRows()), NameOf);

// --- Neighbour discovery of pods

NeighbourTerms Advertisement(std::string_view target) {
  return {.type = Icmpv6Type::kNeighborAdvertisement, .to = "fe80::1", .target = target};
}

std::vector<Row> PodNeighbourRows() {
  const auto ns = [](const NeighbourTerms& terms) { return NeighbourFrame(terms); };
  NeighbourTerms others_option = Advertisement("fd00::10");
  others_option.option_mac = kOtherPodMac;
  NeighbourTerms from_other = Advertisement("fd00::10");
  from_other.from = "fd00::11";
  Bytes solicitation =
      IcmpFrame({.from = "fe80::10", .to = "ff02::2"}, Icmpv6Type::kRouterSolicitation, 0);
  return {
      {"Solicitation", kPod, ns({}), "continue"},
      {"SolicitationFromLinkLocal", kPod, ns({.from = "fe80::10"}), "continue"},
      {"DuplicateAddressDetection", kPod, ns({.from = "::", .target = "fd00::10"}), "continue"},
      {"DuplicateAddressDetectionOfAnothers", kPod, ns({.from = "::", .target = "fd00::11"}),
       "continue"},
      {"SolicitationFromOtherPod", kPod, ns({.from = "fd00::11"}), "source_ip"},
      {"SolicitationFromTheGateway", kPod, ns({.from = "fe80::1"}), "source_ip"},
      {"SolicitationWithAnothersMac", kPod, ns({.option_mac = kOtherPodMac}), "nd_spoof"},
      {"SolicitationWithTheGatewaysMac", kPod, ns({.option_mac = kGatewayMac}), "nd_spoof"},
      {"Advertisement", kPod, NeighbourFrame(Advertisement("fd00::10")), "continue"},
      {"AdvertisementOfLinkLocal", kPod, NeighbourFrame(Advertisement("fe80::10")), "continue"},
      {"AdvertisementOfOtherPod", kPod, NeighbourFrame(Advertisement("fd00::11")), "nd_spoof"},
      {"AdvertisementOfTheGateway", kPod, NeighbourFrame(Advertisement("fe80::1")), "nd_spoof"},
      {"AdvertisementOfNobodys", kPod, NeighbourFrame(Advertisement("fd00::99")), "nd_spoof"},
      {"AdvertisementWithAnothersMac", kPod, NeighbourFrame(others_option), "nd_spoof"},
      {"AdvertisementFromOtherPod", kPod, NeighbourFrame(from_other), "source_ip"},
      {"RouterSolicitation", kPod, solicitation, "continue"},
  };
}
INSTANTIATE_TEST_SUITE_P(PodNeighbour, SourceGuardRows, ::testing::ValuesIn(PodNeighbourRows()),
                         NameOf);

// --- The host and the wire

std::vector<Row> HostAndWireRows() {
  const auto host = [](std::string_view from) {
    return UdpFrame(
        {.from = from, .to = Ip(from).is_v6() ? "fd00::10" : "10.0.0.10", .from_mac = kHostMac});
  };
  const auto wire = [](std::string_view from) {
    return UdpFrame({.from = from,
                     .to = Ip(from).is_v6() ? "fd00::10" : "10.0.0.10",
                     .from_mac = kRouterMac,
                     .to_mac = kUplinkMac});
  };
  const auto advertisement = [](std::string_view from, std::string_view target,
                                const net::MacAddress& mac) {
    return NeighbourFrame({.type = Icmpv6Type::kNeighborAdvertisement,
                           .from = from,
                           .to = "ff02::1",
                           .target = target,
                           .from_mac = mac});
  };
  return {
      {"HostForAnybodyBehindIt", kHost, host("198.18.0.1"), "continue"},
      {"HostForAnybodyBehindIt6", kHost, host("2001:db8:1::1"), "continue"},
      {"HostForAPod", kHost, host("10.0.0.11"), "source_ip"},
      {"HostForAPod6", kHost, host("fd00::11"), "source_ip"},
      {"HostWithAnotherMac", kHost, UdpFrame({.from = "198.18.0.1", .from_mac = kStrangerMac}),
       "source_mac"},
      {"HostFromLoopback", kHost, host("127.0.0.1"), "martian_source"},
      {"HostArpForAPod", kHost, ArpFrame({.sender = "10.0.0.11", .from_mac = kHostMac}),
       "arp_spoof"},
      {"HostArp", kHost, ArpFrame({.sender = "198.18.0.1", .from_mac = kHostMac}), "continue"},
      {"HostAdvertisesAPod", kHost, advertisement("fe80::20", "fd00::11", kHostMac), "nd_spoof"},
      {"WireForAnybody", kUplink, wire("198.18.0.1"), "continue"},
      {"WireForAPod", kUplink, wire("10.0.0.11"), "uplink_spoof"},
      {"WireForAPod6", kUplink, wire("fd00::11"), "uplink_spoof"},
      {"WireFromMulticast", kUplink, wire("224.0.0.9"), "martian_source"},
      {"WireFromLoopback6", kUplink, wire("::1"), "martian_source"},
      {"WireFromAGroupMac", kUplink, UdpFrame({.from = "198.18.0.1", .from_mac = kGroupMac}),
       "source_mac"},
      {"WireArpForAPod", kUplink, ArpFrame({.sender = "192.0.2.50", .from_mac = kRouterMac}),
       "uplink_spoof"},
      {"WireArp", kUplink, ArpFrame({.sender = "192.0.2.9", .from_mac = kRouterMac}), "continue"},
      {"WireAdvertisesAPod", kUplink, advertisement("2001:db8::9", "2001:db8::50", kRouterMac),
       "uplink_spoof"},
      {"WireAdvertisesItself", kUplink, advertisement("2001:db8::9", "2001:db8::9", kRouterMac),
       "continue"},
  };
}
INSTANTIATE_TEST_SUITE_P(HostAndWire, SourceGuardRows, ::testing::ValuesIn(HostAndWireRows()),
                         NameOf);

// --- Ports and endpoints that are not ready

class SourceGuardTest : public ::testing::Test {
 protected:
  std::string Decide(const Bytes& frame, net::PortId ingress) {
    ReceivedPacket received(frame, ingress);
    Context ctx = switch_.ContextOf(ingress);
    return Text(SourceGuard::Decide(ctx, received.packet));
  }

  SmallSwitch switch_;
};

TEST_F(SourceGuardTest, APortWithoutEndpointForwardsNothing) {
  switch_.entries[kPod.value()].endpoint_macs.clear();
  switch_.tables.endpoints = std::make_shared<tables::EndpointTable>();
  switch_.Publish();
  for (const Bytes& frame :
       {UdpFrame(), UdpFrame(From("fd00::10")), ArpFrame(), NeighbourFrame()}) {
    EXPECT_EQ(Decide(frame, kPod), "port_without_endpoint");
  }
}

TEST_F(SourceGuardTest, AClosedEndpointMayOnlyResolveNeighbours) {
  using Binding = tables::EndpointTable::Binding;
  switch_.tables.endpoints = std::make_shared<tables::EndpointTable>(
      std::vector<Binding>{{{.id = net::EndpointId(1), .port = kPod, .mac = kPodMac, .open = false},
                            {Ip("10.0.0.10"), Ip("fd00::10")}}});
  EXPECT_EQ(Decide(UdpFrame(), kPod), "endpoint_closed");
  EXPECT_EQ(Decide(TcpFrame(From("fd00::10")), kPod), "endpoint_closed");
  EXPECT_EQ(Decide(PingFrame(From("fd00::10")), kPod), "endpoint_closed");
  EXPECT_EQ(Decide(ArpFrame(), kPod), "continue");
  EXPECT_EQ(Decide(NeighbourFrame(), kPod), "continue");
  EXPECT_EQ(Decide(NeighbourFrame(Advertisement("fd00::10")), kPod), "continue");
}

TEST_F(SourceGuardTest, TwoEndpointsOfAPortKeepToTheirOwnAddresses) {
  using Binding = tables::EndpointTable::Binding;
  switch_.entries[kPod.value()].endpoint_macs = {kPodMac, kOtherPodMac};
  switch_.tables.endpoints = std::make_shared<tables::EndpointTable>(
      std::vector<Binding>{{{net::EndpointId(1), kPod, kPodMac}, {Ip("10.0.0.10")}},
                           {{net::EndpointId(2), kPod, kOtherPodMac}, {Ip("10.0.0.11")}}});
  switch_.Publish();
  EXPECT_EQ(Decide(UdpFrame({.from = "10.0.0.10", .from_mac = kPodMac}), kPod), "continue");
  EXPECT_EQ(Decide(UdpFrame({.from = "10.0.0.11", .from_mac = kOtherPodMac}), kPod), "continue");
  EXPECT_EQ(Decide(UdpFrame({.from = "10.0.0.11", .from_mac = kPodMac}), kPod), "source_ip");
  EXPECT_EQ(Decide(ArpFrame({.sender = "10.0.0.11", .from_mac = kPodMac}), kPod), "arp_spoof");
}

}  // namespace
}  // namespace pollux::stages::testing
