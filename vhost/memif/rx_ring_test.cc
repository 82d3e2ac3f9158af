#include "vhost/memif/rx_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "vhost/test_frames.h"

namespace pollux::vhost::memif {
namespace {

using core::DropReason;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr unsigned kLog2Size = 7;
constexpr std::uint32_t kBufferBytes = 256;
constexpr std::uint32_t kMaxFrame = 1514;
constexpr std::uint64_t kRegionBytes =
    RingBytes(kLog2Size) + (std::uint64_t{kBufferBytes} << kLog2Size);

// A ring in private memory and the walker on it; the test plays the peer.
class RxRingTest : public testing::TestWithParam<Role> {
 protected:
  RxRingTest() : memory_(kRegionBytes + kRingAlignment) {
    auto* const start = reinterpret_cast<std::uint8_t*>(
        (reinterpret_cast<std::uintptr_t>(memory_.data()) + kRingAlignment - 1) / kRingAlignment *
        kRingAlignment);
    base_ = start;
    regions_.Set(0, base_, kRegionBytes);
    ring_.emplace(base_, kLog2Size);
    std::vector<Descriptor> buffers;
    for (std::uint16_t i = 0; i < ring_->size(); ++i) {
      buffers.push_back({.length = kBufferBytes, .offset = BufferOffset(i)});
      ring_->Store(i, buffers.back());
    }
    const bool client = GetParam() == Role::kClient;
    rx_.emplace(GetParam(), *ring_, regions_, kMaxFrame,
                client ? buffers : std::vector<Descriptor>());
    rx_->Start();
  }

  static std::uint32_t BufferOffset(unsigned slot) {
    return static_cast<std::uint32_t>(RingBytes(kLog2Size) +
                                      std::size_t{slot % (1U << kLog2Size)} * kBufferBytes);
  }
  std::atomic_ref<std::uint16_t> peer_index() {
    return GetParam() == Role::kServer ? ring_->head() : ring_->tail();
  }
  std::uint16_t released() {
    return GetParam() == Role::kServer ? ring_->tail().load()
                                       : static_cast<std::uint16_t>(ring_->head() - ring_->size());
  }
  void Publish(const Descriptor& descriptor) {
    const std::uint16_t index = peer_index();
    ring_->Store(index, descriptor);
    peer_index().store(static_cast<std::uint16_t>(index + 1));
  }
  // The frame in as many pieces as given, which sum up to its length.
  void PublishFrame(const Bytes& frame, std::vector<std::uint32_t> pieces) {
    std::size_t done = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const std::uint32_t offset = BufferOffset(peer_index());
      std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(done), pieces[i], base_ + offset);
      done += pieces[i];
      Publish({.flags = i + 1 < pieces.size() ? kNextDescriptor : std::uint16_t{0},
               .length = pieces[i],
               .offset = offset});
    }
  }
  void PublishFrame(const Bytes& frame) {
    PublishFrame(frame, {static_cast<std::uint32_t>(frame.size())});
  }
  std::vector<Received> Burst() {
    batch_.Reset(net::PortId{1});
    rx_->Receive(batch_);
    std::vector<Received> content = ContentOf(batch_);
    rx_->Release();
    return content;
  }
  std::vector<DropReason> BurstOfDrops() {
    std::vector<DropReason> drops;
    for (const Received& received : Burst()) {
      drops.push_back(received.drop);
    }
    return drops;
  }

  Bytes memory_;
  std::uint8_t* base_ = nullptr;
  RegionTable regions_;
  std::optional<Ring> ring_;
  std::optional<RxRing> rx_;
  core::Batch batch_;
};

INSTANTIATE_TEST_SUITE_P(Roles, RxRingTest, testing::Values(Role::kServer, Role::kClient),
                         [](const auto& role) {
                           return role.param == Role::kServer ? "Server" : "Client";
                         });

