// The walker of a guest's receive ring: what arrives in the guest, byte for byte, and what a bad
// guest gets.
#include "vhost/vhost_user/tx_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <random>
#include <string>

#include "dataplane/core/batch.h"
#include "dataplane/core/copy.h"
#include "dataplane/net/checksum.h"
#include "vhost/vhost_user/test_memory.h"

namespace pollux::vhost::vhost_user {
namespace {

using core::DropReason;

constexpr std::uint16_t kRingSize = 64;
constexpr std::uint32_t kHeader = sizeof(VirtioNetHeader);
constexpr Offloads kAll{.checksum = true, .tso4 = true, .tso6 = true};

std::vector<std::uint8_t> Bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

// A packet as the pipeline leaves it: a private head and a payload elsewhere, here in two pieces.
class Sent {
 public:
  explicit Sent(std::vector<std::uint8_t> frame, const core::Offload& offload = {})
      : frame_(std::move(frame)),
        segments_{core::Segment{frame_.data(), static_cast<std::uint32_t>(frame_.size() / 2)},
                  core::Segment{frame_.data() + frame_.size() / 2,
                                static_cast<std::uint32_t>(frame_.size() - frame_.size() / 2)}} {
    packet_.head = head_.data();
    packet_.segments = segments_.data();
    packet_.segment_count = 2;
    packet_.payload_length = static_cast<std::uint32_t>(frame_.size());
    packet_.offload = offload;
    core::LoadHead(packet_);
  }
  Sent(const Sent&) = delete;
  Sent& operator=(const Sent&) = delete;
  core::Packet* operator&() { return &packet_; }  // NOLINT(google-runtime-operator)
  [[nodiscard]] DropReason drop() const { return packet_.drop; }

 private:
  std::vector<std::uint8_t> frame_;
  std::array<core::Segment, 2> segments_;
  std::array<std::uint8_t, core::kHeaderBytes> head_{};
  core::Packet packet_;
};

class TxRingTest : public ::testing::Test {
 protected:
  TxRingTest() : guest_(memory_, kRingSize) {
    device_.memory = memory_.Map();
    queue_.ring = guest_.View(*device_.memory);
    queue_.enabled = true;
  }

  // Posts one buffer made of pieces of these lengths; where they begin.
  std::vector<std::size_t> Post(std::initializer_list<std::uint32_t> lengths) {
    std::vector<Piece> pieces;
    std::vector<std::size_t> at;
    for (const std::uint32_t length : lengths) {
      at.push_back(memory_.Allocate(length));
      pieces.push_back({at.back(), length, true});
    }
    guest_.Offer(guest_.Chain(pieces));
    return at;
  }
  void Send(std::vector<core::Packet*> packets) { ring_.Send(device_, queue_, packets); }
  DropReason SendOne(std::size_t length) {
    Sent sent(Bytes(length));
    Send({&sent});
    return sent.drop();
  }
  std::vector<std::uint8_t> Written(std::size_t offset, std::size_t length) {
    return {memory_.At(offset), memory_.At(offset) + length};
  }
  VirtioNetHeader HeaderAt(std::size_t offset) {
    return CopyOnce<VirtioNetHeader>(memory_.At(offset));
  }
  void ExpectUsed(std::uint32_t id, std::uint32_t length) {
    const auto used = guest_.TakeUsed();
    ASSERT_TRUE(used);
    EXPECT_EQ(used->id, id);
    EXPECT_EQ(used->length, length);
  }

