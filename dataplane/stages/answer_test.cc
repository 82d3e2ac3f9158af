#include "dataplane/stages/answer.h"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/stages/step_test_support.h"

namespace pollux::stages::testing {
namespace {

using core::DropReason;
using core::Verdict;
using core::VerdictKind;
using net::ArpPacket;
using net::Icmpv6Type;
using net::IpProtocol;
using net::NeighborMessage;

std::string Text(Verdict verdict) {
  switch (verdict.kind()) {
    case VerdictKind::kContinue:
      return "continue";
    case VerdictKind::kSend:
      return "send";
    case VerdictKind::kConsumed:
      return "consumed";
    case VerdictKind::kDrop:
    case VerdictKind::kDropAnswer:
      break;
  }
  return std::string(core::Describe(verdict.reason()).name);
}

class AnswerTest : public ::testing::Test {
 protected:
  // The verdict on a frame; what became of it lies in `frame_` afterwards.
  std::string Decide(const Bytes& frame, net::PortId ingress, const core::Offload& offload = {}) {
    ReceivedPacket received(frame, ingress);
    received.packet.offload = offload;
    Context ctx = switch_.ContextOf(ingress);
    const Verdict verdict = Answer::Decide(ctx, received.packet);
    frame_ = received.frame();
    egress_ = received.packet.egress;
    return Text(verdict);
  }

