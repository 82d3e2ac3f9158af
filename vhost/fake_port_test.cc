#include "vhost/fake_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <numeric>

#include "dataplane/core/copy.h"

namespace pollux::vhost {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr net::WorkerId kWorker{0};

FakeFrame MakeFrame(std::size_t length, core::Offload offload = {}) {
  FakeFrame frame{std::vector<std::uint8_t>(length), offload};
  std::iota(frame.bytes.begin(), frame.bytes.end(), std::uint8_t{0});
  return frame;
}

bool IsReadable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

// Receives one burst on `from`, loads the heads and sends everything to `to`.
void Relay(FakePort& from, FakePort& to, core::Batch& batch) {
  batch.Reset(from.id());
  from.rx_queue(0).Receive(batch);
  std::vector<core::Packet*> packets;
  for (core::Packet& packet : batch.packets()) {
    core::LoadHead(packet);
    packets.push_back(&packet);
  }
  if (!packets.empty()) {
    to.Send(kWorker, packets);
  }
}

class FakePortTest : public testing::Test {
 protected:
  FakePort in_{net::PortId{1}};
  FakePort out_{net::PortId{2}};
  core::Batch batch_;
};

TEST_F(FakePortTest, FrameInPiecesArrivesWholeWithItsOffload) {
  const core::Offload offload{.needs_checksum = true, .checksum_start = 34, .checksum_offset = 16};
  out_.set_capabilities({.checksum = true});
  const FakeFrame whole = MakeFrame(900, offload);
  in_.Enqueue(whole, {1, 14, 127, 128, 129, 700});
  Relay(in_, out_, batch_);
  EXPECT_EQ(batch_.packets()[0].segment_count, 7);
  EXPECT_THAT(out_.TakeSent(), ElementsAre(whole));
}

TEST_F(FakePortTest, CompletesTheChecksumForAPeerThatCannot) {
  FakeFrame frame{{0x00, 0x00, 0x12, 0x34, 0x00, 0x01}, {.needs_checksum = true}};
  in_.Enqueue(frame);
  Relay(in_, out_, batch_);
  const auto sent = out_.TakeSent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_THAT(sent[0].bytes, ElementsAre(0xed, 0xca, 0x12, 0x34, 0x00, 0x01));
  EXPECT_EQ(sent[0].offload, core::Offload{});
}

TEST_F(FakePortTest, HoldsBuffersFromReceiveToRelease) {
  in_.Enqueue(MakeFrame(60));
  in_.Enqueue(MakeFrame(61));
  EXPECT_EQ(in_.queued(), 2U);
  Relay(in_, out_, batch_);
  EXPECT_EQ(in_.queued(), 0U);
  EXPECT_EQ(in_.held(), 2U);
  in_.rx_queue(0).Release(batch_);
  EXPECT_EQ(in_.held(), 0U);
}

TEST_F(FakePortTest, EndsABurstWhenTheBatchIsFull) {
  for (unsigned i = 0; i < core::kBurst + 1; ++i) {
    in_.Enqueue(MakeFrame(60));
  }
  Relay(in_, out_, batch_);
  EXPECT_EQ(batch_.size(), core::kBurst);
  EXPECT_EQ(in_.queued(), 1U);
}

TEST_F(FakePortTest, ReportsFramesItCouldNotTake) {
  in_.EnqueueDropped(core::DropReason::kRingDescriptor);
  batch_.Reset(in_.id());
  in_.rx_queue(0).Receive(batch_);
  ASSERT_EQ(batch_.size(), 1U);
  EXPECT_EQ(batch_.packets()[0].drop, core::DropReason::kRingDescriptor);
}

TEST_F(FakePortTest, FullAndDownPeersLeaveTheirReason) {
  out_.set_capacity(1);
  in_.Enqueue(MakeFrame(60));
  in_.Enqueue(MakeFrame(61));
  Relay(in_, out_, batch_);
  EXPECT_EQ(batch_.packets()[0].drop, core::DropReason::kNone);
  EXPECT_EQ(batch_.packets()[1].drop, core::DropReason::kDestinationFull);
  EXPECT_THAT(out_.TakeSent(), ElementsAre(MakeFrame(60)));

  in_.rx_queue(0).Release(batch_);
  out_.set_link_up(false);
  in_.Enqueue(MakeFrame(62));
  Relay(in_, out_, batch_);
  EXPECT_EQ(batch_.packets()[0].drop, core::DropReason::kDestinationDown);
  EXPECT_FALSE(out_.Status().link_up);
  EXPECT_THAT(out_.TakeSent(), IsEmpty());
}

TEST_F(FakePortTest, RefusesForAnyReason) {
  out_.set_refusal(core::DropReason::kDeviceError);
  in_.Enqueue(MakeFrame(60));
  Relay(in_, out_, batch_);
  EXPECT_EQ(batch_.packets()[0].drop, core::DropReason::kDeviceError);
  EXPECT_THAT(out_.TakeSent(), IsEmpty());

  in_.rx_queue(0).Release(batch_);
  out_.set_refusal(core::DropReason::kNone);
  in_.Enqueue(MakeFrame(61));
  Relay(in_, out_, batch_);
  EXPECT_THAT(out_.TakeSent(), ElementsAre(MakeFrame(61)));
}

TEST_F(FakePortTest, WakesAnArmedWorkerOnce) {
  core::RxQueue& queue = in_.rx_queue(0);
  EXPECT_FALSE(queue.Arm());
  EXPECT_FALSE(IsReadable(queue.wait_handle().fd));
  in_.Enqueue(MakeFrame(60));
  EXPECT_TRUE(IsReadable(queue.wait_handle().fd));
  queue.AcknowledgeWake();
  EXPECT_FALSE(IsReadable(queue.wait_handle().fd));
  EXPECT_TRUE(queue.Arm());
  queue.Disarm();
  in_.Enqueue(MakeFrame(60));
  EXPECT_FALSE(IsReadable(queue.wait_handle().fd));
}

TEST_F(FakePortTest, RefusesWhatThePortMustNeverSee) {
  in_.Enqueue(MakeFrame(1519));
  EXPECT_DEATH(Relay(in_, out_, batch_), "beyond its MTU");
}

TEST_F(FakePortTest, RefusesGsoWithoutTheCapability) {
  in_.Enqueue(MakeFrame(3000, {.needs_checksum = true, .gso = core::Gso::kTcp4, .gso_size = 1448}));
  EXPECT_DEATH(Relay(in_, out_, batch_), "GSO frame that it cannot take");
  out_.set_capabilities({.checksum = true, .tso4 = true});
  Relay(in_, out_, batch_);
  EXPECT_EQ(out_.TakeSent().size(), 1U);
}

}  // namespace
}  // namespace pollux::vhost
