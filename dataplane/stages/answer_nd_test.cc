#include "dataplane/stages/answer_nd.h"

#include <gtest/gtest.h>

#include "dataplane/stages/answer_test_support.h"

namespace pollux::stages::testing {
namespace {

using net::Icmpv6Type;
using net::IpProtocol;
using net::NeighborMessage;

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

class NdTest : public AnswerTest {};

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

TEST_F(NdTest, ChecksumIsVerified) {
  Bytes frame = NdFrame({});
  frame[14 + 40 + 2] ^= 1;
  EXPECT_EQ(Decide(frame, kPod), "icmp_checksum");
}

Nd AdvertisementFromRouter(std::uint32_t flags) {
  return {.type = kNa,
          .source = "2001:db8::9",
          .destination = "2001:db8::1",
          .target = "2001:db8::9",
          .mac = kRouterMac,
          .flags = flags};
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

}  // namespace
}  // namespace pollux::stages::testing
