#include "dataplane/core/observer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace pollux::core {
namespace {

using net::IpProtocol;

constexpr net::PortId kIngress{1};
constexpr net::PortId kEgress{2};
constexpr net::WorkerId kWorker{0};

net::IpPrefix Prefix(const char* text) { return net::IpPrefix::Parse(text).value(); }

// A parsed UDP packet from 10.0.0.10:1000 to 10.0.0.11:53.
class UdpPacket {
 public:
  UdpPacket() {
    const net::Ipv4Header ip{.version_ihl = 0x45,
                             .source = *net::Ipv4Address::Parse("10.0.0.10"),
                             .destination = *net::Ipv4Address::Parse("10.0.0.11")};
    const net::UdpHeader udp{net::Be16(1000), net::Be16(53), net::Be16(8), {}};
    std::memcpy(bytes_.data() + 14, &ip, sizeof ip);
    std::memcpy(bytes_.data() + 34, &udp, sizeof udp);
    packet.head = bytes_.data();
    packet.head_length = 42;
    packet.payload_length = 1000;
    packet.ingress = kIngress;
    packet.egress = kEgress;
    packet.l3_offset = 14;
    packet.l4_offset = 34;
    packet.ip = IpVersion::k4;
    packet.protocol = IpProtocol::kUdp;
  }
  Packet packet;

