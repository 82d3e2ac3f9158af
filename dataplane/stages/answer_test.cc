#include "dataplane/stages/answer.h"

#include <gtest/gtest.h>

#include "dataplane/stages/answer_test_support.h"

namespace pollux::stages::testing {
namespace {

using net::Icmpv6Type;
using net::IpProtocol;

// --- Ping

Bytes PingV4(const Bytes& payload, const char* from = "10.0.0.10", const char* to = "169.254.1.1") {
  return Ipv4Frame(kGatewayMac, kPodMac, V4(from), V4(to), IpProtocol::kIcmp,
                   Echo(net::IcmpType::kEchoRequest, payload), kIcmpChecksumAt);
}
Bytes PingV6(const Bytes& payload, const char* from = "fd00::10", const char* to = "fe80::1") {
  return Ipv6Frame(kGatewayMac, kPodMac, V6(from), V6(to), IpProtocol::kIcmpv6,
                   Echo(Icmpv6Type::kEchoRequest, payload), kIcmpChecksumAt, 9);
}

class PingTest : public AnswerTest {};

TEST_F(PingTest, GatewayAnswersOverIpv4) {
  for (const std::size_t size : {0U, 1U, 56U, 1472U, 8000U}) {
    ASSERT_EQ(Decide(PingV4(Pattern(size)), kPod), "send");
    EXPECT_EQ(egress_, kPod);
    Bytes expected =
        Ipv4Frame(kPodMac, kGatewayMac, V4("169.254.1.1"), V4("10.0.0.10"), IpProtocol::kIcmp,
                  Echo(net::IcmpType::kEchoReply, Pattern(size)), kIcmpChecksumAt);
    auto& ip = Overlay<net::Ipv4Header>(expected, 14);
    ip.ttl = 64;
    ip.checksum = {};
    ip.checksum = net::InternetChecksum({expected.data() + 14, 20});
    EXPECT_EQ(frame_, expected) << size;
  }
}

TEST_F(PingTest, GatewayAnswersOverIpv6) {
  for (const std::size_t size : {0U, 56U, 1452U, 8000U}) {
    ASSERT_EQ(Decide(PingV6(Pattern(size)), kPod), "send");
    EXPECT_EQ(frame_,
              Ipv6Frame(kPodMac, kGatewayMac, V6("fe80::1"), V6("fd00::10"), IpProtocol::kIcmpv6,
                        Echo(Icmpv6Type::kEchoReply, Pattern(size)), kIcmpChecksumAt, 64))
        << size;
  }
}

// A fragmented ping becomes a fragmented reply: what arrives assembled has the right checksum.
TEST_F(PingTest, FragmentsAreAnsweredOneByOne) {
  const Bytes whole = PingV4(Pattern(2000));
  const Bytes l4(whole.begin() + 34, whole.end());
  Bytes reply;
  for (std::size_t at = 0; at < l4.size(); at += 1000) {
    const std::size_t end = std::min(at + 1000, l4.size());
    Bytes fragment =
        Ipv4Frame(kGatewayMac, kPodMac, V4("10.0.0.10"), V4("169.254.1.1"), IpProtocol::kIcmp,
                  Bytes(l4.begin() + static_cast<long>(at), l4.begin() + static_cast<long>(end)),
                  kNoChecksum);
    auto& ip = Overlay<net::Ipv4Header>(fragment, 14);
    ip.fragment = net::Be16(static_cast<std::uint16_t>((end < l4.size() ? 0x2000 : 0) | at / 8));
    ip.checksum = {};
    ip.checksum = net::InternetChecksum({fragment.data() + 14, 20});
    ASSERT_EQ(Decide(fragment, kPod), "send");
    EXPECT_TRUE(Ipv4HeaderSumsUp(frame_));
    reply.insert(reply.end(), frame_.begin() + 34, frame_.end());
  }
  EXPECT_EQ(reply[0], net::IcmpType::kEchoReply);
  EXPECT_EQ(net::InternetChecksum(reply).raw(), 0);
}

TEST_F(PingTest, UplinkAnswersForItsOwnAddress) {
  Bytes frame = ToUplink(PingV4(Pattern(56), "198.18.0.1", "192.0.2.1"));
  ASSERT_EQ(Decide(frame, kUplink), "send");
  EXPECT_TRUE(Ipv4HeaderSumsUp(frame_));
  EXPECT_TRUE(Icmpv4SumsUp(frame_));
  EXPECT_EQ(Overlay<net::EthernetHeader>(frame_, 0).source, kUplinkMac);
  frame = ToUplink(PingV6(Pattern(56), "2001:db8:1::1", "2001:db8::1"));
  ASSERT_EQ(Decide(frame, kUplink), "send");
  EXPECT_TRUE(Icmpv6SumsUp(frame_));
}

TEST_F(PingTest, ImpossibleSourcesGetNoReply) {
  for (const char* source : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"}) {
    EXPECT_EQ(Decide(PingV4({}, source), kPod), "martian_source") << source;
  }
  for (const char* source : {"::", "::1", "ff02::1"}) {
    EXPECT_EQ(Decide(PingV6({}, source), kPod), "martian_source") << source;
  }
}

// --- Everything else

struct IpRow {
  const char* name;
  const char* from;
  const char* to;
  net::MacAddress to_mac;
  net::PortId ingress;
  const char* verdict;
};

class IpRows : public AnswerTest, public ::testing::WithParamInterface<IpRow> {};

TEST_P(IpRows, UdpVerdict) {
  const IpRow& row = GetParam();
  Bytes udp;
  Append(udp, net::UdpHeader{net::Be16(1000), net::Be16(53), net::Be16(8), {}});
  const Bytes frame =
      Ip(row.to).is_v4()
          ? Ipv4Frame(row.to_mac, kPodMac, V4(row.from), V4(row.to), IpProtocol::kUdp, udp, 6)
          : Ipv6Frame(row.to_mac, kPodMac, V6(row.from), V6(row.to), IpProtocol::kUdp, udp, 6, 64);
  EXPECT_EQ(Decide(frame, row.ingress), row.verdict);
  if (std::string_view(row.verdict) == "continue") {
    EXPECT_EQ(frame_, frame);
  }
}

const IpRow kIpRows[] = {
    {"PodToPod", "10.0.0.10", "10.0.0.11", kGatewayMac, kPod, "continue"},
    {"PodToPod6", "fd00::10", "fd00::11", kGatewayMac, kPod, "continue"},
    {"PodToItself", "10.0.0.10", "10.0.0.10", kGatewayMac, kPod, "continue"},
    {"PodToMetadata", "10.0.0.10", "169.254.169.254", kGatewayMac, kPod, "continue"},
    {"PodToGateway", "10.0.0.10", "169.254.1.1", kGatewayMac, kPod, "gateway_service"},
    {"PodToGateway6", "fd00::10", "fe80::1", kGatewayMac, kPod, "gateway_service"},
    {"PodToUplinkAddress", "10.0.0.10", "192.0.2.1", kGatewayMac, kPod, "continue"},
    {"PodToMulticast", "10.0.0.10", "224.0.0.5", {{1, 0, 0x5e, 0, 0, 5}}, kPod, "multicast"},
    {"PodToMulticastByUnicast", "10.0.0.10", "224.0.0.5", kGatewayMac, kPod, "multicast"},
    {"PodToBroadcast", "10.0.0.10", "255.255.255.255", net::MacAddress::Broadcast(), kPod,
     "multicast"},
    {"UnicastInBroadcast", "10.0.0.10", "10.0.0.11", net::MacAddress::Broadcast(), kPod,
     "multicast"},
    {"PodToMulticast6", "fd00::10", "ff02::fb", {{0x33, 0x33, 0, 0, 0, 0xfb}}, kPod, "multicast"},
    {"PodToAnotherMac", "10.0.0.10", "10.0.0.11", kOtherPodMac, kPod, "not_for_gateway"},
    {"WireToPod", "198.18.0.1", "10.0.0.10", kUplinkMac, kUplink, "continue"},
    {"WireToPod6", "2001:db8:1::1", "fd00::10", kUplinkMac, kUplink, "continue"},
    {"WireToUplink", "198.18.0.1", "192.0.2.1", kUplinkMac, kUplink, "gateway_service"},
    {"WireToGateway", "198.18.0.1", "169.254.1.1", kUplinkMac, kUplink, "continue"},
    {"WireFromUnspecified", "0.0.0.0", "10.0.0.10", kUplinkMac, kUplink, "martian_source"},
    {"WireFromLinkLocal", "169.254.3.3", "10.0.0.10", kUplinkMac, kUplink, "martian_source"},
    {"WireFromUnspecified6", "::", "fd00::10", kUplinkMac, kUplink, "martian_source"},
    {"WireFromLinkLocal6", "fe80::99", "fd00::10", kUplinkMac, kUplink, "martian_source"},
    {"WireFromLinkLocalToUplink6", "fe80::99", "2001:db8::1", kUplinkMac, kUplink,
     "gateway_service"},
    {"HostFromLinkLocal6", "fe80::20", "fd00::10", kGatewayMac, kHost, "martian_source"},
    {"HostToPod", "198.18.0.1", "10.0.0.10", kGatewayMac, kHost, "continue"},
    {"WireToAnotherMac", "198.18.0.1", "10.0.0.10", kRouterMac, kUplink, "not_for_gateway"},
};
INSTANTIATE_TEST_SUITE_P(Table, IpRows, ::testing::ValuesIn(kIpRows),
                         [](const auto& row) { return row.param.name; });

// What source_guard lets a pod say from an address of no endpoint never reaches another pod.
TEST_F(AnswerTest, GroupReportsOfLinkLocalSourcesAreNotForwarded) {
  constexpr std::uint8_t kMldV2Report = 143;
  for (const char* source : {"fe80::10", "::"}) {
    EXPECT_EQ(Decide(Ipv6Frame(kGatewayMac, kPodMac, V6(source), V6("fd00::11"),
                               IpProtocol::kIcmpv6, Echo(kMldV2Report, {}), kIcmpChecksumAt),
                     kPod),
              "martian_source")
        << source;
  }
}

TEST_F(AnswerTest, EchoReplyToTheGatewayIsNoService) {
  EXPECT_EQ(
      Decide(Ipv4Frame(kGatewayMac, kPodMac, V4("10.0.0.10"), V4("169.254.1.1"), IpProtocol::kIcmp,
                       Echo(net::IcmpType::kEchoReply, {}), kIcmpChecksumAt),
             kPod),
      "gateway_service");
}

// The node's address may have moved from the uplink to the host's interface.
TEST_F(AnswerTest, AnEndpointWithTheUplinksAddressGetsItsPackets) {
  using Binding = tables::EndpointTable::Binding;
  switch_.tables.endpoints = std::make_shared<tables::EndpointTable>(
      std::vector<Binding>{{{net::EndpointId(1), kHost, kHostMac}, {Ip("192.0.2.1")}}});
  const Bytes ping = ToUplink(PingV4({}, "198.18.0.1", "192.0.2.1"));
  EXPECT_EQ(Decide(ping, kUplink), "continue");
}

}  // namespace
}  // namespace pollux::stages::testing
