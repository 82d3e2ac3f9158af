#include "dataplane/stages/send.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "dataplane/stages/held.h"
#include "dataplane/stages/neighbour.h"
#include "test/packet/frames.h"
#include "vhost/fake_port.h"

namespace pollux::stages::testing {
namespace {

using core::DropReason;
using vhost::FakeFrame;
using vhost::FakePort;

// Packets that passed every step, bound for fake ports.
class SendTest : public ::testing::Test {
 protected:
  SendTest() {
    switch_.entries[kOtherPod.value()].port = &other_pod_;
    switch_.entries[kUplink.value()].port = &uplink_;
    switch_.Publish();
  }

  core::Packet* Add(const OffloadedFrame& frame, net::PortId egress) {
    packets_.emplace_back(frame.bytes, kPod, 2, frame.offload);
    packets_.back().packet.egress = egress;
    return &packets_.back().packet;
  }
  core::Packet* Add(Bytes frame, net::PortId egress) {
    return Add(OffloadedFrame{std::move(frame), {}}, egress);
  }
  void Send(std::vector<core::Packet*> packets) {
    Context ctx = switch_.ContextOf(kPod);
    SendPackets(switch_.tables, switch_.worker, packets, &ctx);
  }
  static std::uint64_t Drops(core::Port& port, DropReason reason) {
    return port.counters(net::WorkerId(0)).drops[static_cast<unsigned>(reason)].value();
  }
  core::Port& pod() { return *switch_.entries[kPod.value()].port; }

