#include "dataplane/stages/neighbour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/stages/step_test_support.h"

namespace pollux::stages::testing {
namespace {

using core::DropReason;
using core::Verdict;
using net::IpProtocol;

const net::IpAddress kRouter = Ip("192.0.2.9");

Bytes UdpFrame(std::size_t payload = 400) {
  Bytes udp;
  Append(
      udp,
      net::UdpHeader{
          net::Be16(1000), net::Be16(53), net::Be16(static_cast<std::uint16_t>(8 + payload)), {}});
  const Bytes pattern = Pattern(payload);
  udp.insert(udp.end(), pattern.begin(), pattern.end());
  return Ipv4Frame(kGatewayMac, kPodMac, V4("10.0.0.10"), V4("198.18.0.1"), IpProtocol::kUdp, udp,
                   6);
}

class NeighbourTest : public ::testing::Test {
 protected:
  Verdict Resolve(const Bytes& frame, const net::IpAddress& next_hop, net::PortId ingress = kPod) {
    ReceivedPacket received(frame, ingress, 2);
    Context ctx = switch_.ContextOf(ingress);
    const Verdict verdict = ResolveNextHop(ctx, received.packet, Uplink(), next_hop);
    frame_ = received.frame();
    return verdict;
  }
  const tables::PortEntry& Uplink() { return (*switch_.tables.ports)[kUplink]; }
  unsigned Collect() {
    return CollectResolved(switch_.tables, switch_.worker, switch_.now, ready_);
  }
  void Wait(std::uint64_t nanos) { switch_.now = net::Nanos(switch_.now.value() + nanos); }
  std::vector<Bytes> TakeGenerated() {
    std::vector<Bytes> frames;
    for (const core::Packet& packet : switch_.worker.generated.packets()) {
      EXPECT_EQ(packet.egress, kUplink);
      frames.push_back(ReceivedPacket::FrameOf(packet));
    }
    switch_.worker.generated.Clear();
    return frames;
  }
  std::uint64_t Drops(DropReason reason) {
    return switch_.counters(kPod).drops[static_cast<unsigned>(reason)].value();
  }