TEST_P(RxRingTest, FramesComeInOrderAndBuffersGoBack) {
  EXPECT_FALSE(rx_->HasWork());
  for (unsigned round = 0; round < 1000; ++round) {  // the indices wrap within
    const std::vector<Bytes> frames = {MakeFrame(60, round), MakeFrame(256, round),
                                       MakeFrame(14, round)};
    for (const Bytes& frame : frames) {
      PublishFrame(frame);
    }
    EXPECT_TRUE(rx_->HasWork());
    ASSERT_THAT(Burst(),
                ElementsAre(Received{frames[0]}, Received{frames[1]}, Received{frames[2]}));
    ASSERT_EQ(released(), peer_index().load());
  }
}

TEST_P(RxRingTest, ChainsAreOneFrame) {
  const Bytes frame = MakeFrame(600);
  PublishFrame(frame, {256, 100, 244});
  PublishFrame(MakeFrame(64));
  EXPECT_THAT(Burst(), ElementsAre(Received{frame}, Received{MakeFrame(64)}));
}

TEST_P(RxRingTest, ABurstTakesNoMoreThanTheBatchHolds) {
  for (unsigned i = 0; i < 100; ++i) {
    PublishFrame(MakeFrame(60, i));
  }
  EXPECT_THAT(Burst(), SizeIs(core::kBurst));
  EXPECT_EQ(released(), core::kBurst);
  EXPECT_THAT(Burst(), SizeIs(100 - core::kBurst));
}

TEST_P(RxRingTest, BuffersAreHeldUntilRelease) {
  PublishFrame(MakeFrame(60));
  batch_.Reset(net::PortId{1});
  rx_->Receive(batch_);
  EXPECT_EQ(released(), 0);
  rx_->Release();
  EXPECT_EQ(released(), 1);
}

// A client describes its buffers anew, whatever the server wrote there.
TEST_P(RxRingTest, AClientLendsItsWholeBuffersAgain) {
  PublishFrame(MakeFrame(60));
  Burst();
  const Descriptor descriptor = ring_->Load(0);
  EXPECT_EQ(descriptor.length, GetParam() == Role::kClient ? kBufferBytes : 60U);
  EXPECT_EQ(descriptor.offset, BufferOffset(0));
}

TEST_P(RxRingTest, TheLengthOfAFrameIsChecked) {
  PublishFrame(MakeFrame(13));
  PublishFrame(MakeFrame(14));
  PublishFrame(MakeFrame(kMaxFrame), {256, 256, 256, 256, 256, 234});
  PublishFrame(MakeFrame(kMaxFrame + 1), {256, 256, 256, 256, 256, 235});
  EXPECT_THAT(BurstOfDrops(), ElementsAre(DropReason::kFrameTooShort, DropReason::kNone,
                                          DropReason::kNone, DropReason::kFrameTooLong));
}

TEST_P(RxRingTest, ADescriptorThatLiesCostsOnlyItself) {
  struct Row {
    const char* sentence;
    Descriptor descriptor;
  };
  const auto end = static_cast<std::uint32_t>(kRegionBytes);
  const std::vector<Row> rows = {
      {"a region that was not announced", {.region = 1, .length = 64, .offset = 0}},
      {"a region beyond the table", {.region = kMaxRegions, .length = 64, .offset = 0}},
      {"the last region number", {.region = 0xffff, .length = 64, .offset = 0}},
      {"one byte beyond the region", {.length = 64, .offset = end - 63}},
      {"an offset at the region's end", {.length = 64, .offset = end}},
      {"the highest offset", {.length = 64, .offset = 0xffffffff}},
      {"a length beyond the region", {.length = end + 1, .offset = 0}},
      {"the highest length", {.length = 0xffffffff, .offset = 0}},
      {"a sum that wraps in 32 bits", {.length = 0xffffffc0, .offset = 0x80}},
      {"no length at all", {.length = 0, .offset = BufferOffset(0)}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sentence);
    Publish(row.descriptor);
    PublishFrame(MakeFrame(60));
    EXPECT_THAT(BurstOfDrops(), ElementsAre(DropReason::kRingDescriptor, DropReason::kNone));
    EXPECT_EQ(released(), peer_index().load());
    EXPECT_EQ(rx_->fault(), nullptr);
  }
}