  SmallSwitch switch_;
  FakePort other_pod_{kOtherPod};
  FakePort uplink_{kUplink};
  std::deque<ReceivedPacket> packets_;
};

std::vector<Bytes> BytesOf(const std::vector<FakeFrame>& frames) {
  std::vector<Bytes> bytes;
  for (const FakeFrame& frame : frames) {
    bytes.push_back(frame.bytes);
  }
  return bytes;
}

TEST_F(SendTest, EachPortGetsItsOwnInOrder) {
  const std::vector<Bytes> frames = {UdpFrame({}, 10), UdpFrame({}, 1400), UdpFrame({}, 300),
                                     UdpFrame({}, 0)};
  Send({Add(frames[0], kOtherPod), Add(frames[1], kUplink), Add(frames[2], kOtherPod),
        Add(frames[3], kUplink)});
  EXPECT_THAT(BytesOf(other_pod_.TakeSent()), ::testing::ElementsAre(frames[0], frames[2]));
  EXPECT_THAT(BytesOf(uplink_.TakeSent()), ::testing::ElementsAre(frames[1], frames[3]));
  const core::PortCounters& counters = uplink_.counters(net::WorkerId(0));
  EXPECT_EQ(counters.tx_packets.value(), 2U);
  EXPECT_EQ(counters.tx_bytes.value(), frames[1].size() + frames[3].size());
  EXPECT_EQ(counters.generated.value(), 0U);
}

TEST_F(SendTest, AFullDestinationIsChargedForWhatItMisses) {
  other_pod_.set_capacity(1);
  Send({Add(UdpFrame(), kOtherPod), Add(UdpFrame(), kOtherPod), Add(UdpFrame(), kOtherPod)});
  EXPECT_EQ(other_pod_.TakeSent().size(), 1U);
  EXPECT_EQ(Drops(other_pod_, DropReason::kDestinationFull), 2U);
  EXPECT_EQ(other_pod_.counters(net::WorkerId(0)).tx_packets.value(), 1U);
  EXPECT_EQ(Drops(pod(), DropReason::kDestinationFull), 0U);
}

TEST_F(SendTest, ADestinationThatIsDownIsCharged) {
  other_pod_.set_link_up(false);
  Send({Add(UdpFrame(), kOtherPod), Add(UdpFrame(), kUplink)});
  EXPECT_EQ(Drops(other_pod_, DropReason::kDestinationDown), 1U);
  EXPECT_EQ(uplink_.TakeSent().size(), 1U);
}

TEST_F(SendTest, APortThatIsGoneCannotBeCharged) {
  switch_.entries[kUplink.value()].port = nullptr;
  switch_.Publish();
  Send({Add(UdpFrame(), kUplink), Add(UdpFrame(), kOtherPod), Add(UdpFrame(), net::PortId(99))});
  EXPECT_EQ(Drops(pod(), DropReason::kDestinationDown), 2U);
  EXPECT_EQ(other_pod_.TakeSent().size(), 1U);
}

TEST_F(SendTest, APacketThatWaitedForAPortThatIsGoneIsCounted) {
  packets_.emplace_back(UdpFrame({.to = "192.0.2.9"}), kPod);
  Context ctx = switch_.ContextOf(kPod);
  const auto& uplink = (*switch_.tables.ports)[kUplink];
  ASSERT_EQ(ResolveNextHop(ctx, packets_.back().packet, uplink, Ip("192.0.2.9")),
            core::Verdict::Consumed());
  switch_.worker.generated.Clear();
  switch_.entries[kUplink.value()].port = nullptr;
  switch_.Publish();
  switch_.SetNeighbours({{kUplink, Ip("192.0.2.9"), kRouterMac}});
  SendHeld(switch_.tables, switch_.worker, switch_.now);
  EXPECT_EQ(Drops(pod(), DropReason::kDestinationDown), 1U);
  EXPECT_EQ(switch_.counters(kPod).generated.value(), 1U);
}

// --- Frames that the destination cannot take whole

struct LargeRow {
  const char* name;
  OffloadedFrame frame;
  core::PortCapabilities capable;
  std::vector<std::size_t> pieces;  // lengths where it is cut
};

std::vector<LargeRow> LargeRows() {
  const FrameTerms six{.from = "fd00::10", .to = "fd00::11"};
  return {
      {"tcp4",
       Offloaded(TcpFrame({}, 3000), 1400),
       {.checksum = true, .tso4 = true},
       {1454, 1454, 254}},
      {"tcp6",
       Offloaded(TcpFrame(six, 3000), 1400),
       {.checksum = true, .tso6 = true},
       {1474, 1474, 274}},
      {"udp",
       Offloaded(UdpFrame({}, 3000), 1400),
       {.checksum = true, .udp_gso = true},
       {1442, 1442, 242}},
  };
}

TEST_F(SendTest, LargeFramesStayWholeForWhoTakesThem) {
  for (const LargeRow& row : LargeRows()) {
    other_pod_.set_capabilities(row.capable);
    Send({Add(row.frame, kOtherPod)});
    const auto sent = other_pod_.TakeSent();
    ASSERT_EQ(sent.size(), 1U) << row.name;
    EXPECT_EQ(sent[0].bytes, row.frame.bytes) << row.name;
    EXPECT_EQ(sent[0].offload, row.frame.offload) << row.name;
  }
  EXPECT_EQ(other_pod_.counters(net::WorkerId(0)).generated.value(), 0U);
}

TEST_F(SendTest, LargeFramesAreCutForWhoDoesNot) {
  std::uint64_t generated = 0;
  for (const LargeRow& row : LargeRows()) {
    Send({Add(row.frame, kOtherPod)});
    std::vector<std::size_t> lengths;
    for (const FakeFrame& frame : other_pod_.TakeSent()) {
      EXPECT_EQ(frame.offload, core::Offload{}) << row.name << ": checksums completed";
      lengths.push_back(frame.bytes.size());
    }
    EXPECT_EQ(lengths, row.pieces) << row.name;
    generated += row.pieces.size() - 1;
    EXPECT_EQ(other_pod_.counters(net::WorkerId(0)).generated.value(), generated);
  }
}

TEST_F(SendTest, SegmentsThatDoNotFitAreDroppedOneByOne) {
  other_pod_.set_capacity(1);
  Send({Add(Offloaded(TcpFrame({}, 3000), 1400), kOtherPod)});
  const core::PortCounters& counters = other_pod_.counters(net::WorkerId(0));
  EXPECT_EQ(counters.tx_packets.value(), 1U);
  EXPECT_EQ(counters.generated.value(), 2U);
  EXPECT_EQ(Drops(other_pod_, DropReason::kDestinationFull), 2U);
}

TEST_F(SendTest, AFrameOfTooManySegmentsIsDropped) {
  Send({Add(Offloaded(TcpFrame({}, 2000), 1), kOtherPod)});
  EXPECT_EQ(Drops(other_pod_, DropReason::kSegmentation), 1U);
  EXPECT_TRUE(other_pod_.TakeSent().empty());
}

TEST_F(SendTest, LargePacketsAreFragmentedForASmallMtu) {
  switch_.entries[kOtherPod.value()].mtu = 600;
  switch_.Publish();
  Send({Add(UdpFrame({}, 1000), kOtherPod)});
  std::vector<std::size_t> lengths;
  for (const FakeFrame& frame : other_pod_.TakeSent()) {
    lengths.push_back(frame.bytes.size());
  }
  EXPECT_THAT(lengths, ::testing::ElementsAre(14 + 20 + 576, 14 + 20 + 432));
}

TEST_F(SendTest, ObserversSeeWhatBecameOfEach) {
  core::Subscription subscription({}, 1);
  const core::ObserverList observers{{&subscription}};
  other_pod_.set_capacity(1);
  std::vector<core::Packet*> packets = {Add(UdpFrame(), kOtherPod), Add(UdpFrame(), kOtherPod)};
  Context ctx = switch_.ContextOf(kPod);
  ctx.observers = &observers;
  ctx.first = packets[0];
  SendPackets(switch_.tables, switch_.worker, packets, &ctx);
  core::Observation seen;
  ASSERT_TRUE(subscription.TryPop(seen));
  EXPECT_EQ(seen.step, core::StepId::kSend);
  EXPECT_EQ(seen.verdict, core::VerdictKind::kContinue);
  EXPECT_EQ(seen.egress, kOtherPod);
  ASSERT_TRUE(subscription.TryPop(seen));
  EXPECT_EQ(seen.reason, DropReason::kDestinationFull);
}

}  // namespace
}  // namespace pollux::stages::testing