  GuestMemory memory_;
  GuestRing guest_;
  Device device_;
  Queue queue_;
  TxRing ring_;
};

class TxSizeTest : public TxRingTest, public ::testing::WithParamInterface<std::uint32_t> {};

TEST_P(TxSizeTest, FrameInOneBufferAndNotAByteBeyond) {
  const std::uint32_t size = GetParam();
  const auto at = Post({kHeader + size, 16});
  std::fill_n(memory_.At(at[1]), 16, std::uint8_t{0xee});
  // One descriptor: cut the chain.
  guest_.descriptor(0).flags = Descriptor::kWrite;
  EXPECT_EQ(SendOne(size), DropReason::kNone);
  ExpectUsed(0, kHeader + size);
  EXPECT_EQ(Written(at[0] + kHeader, size), Bytes(size));
  EXPECT_EQ(HeaderAt(at[0]).buffer_count, 1);
  EXPECT_EQ(HeaderAt(at[0]).flags, 0);
  EXPECT_EQ(Written(at[1], 16), std::vector<std::uint8_t>(16, 0xee));
}

INSTANTIATE_TEST_SUITE_P(Sizes, TxSizeTest,
                         ::testing::Values(14, 60, 63, 64, 65, 127, 128, 129, 255, 1514, 9014));

TEST_F(TxRingTest, FrameIntoAChainWithSplitHeader) {
  const auto at = Post({5, 7 + 20, 1, 200});
  EXPECT_EQ(SendOne(180), DropReason::kNone);
  ExpectUsed(0, kHeader + 180);
  auto got = Written(at[1] + 7, 20);
  for (const auto& part : {Written(at[2], 1), Written(at[3], 159)}) {
    got.insert(got.end(), part.begin(), part.end());
  }
  EXPECT_EQ(got, Bytes(180));
  EXPECT_EQ(*memory_.At(at[1] + 5), 1) << "the low byte of buffer_count";
}

TEST_F(TxRingTest, IndirectBuffers) {
  device_.indirect = true;
  const std::size_t at = memory_.Allocate(2048);
  const std::array<Piece, 2> pieces{Piece{at, kHeader, true}, Piece{at + kHeader, 1000, true}};
  const std::uint16_t head = guest_.IndirectChain(pieces);
  guest_.Offer(head);
  EXPECT_EQ(SendOne(900), DropReason::kNone);
  ExpectUsed(head, kHeader + 900);
  EXPECT_EQ(Written(at + kHeader, 900), Bytes(900));
}

TEST_F(TxRingTest, MergeableBuffersTakeOneFrameTogether) {
  device_.mergeable = true;
  const auto a = Post({100});
  const auto b = Post({50});
  const auto c = Post({400});
  EXPECT_EQ(SendOne(300), DropReason::kNone);
  ExpectUsed(0, 100);
  ExpectUsed(1, 50);
  ExpectUsed(2, 312 - 150);
  EXPECT_EQ(HeaderAt(a[0]).buffer_count, 3);
  auto got = Written(a[0] + kHeader, 88);
  for (const auto& part : {Written(b[0], 50), Written(c[0], 162)}) {
    got.insert(got.end(), part.begin(), part.end());
  }
  EXPECT_EQ(got, Bytes(300));
}

TEST_F(TxRingTest, FrameWithoutRoomIsDroppedWholeAndItsBuffersServeTheNext) {
  device_.mergeable = true;
  Post({100});
  Post({100});
  Sent large(Bytes(300));
  Sent small(Bytes(60));
  Send({&large, &small});
  EXPECT_EQ(large.drop(), DropReason::kDestinationFull);
  EXPECT_EQ(small.drop(), DropReason::kNone);
  ExpectUsed(0, kHeader + 60);
  EXPECT_FALSE(guest_.TakeUsed());
}

TEST_F(TxRingTest, BufferTooSmallWithoutMergeable) {
  Post({100});
  EXPECT_EQ(SendOne(89), DropReason::kDestinationTooSmall);
  EXPECT_EQ(SendOne(88), DropReason::kNone);
}

TEST_F(TxRingTest, MoreFramesThanBuffers) {
  Post({2048});
  Post({2048});
  Sent a(Bytes(60));
  Sent b(Bytes(61));
  Sent c(Bytes(62));
  Send({&a, &b, &c});
  EXPECT_EQ(a.drop(), DropReason::kNone);
  EXPECT_EQ(b.drop(), DropReason::kNone);
  EXPECT_EQ(c.drop(), DropReason::kDestinationFull);
  ExpectUsed(0, kHeader + 60);
  ExpectUsed(1, kHeader + 61);
  EXPECT_EQ(ring_.position(), 2);
}

TEST_F(TxRingTest, ChecksumIsLeftPartialWhereTheGuestTakesIt) {
  device_.to_guest = {.checksum = true, .tso4 = false, .tso6 = false};
  const auto at = Post({2048});
  Sent sent(Bytes(100), {.needs_checksum = true,
                         .gso = core::Gso::kNone,
                         .gso_size = 0,
                         .checksum_start = 34,
                         .checksum_offset = 6});
  Send({&sent});
  EXPECT_EQ(HeaderAt(at[0]).flags, VirtioNetHeader::kNeedsChecksum);
  EXPECT_EQ(HeaderAt(at[0]).checksum_start, 34);
  EXPECT_EQ(HeaderAt(at[0]).checksum_offset, 6);
  EXPECT_EQ(Written(at[0] + kHeader, 100), Bytes(100));
}

// Whatever the buffers look like, the same completed frame must lie in them.
class TxChecksumTest : public TxRingTest,
                       public ::testing::WithParamInterface<std::vector<std::uint32_t>> {};

TEST_P(TxChecksumTest, IsCompletedWhereTheGuestDoesNot) {
  std::vector<std::uint8_t> expected = Bytes(101);
  const net::Be16 checksum = net::InternetChecksum(std::span(expected).subspan(34));
  std::memcpy(expected.data() + 40, &checksum, sizeof checksum);
  std::vector<Piece> pieces;
  for (const std::uint32_t length : GetParam()) {
    pieces.push_back({memory_.Allocate(length), length, true});
  }
  guest_.Offer(guest_.Chain(pieces));
  Sent sent(Bytes(101), {.needs_checksum = true,
                         .gso = core::Gso::kNone,
                         .gso_size = 0,
                         .checksum_start = 34,
                         .checksum_offset = 6});
  Send({&sent});
  ASSERT_EQ(sent.drop(), DropReason::kNone);
  std::vector<std::uint8_t> got;
  for (const Piece& piece : pieces) {
    const auto part = Written(piece.offset, piece.length);
    got.insert(got.end(), part.begin(), part.end());
  }
  EXPECT_EQ(got[0], 0) << "flags";
  EXPECT_EQ(std::vector<std::uint8_t>(got.begin() + kHeader, got.begin() + kHeader + 101),
            expected);
}

INSTANTIATE_TEST_SUITE_P(Pieces, TxChecksumTest,
                         ::testing::Values(std::vector<std::uint32_t>{200},
                                           std::vector<std::uint32_t>{12, 101},
                                           // an odd piece, and the field in two
                                           std::vector<std::uint32_t>{12 + 35, 6, 200}));

TEST_F(TxRingTest, SegmentationIsPassedOnWithItsHeaderLength) {
  device_.to_guest = kAll;
  device_.mergeable = true;
  std::vector<std::uint8_t> frame = Bytes(9000);
  frame[34 + 12] = 8 << 4;  // TCP header of 32 bytes
  const auto at = Post({16384});
  Sent sent(frame, {.needs_checksum = true,
                    .gso = core::Gso::kTcp4,
                    .gso_size = 1448,
                    .checksum_start = 34,
                    .checksum_offset = 16});
  Send({&sent});
  ASSERT_EQ(sent.drop(), DropReason::kNone);
  const VirtioNetHeader header = HeaderAt(at[0]);
  EXPECT_EQ(header.gso_type, VirtioNetHeader::kGsoTcp4);
  EXPECT_EQ(header.gso_size, 1448);
  EXPECT_EQ(header.header_length, 34 + 32);
}

TEST_F(TxRingTest, SegmentationThatTheGuestDoesNotTake) {
  device_.to_guest = {.checksum = true, .tso4 = false, .tso6 = true};
  Post({16384});
  Sent sent(Bytes(9000), {.needs_checksum = true,
                          .gso = core::Gso::kTcp4,
                          .gso_size = 1448,
                          .checksum_start = 34,
                          .checksum_offset = 16});
  Send({&sent});
  EXPECT_EQ(sent.drop(), DropReason::kSegmentation);
  EXPECT_FALSE(guest_.TakeUsed());
}

struct EvilCase {
  const char* name;
  Descriptor descriptor;
};
class TxEvilTest : public TxRingTest, public ::testing::WithParamInterface<EvilCase> {};

TEST_P(TxEvilTest, CostsOnePacketAndTheBufferComesBackEmpty) {
  device_.indirect = true;
  const std::uint16_t head = guest_.Chain(std::vector<Piece>(1));
  guest_.descriptor(head) = GetParam().descriptor;
  guest_.Offer(head);
  Post({2048});
  EXPECT_EQ(SendOne(60), DropReason::kDestinationBuffer);
  ExpectUsed(head, 0);
  EXPECT_EQ(SendOne(60), DropReason::kNone);
  EXPECT_EQ(ring_.fault(), RingFault::kNone);
}

constexpr std::uint64_t kBase = GuestMemory::kGuestBase;
constexpr std::uint64_t kEnd = 4 << 20;
INSTANTIATE_TEST_SUITE_P(
    Rows, TxEvilTest,
    ::testing::Values(
        EvilCase{"ReadOnly", {.address = kBase, .length = 2048, .flags = 0, .next = 0}},
        EvilCase{"LengthZero", {.address = kBase, .length = 0, .flags = 2, .next = 0}},
        EvilCase{"RuntThenOutside",
                 {.address = kBase + kEnd - 5, .length = 6, .flags = 2, .next = 0}},
        EvilCase{"RuntLoop", {.address = kBase, .length = 1, .flags = 3, .next = 0}},
        EvilCase{"Outside", {.address = 16, .length = 2048, .flags = 2, .next = 0}},
        EvilCase{"OneBeyond", {.address = kBase + kEnd - 63, .length = 64, .flags = 2, .next = 0}},
        EvilCase{"Wraps",
                 {.address = ~std::uint64_t{0} - 5, .length = 2048, .flags = 2, .next = 0}},
        EvilCase{"NextOutOfRange", {.address = kBase, .length = 8, .flags = 3, .next = kRingSize}},
        EvilCase{"OddTable", {.address = kBase, .length = 17, .flags = 4, .next = 0}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(TxRingTest, BadBufferAmongMergeableOnesTakesTheFrameWithIt) {
  device_.mergeable = true;
  Post({50});
  const std::uint16_t bad = guest_.Chain(std::vector<Piece>{{0, 100, false}});
  guest_.Offer(bad);
  Post({2048});
  EXPECT_EQ(SendOne(300), DropReason::kDestinationBuffer);
  ExpectUsed(0, 0);
  ExpectUsed(bad, 0);
  EXPECT_EQ(SendOne(300), DropReason::kNone);
}

TEST_F(TxRingTest, IndexJumpQuarantinesTheRing) {
  Post({2048});
  guest_.available(1) = kRingSize + 1;
  EXPECT_EQ(SendOne(60), DropReason::kDestinationDown);
  EXPECT_EQ(ring_.fault(), RingFault::kIndexJump);
  guest_.available(1) = 1;
  EXPECT_EQ(SendOne(60), DropReason::kDestinationDown);
}

TEST_F(TxRingTest, HeadOutOfRangeQuarantinesTheRingAfterWhatWasGood) {
  Post({2048});
  guest_.Offer(kRingSize + 7);
  Sent good(Bytes(60));
  Sent bad(Bytes(60));
  Sent after(Bytes(60));
  Send({&good, &bad, &after});
  EXPECT_EQ(good.drop(), DropReason::kNone);
  EXPECT_EQ(bad.drop(), DropReason::kDestinationDown);
  EXPECT_EQ(after.drop(), DropReason::kDestinationDown);
  ExpectUsed(0, kHeader + 60);
  EXPECT_EQ(ring_.fault(), RingFault::kHeadOutOfRange);
}

TEST_F(TxRingTest, ShrunkMemoryQuarantinesTheRing) {
  Post({2048});
  ASSERT_EQ(ftruncate(memory_.fd(), 0), 0);
  SendOne(60);  // sees zeros and is lost with them
  EXPECT_EQ(SendOne(60), DropReason::kDestinationDown);
  EXPECT_EQ(ring_.fault(), RingFault::kMemoryShrank);
}

TEST_F(TxRingTest, SeededMutations) {
  device_.indirect = true;
  std::mt19937_64 random(42);
  const auto any_of = [&](std::initializer_list<std::uint64_t> values) {
    return values.begin()[random() % values.size()];
  };
  const std::size_t table = memory_.Allocate(64 * sizeof(Descriptor));
  for (int round = 0; round < 5000; ++round) {
    device_.mergeable = random() % 2 == 0;
    const auto any_descriptor = [&] {
      return Descriptor{
          .address = any_of({kBase + 65536 + random() % 65536, kBase + kEnd - random() % 64,
                             kBase + table, random()}),
          .length = static_cast<std::uint32_t>(
              any_of({0, 1, 12, 64, 76, 2048, 2048, 65536, 0xffffffff, random()})),
          .flags = static_cast<std::uint16_t>(any_of({2, 2, 2, 3, 3, 4, 0, random()})),
          .next = static_cast<std::uint16_t>(any_of({random() % kRingSize, random()}))};
    };
    for (unsigned i = 0; i < kRingSize; ++i) {
      guest_.descriptor(i) = any_descriptor();
      reinterpret_cast<Descriptor*>(memory_.At(table))[i] = any_descriptor();
    }
    while (static_cast<std::uint16_t>(guest_.available(1) - ring_.position()) < kRingSize) {
      guest_.Offer(static_cast<std::uint16_t>(random() % kRingSize));
    }
    Sent a(Bytes(60));
    Sent b(Bytes(1514));
    Sent c(Bytes(60000));
    Send({&a, &b, &c, &a, &b});
    ASSERT_EQ(ring_.fault(), RingFault::kNone);
    ASSERT_EQ(guest_.used(1), ring_.position());
  }
}

class TxNotifyTest : public TxRingTest {
 protected:
  TxNotifyTest() : call_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    auto adopted = PeerEvent::Adopt(UniqueFd(dup(call_.get())));
    queue_.call = std::make_shared<const PeerEvent>(*std::move(adopted));
    for (int i = 0; i < 20; ++i) {
      Post({65536 + 128});
    }
  }
  std::uint64_t Calls() {
    std::uint64_t count = 0;
    return read(call_.get(), &count, sizeof count) == sizeof count ? count : 0;
  }
  UniqueFd call_;
};

TEST_F(TxNotifyTest, OncePerBurst) {
  Sent a(Bytes(60));
  Sent b(Bytes(60));
  Send({&a, &b});
  EXPECT_EQ(Calls(), 1U);
}

TEST_F(TxNotifyTest, NothingDeliveredNothingTold) {
  Sent large(Bytes(65536));
  Send({&large});
  Calls();
  Sent gso(Bytes(60), {.needs_checksum = true,
                       .gso = core::Gso::kTcp4,
                       .gso_size = 100,
                       .checksum_start = 34,
                       .checksum_offset = 16});
  Send({&gso});
  EXPECT_EQ(Calls(), 0U);
}

TEST_F(TxNotifyTest, LargeFramesAtOnce) {
  Sent a(Bytes(60000));
  Sent b(Bytes(60000));
  Sent c(Bytes(60));
  Send({&a, &b, &c});
  EXPECT_EQ(Calls(), 3U);
}

TEST_F(TxNotifyTest, EventIndexAcrossTheWrapOfTheIndex) {
  device_.event_index = true;
  guest_.available(1) = static_cast<std::uint16_t>(0xfffe + 10);
  ring_.Restart(0xfffe);
  guest_.used_event() = 0xffff;
  Sent a(Bytes(60));
  Send({&a});
  EXPECT_EQ(Calls(), 0U);
  Sent b(Bytes(60));
  Sent c(Bytes(60));
  Send({&b, &c});
  EXPECT_EQ(Calls(), 1U);
  EXPECT_EQ(ring_.position(), 1);
}

}  // namespace
}  // namespace pollux::vhost::vhost_user