  SmallSwitch switch_;
  Bytes frame_;
  net::PortId egress_;
};

struct Arp {
  std::uint16_t operation = ArpPacket::kRequest;
  const char* sender = "10.0.0.10";
  const char* target = "169.254.1.1";
  net::MacAddress mac = kPodMac;
  net::MacAddress to = net::MacAddress::Broadcast();
};

Bytes ArpFrame(const Arp& arp) {
  Bytes frame = EthernetFrame(arp.to, arp.mac, net::EtherType::kArp);
  Append(frame, ArpPacket{net::Be16(1), net::Be16(0x0800), 6, 4, net::Be16(arp.operation), arp.mac,
                          V4(arp.sender), net::MacAddress{}, V4(arp.target)});
  frame.resize(60);  // as the wire pads it
  return frame;
}

using ArpTest = AnswerTest;

TEST_F(ArpTest, AnswersAPodForTheGatewayWithTheGatewaysMac) {
  ASSERT_EQ(Decide(ArpFrame({}), kPod), "send");
  EXPECT_EQ(egress_, kPod);
  Bytes expected = EthernetFrame(kPodMac, kGatewayMac, net::EtherType::kArp);
  Append(expected, ArpPacket{net::Be16(1), net::Be16(0x0800), 6, 4, net::Be16(2), kGatewayMac,
                             V4("169.254.1.1"), kPodMac, V4("10.0.0.10")});
  EXPECT_EQ(frame_, expected);
}

struct ArpRow {
  const char* name;
  Arp arp;
  net::PortId ingress;
  const char* verdict;
};

class ArpRows : public AnswerTest, public ::testing::WithParamInterface<ArpRow> {};

TEST_P(ArpRows, Verdict) {
  EXPECT_EQ(Decide(ArpFrame(GetParam().arp), GetParam().ingress), GetParam().verdict);
}

constexpr std::uint16_t kReply = ArpPacket::kReply;
const ArpRow kArpRows[] = {
    {"PodAsksForAnotherPod", {.target = "10.0.0.11"}, kPod, "send"},
    {"PodAsksForAnAddressNobodyHas", {.target = "10.9.9.9"}, kPod, "send"},
    {"PodAsksForMetadataAddress", {.target = "169.254.169.254"}, kPod, "send"},
    {"PodAsksTheGatewayDirectly", {.to = kGatewayMac}, kPod, "send"},
    {"PodAsksForItself", {.target = "10.0.0.10"}, kPod, "arp_own_address"},
    {"PodProbesItself", {.sender = "0.0.0.0", .target = "10.0.0.10"}, kPod, "arp_own_address"},
    {"PodProbesTheGateway", {.sender = "0.0.0.0"}, kPod, "send"},
    {"PodProbesSomebody", {.sender = "0.0.0.0", .target = "10.0.0.11"}, kPod, "arp_ignored"},
    {"PodProbesAFreeOne", {.sender = "0.0.0.0", .target = "10.9.9.9"}, kPod, "arp_ignored"},
    {"PodReplies", {.operation = kReply}, kPod, "arp_reply_ignored"},
    {"PodAnnouncesByReply",
     {.operation = kReply, .target = "10.0.0.10"},
     kPod,
     "arp_reply_ignored"},
    {"PodAsksAnotherMac", {.to = kOtherPodMac}, kPod, "not_for_gateway"},
    {"HostAsksForAPod",
     {.sender = "10.0.0.1", .target = "10.0.0.10", .mac = kHostMac},
     kHost,
     "send"},
    {"HostAnnouncesItself",
     {.sender = "10.0.0.1", .target = "10.0.0.1", .mac = kHostMac},
     kHost,
     "arp_own_address"},
    {"WireAsksForTheUplink",
     {.sender = "192.0.2.9", .target = "192.0.2.1", .mac = kRouterMac},
     kUplink,
     "send"},
    {"WireAsksForAPodOfItsSubnet",
     {.sender = "192.0.2.9", .target = "192.0.2.50", .mac = kRouterMac},
     kUplink,
     "send"},
    {"WireProbesAPodOfItsSubnet",
     {.sender = "0.0.0.0", .target = "192.0.2.50", .mac = kRouterMac},
     kUplink,
     "send"},
    {"WireAsksForAPodOffTheLink",
     {.sender = "192.0.2.9", .target = "10.0.0.10", .mac = kRouterMac},
     kUplink,
     "arp_ignored"},
    {"WireAsksForAnother",
     {.sender = "192.0.2.9", .target = "192.0.2.77", .mac = kRouterMac},
     kUplink,
     "arp_ignored"},
    {"WireAsksForTheGateway",
     {.sender = "192.0.2.9", .target = "169.254.1.1", .mac = kRouterMac},
     kUplink,
     "arp_ignored"},
    {"UnknownOperation", {.operation = 3}, kPod, "arp_invalid"},
    {"TargetIsMulticast", {.target = "224.0.0.1"}, kPod, "arp_invalid"},
    {"TargetIsBroadcast", {.target = "255.255.255.255"}, kPod, "arp_invalid"},
    {"TargetIsLoopback", {.target = "127.0.0.1"}, kPod, "arp_invalid"},
    {"TargetIsUnspecified", {.target = "0.0.0.0"}, kPod, "arp_invalid"},
    {"SenderIsMulticast", {.sender = "224.0.0.9"}, kPod, "arp_invalid"},
    {"SenderMacIsAGroup", {.mac = {{3, 0, 0, 0, 0, 1}}}, kPod, "arp_invalid"},
};
INSTANTIATE_TEST_SUITE_P(Table, ArpRows, ::testing::ValuesIn(kArpRows),
                         [](const auto& row) { return row.param.name; });

TEST_F(ArpTest, FieldsOfOtherMediaAndShortPacketsAreInvalid) {
  for (const auto& [offset, value] : {std::pair{15, 6}, {16, 9}, {18, 8}, {19, 16}}) {
    Bytes frame = ArpFrame({});
    frame[static_cast<std::size_t>(offset)] = static_cast<std::uint8_t>(value);
    EXPECT_EQ(Decide(frame, kPod), "arp_invalid") << "byte " << offset;
  }
  Bytes frame = ArpFrame({});
  frame.resize(41);
  EXPECT_EQ(Decide(frame, kPod), "arp_invalid");
}

TEST_F(ArpTest, UplinkAnswersWithItsOwnMac) {
  ASSERT_EQ(
      Decide(ArpFrame({.sender = "192.0.2.9", .target = "192.0.2.50", .mac = kRouterMac}), kUplink),
      "send");
  Bytes expected = EthernetFrame(kRouterMac, kUplinkMac, net::EtherType::kArp);
  Append(expected, ArpPacket{net::Be16(1), net::Be16(0x0800), 6, 4, net::Be16(2), kUplinkMac,
                             V4("192.0.2.50"), kRouterMac, V4("192.0.2.9")});
  EXPECT_EQ(frame_, expected);
}

constexpr net::MacAddress kNewMac = {{2, 0, 0, 0, 0, 0x98}};

Arp ReplyFrom(const char* sender) {
  return {.operation = kReply,
          .sender = sender,
          .target = "192.0.2.1",
          .mac = kRouterMac,
          .to = kUplinkMac};
}

TEST_F(ArpTest, ReplyToTheUplinkIsLearned) {
  EXPECT_EQ(Decide(ArpFrame(ReplyFrom("192.0.2.9")), kUplink), "consumed");
  const auto events = switch_.Events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, NeighbourEvent::Kind::kLearned);
  EXPECT_EQ(events[0].port, kUplink);
  EXPECT_EQ(events[0].ip, Ip("192.0.2.9"));
  EXPECT_EQ(events[0].mac, kRouterMac);
}

TEST_F(ArpTest, RepliesThatLieAreNotLearned) {
  EXPECT_EQ(Decide(ArpFrame(ReplyFrom("198.18.0.1")), kUplink), "arp_reply_ignored") << "off link";
  EXPECT_EQ(Decide(ArpFrame(ReplyFrom("192.0.2.50")), kUplink), "arp_reply_ignored") << "a pod's";
  EXPECT_EQ(Decide(ArpFrame(ReplyFrom("192.0.2.1")), kUplink), "arp_reply_ignored") << "our own";
  Arp to_all = ReplyFrom("192.0.2.9");
  to_all.to = net::MacAddress::Broadcast();
  EXPECT_EQ(Decide(ArpFrame(to_all), kUplink), "arp_reply_ignored") << "gratuitous, unknown";
  EXPECT_TRUE(switch_.Events().empty());
}

TEST_F(ArpTest, AnnouncementMovesOnlyAKnownNeighbour) {
  const Bytes announcement =
      ArpFrame({.sender = "192.0.2.9", .target = "192.0.2.9", .mac = kNewMac});
  EXPECT_EQ(Decide(announcement, kUplink), "arp_ignored");
  EXPECT_TRUE(switch_.Events().empty());
  switch_.SetNeighbours({{kUplink, Ip("192.0.2.9"), kRouterMac}});
  EXPECT_EQ(Decide(announcement, kUplink), "consumed");
  const auto events = switch_.Events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].mac, kNewMac);
}

