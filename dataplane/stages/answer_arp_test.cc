#include "dataplane/stages/answer_arp.h"

#include <gtest/gtest.h>

#include "dataplane/stages/answer_test_support.h"

namespace pollux::stages::testing {
namespace {

using net::ArpPacket;

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

class ArpTest : public AnswerTest {};

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

}  // namespace
}  // namespace pollux::stages::testing