TEST_P(RxRingTest, ALieInsideAChainCostsTheChain) {
  PublishFrame(MakeFrame(300), {256, 44});
  ring_->Store(1, {.length = 44, .offset = static_cast<std::uint32_t>(kRegionBytes)});
  PublishFrame(MakeFrame(60));
  EXPECT_THAT(BurstOfDrops(), ElementsAre(DropReason::kRingDescriptor, DropReason::kNone));
}

TEST_P(RxRingTest, AChainThatGoesOnWhereNothingWasPublishedIsDropped) {
  PublishFrame(MakeFrame(60));
  Publish({.flags = kNextDescriptor, .length = 64, .offset = BufferOffset(1)});
  EXPECT_THAT(BurstOfDrops(), ElementsAre(DropReason::kNone, DropReason::kRingDescriptor));
  EXPECT_EQ(released(), 2);
  PublishFrame(MakeFrame(60));
  EXPECT_THAT(BurstOfDrops(), ElementsAre(DropReason::kNone));
}

TEST_P(RxRingTest, ChainsAreCapped) {
  const std::vector<std::uint32_t> most(core::kMaxSegmentsPerFrame, 1);
  const std::vector<std::uint32_t> too_many(core::kMaxSegmentsPerFrame + 1, 1);
  PublishFrame(MakeFrame(64), most);
  EXPECT_THAT(BurstOfDrops(), ElementsAre(DropReason::kNone));
  PublishFrame(MakeFrame(65), too_many);
  PublishFrame(MakeFrame(60));
  // The rest of the chain goes with the next burst, silently.
  EXPECT_THAT(BurstOfDrops(), ElementsAre(DropReason::kTooManySegments));
  EXPECT_THAT(Burst(), ElementsAre(Received{MakeFrame(60)}));
  EXPECT_EQ(released(), peer_index().load());
}

TEST_P(RxRingTest, AChainWithoutEndIsSwallowedInPortions) {
  for (unsigned i = 0; i < ring_->size(); ++i) {
    Publish({.flags = kNextDescriptor, .length = 64, .offset = BufferOffset(i)});
  }
  EXPECT_THAT(BurstOfDrops(), ElementsAre(DropReason::kTooManySegments));
  EXPECT_EQ(released(), core::kMaxSegmentsPerFrame);
  EXPECT_THAT(BurstOfDrops(), IsEmpty());
  EXPECT_EQ(released(), ring_->size());
  EXPECT_THAT(BurstOfDrops(), IsEmpty());
}

TEST_P(RxRingTest, AFullRingIsNoJump) {
  for (unsigned i = 0; i < ring_->size(); ++i) {
    PublishFrame(MakeFrame(60));
  }
  EXPECT_THAT(Burst(), SizeIs(core::kBurst));
  EXPECT_EQ(rx_->fault(), nullptr);
}

TEST_P(RxRingTest, AnIndexBeyondTheRingQuarantines) {
  for (const int jump : {(1 << kLog2Size) + 1, 0x8000, 0xffff}) {
    SCOPED_TRACE(jump);
    rx_.emplace(GetParam(), *ring_, regions_, kMaxFrame, std::vector<Descriptor>());
    rx_->Start();
    peer_index().store(static_cast<std::uint16_t>(jump));
    EXPECT_THAT(Burst(), IsEmpty());
    EXPECT_STREQ(rx_->fault(), "the peer's ring index jumped beyond the ring");
    peer_index().store(1);  // for good
    EXPECT_THAT(Burst(), IsEmpty());
    EXPECT_FALSE(rx_->HasWork());
  }
}

TEST_P(RxRingTest, InterruptsAreMaskedWhileItPolls) {
  EXPECT_EQ(ring_->flags().load(), kMaskInterrupts);
  rx_->MaskInterrupts(false);
  EXPECT_EQ(ring_->flags().load(), 0);
}

}  // namespace
}  // namespace pollux::vhost::memif