TEST_F(ArpTest, RequestOfAKnownNeighbourIsAnsweredAndLearnedFrom) {
  switch_.SetNeighbours({{kUplink, Ip("192.0.2.9"), kRouterMac}});
  const Arp request{.sender = "192.0.2.9", .target = "192.0.2.1", .mac = kNewMac};
  EXPECT_EQ(Decide(ArpFrame(request), kUplink), "send");
  EXPECT_EQ(switch_.Events().size(), 1U);
}

// --- Neighbour discovery

struct Nd {
  std::uint8_t type = Icmpv6Type::kNeighborSolicitation;
  const char* source = "fd00::10";
  const char* destination = nullptr;  // the target's solicited-node group
  const char* target = "fe80::1";
  net::MacAddress mac = kPodMac;
  bool option = true;
  std::uint32_t flags = 0;
  std::uint8_t hop_limit = 255;
  std::uint8_t code = 0;
};

Bytes NdFrame(const Nd& nd, const Bytes& more_options = {}) {
  Bytes l4;
  Append(l4, NeighborMessage{nd.type, nd.code, {}, net::Be32(nd.flags), V6(nd.target)});
  if (nd.option) {
    const bool ns = nd.type == Icmpv6Type::kNeighborSolicitation;
    Append(l4, net::LinkLayerOption{static_cast<std::uint8_t>(ns ? 1 : 2), 1, nd.mac});
  }
  l4.insert(l4.end(), more_options.begin(), more_options.end());
  const auto to = nd.destination != nullptr ? V6(nd.destination)
                                            : net::Ipv6Address::SolicitedNode(V6(nd.target));
  const auto mac = to.is_multicast() ? net::MulticastMac(to) : kGatewayMac;
  return Ipv6Frame(mac, nd.mac, V6(nd.source), to, IpProtocol::kIcmpv6, l4, kIcmpChecksumAt,
                   nd.hop_limit);
}