  SmallSwitch switch_;
  Bytes frame_;
  std::array<core::Packet*, 16> ready_{};
};

// What must leave once the neighbour is known.
Bytes Forwarded(Bytes frame) {
  auto& ethernet = Overlay<net::EthernetHeader>(frame, 0);
  ethernet.destination = kRouterMac;
  ethernet.source = kUplinkMac;
  net::DecrementTtl(Overlay<net::Ipv4Header>(frame, 14));
  return frame;
}

TEST_F(NeighbourTest, AKnownNeighbourGivesItsMacAndIsMarkedAsUsed) {
  switch_.SetNeighbours({{kUplink, kRouter, kRouterMac}});
  EXPECT_EQ(Resolve(UdpFrame(), kRouter), Verdict::Continue());
  EXPECT_EQ(Overlay<net::EthernetHeader>(frame_, 0).destination, kRouterMac);
  EXPECT_TRUE(switch_.tables.neighbours->TakeUsed(kUplink, kRouter));
  EXPECT_FALSE(switch_.tables.neighbours->TakeUsed(kUplink, kRouter));
  EXPECT_TRUE(switch_.worker.pending.empty());
}

TEST_F(NeighbourTest, AFailedNeighbourIsReported) {
  switch_.SetNeighbours({{kUplink, kRouter, {}, true}});
  EXPECT_EQ(Resolve(UdpFrame(), kRouter), Verdict::DropAnswer(DropReason::kNeighbourFailed));
  EXPECT_EQ(Overlay<net::IcmpHeader>(frame_, 34).type, net::IcmpType::kDestinationUnreachable);
  EXPECT_EQ(Overlay<net::IcmpHeader>(frame_, 34).code, 1);
}

TEST_F(NeighbourTest, AnUnknownIpv4NeighbourIsAskedForOnce) {
  EXPECT_EQ(Resolve(UdpFrame(), kRouter), Verdict::Consumed());
  EXPECT_EQ(Resolve(UdpFrame(), kRouter), Verdict::Consumed());
  Bytes request = EthernetFrame(net::MacAddress::Broadcast(), kUplinkMac, net::EtherType::kArp);
  Append(request, net::ArpPacket{net::Be16(1),
                                 net::Be16(0x0800),
                                 6,
                                 4,
                                 net::Be16(1),
                                 kUplinkMac,
                                 V4("192.0.2.1"),
                                 {},
                                 V4("192.0.2.9")});
  EXPECT_THAT(TakeGenerated(), ::testing::ElementsAre(request));
  const auto events = switch_.Events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, NeighbourEvent::Kind::kWanted);
  EXPECT_EQ(events[0].port, kUplink);
  EXPECT_EQ(events[0].ip, kRouter);
}

TEST_F(NeighbourTest, AnUnknownIpv6NeighbourIsSolicited) {
  EXPECT_EQ(Resolve(UdpFrame(), Ip("2001:db8::ab:cdef")), Verdict::Consumed());
  Bytes l4;
  Append(l4, net::NeighborMessage{
                 net::Icmpv6Type::kNeighborSolicitation, 0, {}, {}, V6("2001:db8::ab:cdef")});
  Append(l4, net::LinkLayerOption{net::LinkLayerOption::kSource, 1, kUplinkMac});
  const Bytes solicitation =
      Ipv6Frame({{0x33, 0x33, 0xff, 0xab, 0xcd, 0xef}}, kUplinkMac, V6("2001:db8::1"),
                V6("ff02::1:ffab:cdef"), IpProtocol::kIcmpv6, l4, kIcmpChecksumAt);
  EXPECT_THAT(TakeGenerated(), ::testing::ElementsAre(solicitation));
}

TEST_F(NeighbourTest, AsksFromTheAddressOfTheNeighboursSubnet) {
  switch_.entries[kUplink.value()].addresses = {
      {Ip("198.51.100.1"), 24}, {Ip("192.0.2.1"), 24}, {Ip("203.0.113.1"), 24}};
  switch_.Publish();
  const auto source_for = [&](const char* target) {
    GenerateSolicitation(switch_.worker, Uplink(), Ip(target));
    auto frames = TakeGenerated();
    return Overlay<net::ArpPacket>(frames.at(0), 14).sender_ip;
  };
  EXPECT_EQ(source_for("192.0.2.9"), V4("192.0.2.1"));
  EXPECT_EQ(source_for("10.1.1.1"), V4("198.51.100.1")) << "in no subnet: the first";
  GenerateSolicitation(switch_.worker, Uplink(), Ip("2001:db8::9"));
  EXPECT_TRUE(TakeGenerated().empty()) << "no address of that family";
}

TEST_F(NeighbourTest, ThreePacketsWaitAndLeaveInOrderWhenTheAnswerComes) {
  const std::vector<Bytes> frames = {UdpFrame(10), UdpFrame(1400), UdpFrame(60)};
  for (const Bytes& frame : frames) {
    EXPECT_EQ(Resolve(frame, kRouter), Verdict::Consumed());
  }
  EXPECT_EQ(Resolve(UdpFrame(), kRouter), Verdict::Drop(DropReason::kNeighbourPending));
  EXPECT_EQ(Collect(), 0U);
  switch_.SetNeighbours({{kUplink, kRouter, kRouterMac}});
  ASSERT_EQ(Collect(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ready_[i]->egress, kUplink);
    EXPECT_EQ(ReceivedPacket::FrameOf(*ready_[i]), Forwarded(frames[i])) << i;
  }
  EXPECT_EQ(switch_.counters(kPod).generated.value(), 3U);
  EXPECT_EQ(Collect(), 0U);
  EXPECT_TRUE(switch_.worker.pending.empty());
}

TEST_F(NeighbourTest, WhatDoesNotFitLeavesNextTime) {
  for (const char* next_hop : {"192.0.2.9", "192.0.2.10"}) {
    Resolve(UdpFrame(), Ip(next_hop));
    Resolve(UdpFrame(), Ip(next_hop));
  }
  switch_.SetNeighbours(
      {{kUplink, kRouter, kRouterMac}, {kUplink, Ip("192.0.2.10"), kOtherPodMac}});
  const std::span<core::Packet*> room(ready_.data(), 3);
  EXPECT_EQ(CollectResolved(switch_.tables, switch_.worker, switch_.now, room), 2U);
  EXPECT_EQ(CollectResolved(switch_.tables, switch_.worker, switch_.now, room), 2U);
  EXPECT_EQ(CollectResolved(switch_.tables, switch_.worker, switch_.now, room), 0U);
  EXPECT_TRUE(switch_.worker.pending.empty());
}

TEST_F(NeighbourTest, WaitingPacketsOfAFailedNeighbourAreDroppedByName) {
  Resolve(UdpFrame(), kRouter);
  Resolve(UdpFrame(), kRouter);
  switch_.SetNeighbours({{kUplink, kRouter, {}, true}});
  EXPECT_EQ(Collect(), 0U);
  EXPECT_EQ(Drops(DropReason::kNeighbourFailed), 2U);
  EXPECT_EQ(switch_.counters(kPod).generated.value(), 2U) << "received and consumed before";
  EXPECT_TRUE(switch_.worker.pending.empty());
}

TEST_F(NeighbourTest, WaitingEnds) {
  Resolve(UdpFrame(), kRouter);
  Wait(kPendingTimeoutNanos);
  Resolve(UdpFrame(), kRouter);  // waits no longer for being later
  Collect();
  EXPECT_EQ(Drops(DropReason::kNeighbourFailed), 0U);
  Wait(1);
  Collect();
  EXPECT_EQ(Drops(DropReason::kNeighbourFailed), 2U);
  EXPECT_TRUE(switch_.worker.pending.empty());
}

TEST_F(NeighbourTest, OnePortCannotTakeAllThePlacesToWait) {
  const auto neighbour = [](unsigned i) {
    return net::IpAddress(net::Ipv4Address::FromHost(0xc0000200 + i));
  };
  unsigned kept = 0;
  while (kept < PendingPackets::kNeighbours &&
         Resolve(UdpFrame(), neighbour(kept)) == Verdict::Consumed()) {
    ++kept;
  }
  EXPECT_EQ(kept, PendingPackets::kNeighboursPerPort);
  EXPECT_EQ(Resolve(UdpFrame(), neighbour(kept)), Verdict::Drop(DropReason::kNeighbourPending));
  EXPECT_EQ(Resolve(UdpFrame(), neighbour(kept), kOtherPod), Verdict::Consumed());
}

// --- Announcements

TEST_F(NeighbourTest, AnnouncesAnIpv4Address) {
  GenerateAnnouncement(switch_.worker, Uplink(), Ip("192.0.2.50"), kUplinkMac);
  Bytes arp = EthernetFrame(net::MacAddress::Broadcast(), kUplinkMac, net::EtherType::kArp);
  Append(arp, net::ArpPacket{net::Be16(1),
                             net::Be16(0x0800),
                             6,
                             4,
                             net::Be16(1),
                             kUplinkMac,
                             V4("192.0.2.50"),
                             {},
                             V4("192.0.2.50")});
  EXPECT_THAT(TakeGenerated(), ::testing::ElementsAre(arp));
}

TEST_F(NeighbourTest, AnnouncesAnIpv6Address) {
  GenerateAnnouncement(switch_.worker, Uplink(), Ip("2001:db8::50"), kUplinkMac);
  Bytes l4;
  Append(l4, net::NeighborMessage{net::Icmpv6Type::kNeighborAdvertisement,
                                  0,
                                  {},
                                  net::Be32(0xa0000000),
                                  V6("2001:db8::50")});
  Append(l4, net::LinkLayerOption{net::LinkLayerOption::kTarget, 1, kUplinkMac});
  EXPECT_THAT(TakeGenerated(), ::testing::ElementsAre(Ipv6Frame(
                                   {{0x33, 0x33, 0, 0, 0, 1}}, kUplinkMac, V6("2001:db8::1"),
                                   V6("ff02::1"), IpProtocol::kIcmpv6, l4, kIcmpChecksumAt)));
}

TEST_F(NeighbourTest, AFullStoreMakesNoMore) {
  for (unsigned i = 0; i <= GeneratedFrames::kCapacity; ++i) {
    GenerateAnnouncement(switch_.worker, Uplink(), Ip("192.0.2.50"), kUplinkMac);
    GenerateSolicitation(switch_.worker, Uplink(), kRouter);
  }
  EXPECT_EQ(TakeGenerated().size(), GeneratedFrames::kCapacity);
}

}  // namespace
}  // namespace pollux::stages::testing