 private:
  std::array<std::uint8_t, kHeaderBytes> bytes_{};
};

struct FilterRow {
  const char* sentence;
  ObservationFilter filter;
  bool matches;
  Verdict verdict = Verdict::Continue();
};

constexpr std::uint32_t Bit(StepId step) { return 1U << static_cast<unsigned>(step); }

TEST(ObservationFilter, Rows) {
  const Verdict drop = Verdict::Drop(DropReason::kNoRoute);
  const FilterRow rows[] = {
      {"no condition", {}, true},
      {"the step", {.steps = Bit(StepId::kRoute)}, true},
      {"one of the steps", {.steps = Bit(StepId::kParse) | Bit(StepId::kRoute)}, true},
      {"another step", {.steps = Bit(StepId::kSend)}, false},
      {"the ingress", {.port = kIngress}, true},
      {"the egress", {.port = kEgress}, true},
      {"another port", {.port = net::PortId(3)}, false},
      {"the source", {.source = Prefix("10.0.0.10")}, true},
      {"the destination as source", {.source = Prefix("10.0.0.11")}, false},
      {"the destination", {.destination = Prefix("10.0.0.11")}, true},
      {"the source as destination", {.destination = Prefix("10.0.0.10")}, false},
      {"a range", {.source = Prefix("10.0.0.0/8"), .destination = Prefix("10.0.0.0/8")}, true},
      {"the source as host", {.host = Prefix("10.0.0.10")}, true},
      {"the destination as host", {.host = Prefix("10.0.0.11")}, true},
      {"another host", {.host = Prefix("10.0.0.12")}, false},
      {"everybody of the other family", {.host = Prefix("::/0")}, false},
      {"the protocol", {.protocol = IpProtocol::kUdp}, true},
      {"another protocol", {.protocol = IpProtocol::kTcp}, false},
      {"the source port", {.l4_port = 1000}, true},
      {"the destination port", {.l4_port = 53}, true},
      {"another port number", {.l4_port = 54}, false},
      {"drops, and it goes on", {.drops_only = true}, false},
      {"drops, and it ends", {.drops_only = true}, true, drop},
      {"drops, and it is answered",
       {.drops_only = true},
       true,
       Verdict::DropAnswer(DropReason::kTtlExceeded)},
      {"drops, and it is sent", {.drops_only = true}, false, Verdict::Send()},
      {"the reason", {.reason = DropReason::kNoRoute}, true, drop},
      {"another reason", {.reason = DropReason::kTtlExceeded}, false, drop},
      {"all of them",
       {.steps = Bit(StepId::kRoute),
        .port = kIngress,
        .host = Prefix("10.0.0.10"),
        .protocol = IpProtocol::kUdp,
        .l4_port = 53,
        .drops_only = true,
        .reason = DropReason::kNoRoute},
       true,
       drop},
      {"all but one",
       {.steps = Bit(StepId::kRoute),
        .port = kIngress,
        .host = Prefix("10.0.0.10"),
        .protocol = IpProtocol::kUdp,
        .l4_port = 54,
        .drops_only = true,
        .reason = DropReason::kNoRoute},
       false,
       drop},
  };
  const UdpPacket udp;
  for (const FilterRow& row : rows) {
    EXPECT_EQ(row.filter.Matches(StepId::kRoute, udp.packet, row.verdict), row.matches)
        << row.sentence;
  }
}

TEST(ObservationFilter, WhatHasNoAddressesOrPortsMatchesNoneOfThem) {
  UdpPacket udp;
  udp.packet.l4_offset = 0;  // a later fragment
  EXPECT_FALSE(
      ObservationFilter{.l4_port = 53}.Matches(StepId::kParse, udp.packet, Verdict::Continue()));
  udp.packet.ip = IpVersion::kNone;  // ARP, or not parsed
  EXPECT_FALSE(ObservationFilter{.host = Prefix("0.0.0.0/0")}.Matches(StepId::kParse, udp.packet,
                                                                      Verdict::Continue()));
  EXPECT_TRUE(ObservationFilter{}.Matches(StepId::kParse, udp.packet, Verdict::Continue()));
}

TEST(Subscription, KeepsThePacketAsItWas) {
  Subscription subscription({}, 1);
  UdpPacket udp;
  subscription.Observe(kWorker, 99, 7, StepId::kRoute, udp.packet,
                       Verdict::Drop(DropReason::kNoRoute));
  const std::uint8_t before = udp.packet.head[14];
  udp.packet.head[14] = 0;
  Observation seen;
  ASSERT_TRUE(subscription.TryPop(seen));
  EXPECT_EQ(seen.nanos, 99U);
  EXPECT_EQ(seen.packet, 7U);
  EXPECT_EQ(seen.step, StepId::kRoute);
  EXPECT_EQ(seen.verdict, VerdictKind::kDrop);
  EXPECT_EQ(seen.reason, DropReason::kNoRoute);
  EXPECT_EQ(seen.ingress, kIngress);
  EXPECT_EQ(seen.egress, kEgress);
  EXPECT_EQ(seen.frame_length, 1042U);
  EXPECT_EQ(seen.captured_length, 42U);
  EXPECT_EQ(seen.bytes[14], before);
  EXPECT_FALSE(subscription.TryPop(seen));
}

TEST(Subscription, WhatDoesNotFitIsCountedAsMissed) {
  Subscription subscription({.drops_only = true}, 1, 4);
  const UdpPacket udp;
  for (std::uint64_t i = 0; i < 6; ++i) {
    subscription.Observe(kWorker, 0, i, StepId::kRoute, udp.packet,
                         Verdict::Drop(DropReason::kNoRoute));
    subscription.Observe(kWorker, 0, i, StepId::kRoute, udp.packet, Verdict::Continue());
  }
  EXPECT_EQ(subscription.missed(), 2U) << "what the filter leaves out is not missed";
  Observation seen;
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(subscription.TryPop(seen));
    EXPECT_EQ(seen.packet, i);
  }
  EXPECT_FALSE(subscription.TryPop(seen));
}

TEST(Subscription, EveryWorkerHasItsTurn) {
  Subscription subscription({}, 3);
  const UdpPacket udp;
  for (const std::uint16_t worker : std::array<std::uint16_t, 4>{0, 0, 0, 2}) {
    subscription.Observe(net::WorkerId(worker), 0, 0, StepId::kRoute, udp.packet,
                         Verdict::Continue());
  }
  Observation seen;
  std::vector<unsigned> order;
  while (subscription.TryPop(seen)) {
    order.push_back(seen.worker.value());
  }
  EXPECT_EQ(order, (std::vector<unsigned>{0, 2, 0, 0}));
}

}  // namespace
}  // namespace pollux::core