using NdTest = AnswerTest;

struct Advertisement {
  net::MacAddress to;
  net::MacAddress from;
  const char* source;
  const char* destination;
  const char* target;
  std::uint32_t flags;
};

Bytes AdvertisementFrame(const Advertisement& a) {
  Bytes l4;
  Append(l4, NeighborMessage{
                 Icmpv6Type::kNeighborAdvertisement, 0, {}, net::Be32(a.flags), V6(a.target)});
  Append(l4, net::LinkLayerOption{net::LinkLayerOption::kTarget, 1, a.from});
  return Ipv6Frame(a.to, a.from, V6(a.source), V6(a.destination), IpProtocol::kIcmpv6, l4,
                   kIcmpChecksumAt);
}

constexpr std::uint32_t kR = NeighborMessage::kRouter;
constexpr std::uint32_t kS = NeighborMessage::kSolicited;
constexpr std::uint32_t kO = NeighborMessage::kOverride;

TEST_F(NdTest, AnswersAPodForTheGateway) {
  ASSERT_EQ(Decide(NdFrame({}), kPod), "send");
  EXPECT_EQ(egress_, kPod);
  EXPECT_EQ(frame_, AdvertisementFrame({.to = kPodMac,
                                        .from = kGatewayMac,
                                        .source = "fe80::1",
                                        .destination = "fd00::10",
                                        .target = "fe80::1",
                                        .flags = kR | kS | kO}));
}

TEST_F(NdTest, AnswersByProxyWithoutOverride) {
  ASSERT_EQ(Decide(NdFrame({.target = "fd00::11"}), kPod), "send");
  EXPECT_EQ(frame_, AdvertisementFrame({.to = kPodMac,
                                        .from = kGatewayMac,
                                        .source = "fe80::1",
                                        .destination = "fd00::10",
                                        .target = "fd00::11",
                                        .flags = kR | kS}));
}

TEST_F(NdTest, DefendsTheGatewayAgainstDuplicates) {
  ASSERT_EQ(Decide(NdFrame({.source = "::", .option = false}), kPod), "send");
  EXPECT_EQ(frame_, AdvertisementFrame({.to = {{0x33, 0x33, 0, 0, 0, 1}},
                                        .from = kGatewayMac,
                                        .source = "fe80::1",
                                        .destination = "ff02::1",
                                        .target = "fe80::1",
                                        .flags = kR | kO}));
}

TEST_F(NdTest, UplinkAnswersForAPodOfItsSubnet) {
  ASSERT_EQ(Decide(NdFrame({.source = "2001:db8::9", .target = "2001:db8::50", .mac = kRouterMac}),
                   kUplink),
            "send");
  EXPECT_EQ(frame_, AdvertisementFrame({.to = kRouterMac,
                                        .from = kUplinkMac,
                                        .source = "2001:db8::1",
                                        .destination = "2001:db8::9",
                                        .target = "2001:db8::50",
                                        .flags = kR | kS}));
}

struct NdRow {
  const char* name;
  Nd nd;
  net::PortId ingress;
  const char* verdict;
};

class NdRows : public AnswerTest, public ::testing::WithParamInterface<NdRow> {};

TEST_P(NdRows, Verdict) {
  EXPECT_EQ(Decide(NdFrame(GetParam().nd), GetParam().ingress), GetParam().verdict);
}

constexpr std::uint8_t kNa = Icmpv6Type::kNeighborAdvertisement;
const NdRow kNdRows[] = {
    {"WithoutOption", {.option = false}, kPod, "send"},
    {"ForAnAddressNobodyHas", {.target = "fd00::99"}, kPod, "send"},
    {"CheckOfAClaimedAddress", {.destination = "fd00::11", .target = "fd00::11"}, kPod, "send"},
    {"ForItself", {.target = "fd00::10"}, kPod, "nd_own_address"},
    {"DuplicateDetectionOfItself",
     {.source = "::", .target = "fd00::10", .option = false},
     kPod,
     "nd_own_address"},
    {"DuplicateDetectionOfItsLinkLocalAddress",
     {.source = "::", .target = "fe80::ff:fe00:10", .option = false},
     kPod,
     "nd_ignored"},
    {"DuplicateDetectionOfAnothers",
     {.source = "::", .target = "fd00::11", .option = false},
     kPod,
     "nd_ignored"},
    {"ForALinkLocalStranger", {.target = "fe80::77"}, kPod, "nd_ignored"},
    {"UnspecifiedSourceToUnicast",
     {.source = "::", .destination = "fe80::1", .option = false},
     kPod,
     "nd_invalid"},
    {"UnspecifiedSourceWithOption", {.source = "::"}, kPod, "nd_invalid"},
    {"HopLimitSaysItWasForwarded", {.hop_limit = 254}, kPod, "nd_invalid"},
    {"CodeIsNotZero", {.code = 1}, kPod, "nd_invalid"},
    {"TargetIsMulticast", {.destination = "ff02::1", .target = "ff02::5"}, kPod, "nd_invalid"},
    {"AdvertisementOfAPod",
     {.type = kNa, .destination = "fe80::1", .target = "fd00::10"},
     kPod,
     "nd_ignored"},
    {"SolicitedAdvertisementToAll",
     {.type = kNa, .destination = "ff02::1", .target = "fd00::10", .flags = kS},
     kPod,
     "nd_invalid"},
    {"RouterSolicitation",
     {.type = Icmpv6Type::kRouterSolicitation, .destination = "ff02::2"},
     kPod,
     "nd_ignored"},
    {"RouterAdvertisementFromTheWire",
     {.type = Icmpv6Type::kRouterAdvertisement, .source = "fe80::9", .destination = "ff02::1"},
     kUplink,
     "nd_ignored"},
    {"WireAsksForTheGateway", {.source = "2001:db8::9", .mac = kRouterMac}, kUplink, "nd_ignored"},
    {"WireAsksForAPodOffTheLink",
     {.source = "2001:db8::9", .target = "fd00::10", .mac = kRouterMac},
     kUplink,
     "nd_ignored"},
    {"WireDetectsDuplicateOfAPod",
     {.source = "::", .target = "2001:db8::50", .mac = kRouterMac, .option = false},
     kUplink,
     "send"},
};
INSTANTIATE_TEST_SUITE_P(Table, NdRows, ::testing::ValuesIn(kNdRows),
                         [](const auto& row) { return row.param.name; });

TEST_F(NdTest, OptionsAreChecked) {
  const Bytes nonce = {14, 1, 1, 2, 3, 4, 5, 6};
  EXPECT_EQ(Decide(NdFrame({}, nonce), kPod), "send");
  EXPECT_EQ(Decide(NdFrame({}, {14, 0, 1, 2, 3, 4, 5, 6}), kPod), "nd_invalid") << "length 0";
  EXPECT_EQ(Decide(NdFrame({}, {14, 2, 1, 2, 3, 4, 5, 6}), kPod), "nd_invalid") << "too long";
  EXPECT_EQ(Decide(NdFrame({}, {14}), kPod), "nd_invalid") << "half an option";
  Bytes long_option(56, 0);
  long_option[0] = 14;
  long_option[1] = 7;
  EXPECT_EQ(Decide(NdFrame({}, long_option), kPod), "headers_too_long");
}

TEST_F(NdTest, ShortMessagesAreInvalid) {
  const Bytes l4 = {Icmpv6Type::kNeighborSolicitation, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80};
  EXPECT_EQ(Decide(Ipv6Frame(kGatewayMac, kPodMac, V6("fd00::10"), V6("fe80::1"),
                             IpProtocol::kIcmpv6, l4, kIcmpChecksumAt),
                   kPod),
            "nd_invalid");
}

TEST_F(NdTest, ChecksumIsVerifiedUnlessLeftToTheDevice) {
  Bytes frame = NdFrame({});
  frame[14 + 40 + 2] ^= 1;
  EXPECT_EQ(Decide(frame, kPod), "icmp_checksum");
  EXPECT_EQ(Decide(frame, kPod, {.needs_checksum = true}), "send");
}

Nd AdvertisementFromRouter(std::uint32_t flags) {
  return {.type = kNa,
          .source = "2001:db8::9",
          .destination = "2001:db8::1",
          .target = "2001:db8::9",
          .mac = kRouterMac,
          .flags = flags};
}

// On uplinks the Ethernet destination is the uplink's.
Bytes ToUplink(Bytes frame) {
  Overlay<net::EthernetHeader>(frame, 0).destination = kUplinkMac;
  return frame;
}

TEST_F(NdTest, SolicitedAdvertisementIsLearned) {
  EXPECT_EQ(Decide(ToUplink(NdFrame(AdvertisementFromRouter(kS | kO))), kUplink), "consumed");
  const auto events = switch_.Events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, NeighbourEvent::Kind::kLearned);
  EXPECT_EQ(events[0].ip, Ip("2001:db8::9"));
  EXPECT_EQ(events[0].mac, kRouterMac);
}

TEST_F(NdTest, UnsolicitedAdvertisementMovesOnlyAKnownNeighbourAndOnlyWithOverride) {
  EXPECT_EQ(Decide(ToUplink(NdFrame(AdvertisementFromRouter(kO))), kUplink), "nd_ignored");
  switch_.SetNeighbours({{kUplink, Ip("2001:db8::9"), kNewMac}});
  EXPECT_EQ(Decide(ToUplink(NdFrame(AdvertisementFromRouter(0))), kUplink), "nd_ignored");
  EXPECT_TRUE(switch_.Events().empty());
  EXPECT_EQ(Decide(ToUplink(NdFrame(AdvertisementFromRouter(kO))), kUplink), "consumed");
  EXPECT_EQ(switch_.Events().size(), 1U);
}

// --- Ping

Bytes PingV4(const Bytes& payload, const char* from = "10.0.0.10", const char* to = "169.254.1.1") {
  return Ipv4Frame(kGatewayMac, kPodMac, V4(from), V4(to), IpProtocol::kIcmp,
                   Echo(net::IcmpType::kEchoRequest, payload), kIcmpChecksumAt);
}
Bytes PingV6(const Bytes& payload, const char* from = "fd00::10", const char* to = "fe80::1") {
  return Ipv6Frame(kGatewayMac, kPodMac, V6(from), V6(to), IpProtocol::kIcmpv6,
                   Echo(Icmpv6Type::kEchoRequest, payload), kIcmpChecksumAt, 9);
}

using PingTest = AnswerTest;

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

TEST_F(PingTest, PartialChecksumStaysPartial) {
  Bytes frame = PingV6(Pattern(300));
  Overlay<net::Be16>(frame, 56) = net::Be16(0xabcd);
  ASSERT_EQ(Decide(frame, kPod, {.needs_checksum = true}), "send");
  EXPECT_EQ(Overlay<net::Be16>(frame_, 56), net::Be16(0xabcd));
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
    {"WireToAnotherMac", "198.18.0.1", "10.0.0.10", kRouterMac, kUplink, "not_for_gateway"},
};
INSTANTIATE_TEST_SUITE_P(Table, IpRows, ::testing::ValuesIn(kIpRows),
                         [](const auto& row) { return row.param.name; });

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
  EXPECT_EQ(
      Decide(ArpFrame({.sender = "192.0.2.9", .target = "192.0.2.1", .mac = kRouterMac}), kUplink),
      "send");
}

}  // namespace
}  // namespace pollux::stages::testing
