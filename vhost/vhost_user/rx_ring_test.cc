// The walker of a guest's transmit ring against good guests and bad ones.
#include "vhost/vhost_user/rx_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <thread>

#include "dataplane/core/copy.h"
#include "vhost/vhost_user/test_memory.h"

namespace pollux::vhost::vhost_user {
namespace {

using core::DropReason;

constexpr std::uint16_t kRingSize = 64;
constexpr std::uint32_t kHeader = sizeof(VirtioNetHeader);
constexpr std::uint32_t kFrame = 60;

std::vector<std::uint8_t> Bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

class RxRingTest : public ::testing::Test {
 protected:
  RxRingTest() : guest_(memory_, kRingSize) {
    device_.memory = memory_.Map();
    device_.max_frame = 1518;
    queue_.ring = guest_.View(*device_.memory);
    queue_.enabled = true;
  }

  // A buffer with a zero virtio header and counting bytes behind it.
  std::size_t Buffer(std::uint32_t frame_length = kFrame) {
    const std::size_t at = memory_.Allocate(kHeader + frame_length);
    const auto bytes = Bytes(frame_length);
    std::copy(bytes.begin(), bytes.end(), memory_.At(at + kHeader));
    return at;
  }
  VirtioNetHeader& HeaderAt(std::size_t offset) {
    return *reinterpret_cast<VirtioNetHeader*>(memory_.At(offset));
  }
  void Offer(std::vector<Piece> pieces) { guest_.Offer(guest_.Chain(pieces)); }
  void OfferGood() { Offer({{Buffer(), kHeader + kFrame}}); }

  unsigned Receive() {
    batch_.Reset(net::PortId{1});
    ring_.Receive(device_, queue_, batch_);
    return batch_.size();
  }
  core::Packet& packet(unsigned i) { return batch_.packets()[i]; }
  std::vector<std::uint8_t> Frame(unsigned i) {
    core::Packet copy = packet(i);
    core::LoadHead(copy);
    std::vector<std::uint8_t> frame(copy.frame_length());
    core::CopyFrame(copy, frame.data());
    return frame;
  }
  // The drop reason of the only packet.
  DropReason OnlyDrop() {
    EXPECT_EQ(Receive(), 1U);
    const DropReason drop = batch_.size() == 1 ? packet(0).drop : DropReason::kNone;
    ring_.Release();
    return drop;
  }

  GuestMemory memory_;
  GuestRing guest_;
  Device device_;
  Queue queue_;
  RxRing ring_;
  core::Batch batch_;
};

TEST_F(RxRingTest, FrameInOneBuffer) {
  Offer({{Buffer(), kHeader + kFrame}});
  ASSERT_EQ(Receive(), 1U);
  EXPECT_EQ(packet(0).drop, DropReason::kNone);
  EXPECT_EQ(Frame(0), Bytes(kFrame));
  EXPECT_EQ(guest_.used(1), 0) << "given back before Release()";
  ring_.Release();
  const auto used = guest_.TakeUsed();
  ASSERT_TRUE(used);
  EXPECT_EQ(used->id, 0U);
  EXPECT_EQ(used->length, 0U);
  EXPECT_EQ(Receive(), 0U);
}

TEST_F(RxRingTest, HeaderAndFrameInPieces) {
  const std::size_t at = Buffer(200);
  // The header split, then the frame in three.
  Offer({{at, 5},
         {at + 5, kHeader - 5},
         {at + kHeader, 1},
         {at + kHeader + 1, 149},
         {at + kHeader + 150, 50}});
  ASSERT_EQ(Receive(), 1U);
  EXPECT_EQ(packet(0).drop, DropReason::kNone);
  EXPECT_EQ(packet(0).segment_count, 3);
  EXPECT_EQ(Frame(0), Bytes(200));
}

TEST_F(RxRingTest, IndirectTable) {
  device_.indirect = true;
  const std::size_t at = Buffer(100);
  const std::array<Piece, 2> pieces{Piece{at, kHeader}, Piece{at + kHeader, 100}};
  guest_.Offer(guest_.IndirectChain(pieces));
  ASSERT_EQ(Receive(), 1U);
  EXPECT_EQ(packet(0).drop, DropReason::kNone);
  EXPECT_EQ(Frame(0), Bytes(100));
}

TEST_F(RxRingTest, CompletesInOrderAcrossTheWrapOfTheRing) {
  for (unsigned round = 0; round < 5; ++round) {
    std::vector<std::uint16_t> heads;
    for (unsigned i = 0; i < kRingSize - 3U; ++i) {
      heads.push_back(guest_.Chain(std::vector<Piece>{{64, kHeader + kFrame}}));
      guest_.Offer(heads.back());
    }
    ASSERT_EQ(Receive(), heads.size());
    ring_.Release();
    for (const std::uint16_t head : heads) {
      const auto used = guest_.TakeUsed();
      ASSERT_TRUE(used);
      EXPECT_EQ(used->id, head);
    }
  }
  EXPECT_EQ(ring_.position(), 5 * (kRingSize - 3));
  EXPECT_EQ(ring_.fault(), RingFault::kNone);
}

TEST_F(RxRingTest, WhatDoesNotFitTheBatchStaysInTheRing) {
  device_.indirect = true;
  device_.max_frame = core::kMaxFrameBytes;
  const std::size_t at = Buffer(6400);
  std::vector<Piece> pieces{{at, kHeader}};
  for (unsigned i = 0; i < core::kMaxSegmentsPerFrame; ++i) {
    pieces.push_back({at + kHeader + std::size_t{i} * 100, 100});
  }
  // Indirect tables are bounded by the ring's size, so one more piece than that does not fit.
  pieces.resize(kRingSize);
  for (int i = 0; i < 12; ++i) {
    guest_.Offer(guest_.IndirectChain(pieces));
  }
  const unsigned first = Receive();
  EXPECT_LT(first, 12U);
  EXPECT_GT(first, 0U);
  ring_.Release();
  EXPECT_EQ(guest_.used(1), first);
  EXPECT_EQ(Receive(), 12 - first);
}

TEST_F(RxRingTest, DisabledRingDrainsAsDrops) {
  queue_.enabled = false;
  OfferGood();
  OfferGood();
  ASSERT_EQ(Receive(), 2U);
  EXPECT_EQ(packet(0).drop, DropReason::kPortClosed);
  ring_.Release();
  EXPECT_EQ(guest_.used(1), 2);
}

struct HeaderCase {
  const char* name;
  VirtioNetHeader header;
  Offloads negotiated;
  DropReason drop;
  core::Offload offload;
};

VirtioNetHeader Header(std::uint8_t flags, std::uint8_t gso_type, std::uint16_t gso_size,
                       std::uint16_t start, std::uint16_t offset) {
  return {.flags = flags,
          .gso_type = gso_type,
          .header_length = 0xffff,  // a lie; nobody relies on it
          .gso_size = gso_size,
          .checksum_start = start,
          .checksum_offset = offset,
          .buffer_count = 0};
}

core::Offload Wanted(core::Gso gso, std::uint16_t gso_size, std::uint16_t start,
                     std::uint16_t offset) {
  return {.needs_checksum = true,
          .gso = gso,
          .gso_size = gso_size,
          .checksum_start = start,
          .checksum_offset = offset};
}

constexpr Offloads kNoOffloads{};
constexpr Offloads kChecksum{.checksum = true, .tso4 = false, .tso6 = false};
constexpr Offloads kTso4{.checksum = true, .tso4 = true, .tso6 = false};
constexpr Offloads kAll{.checksum = true, .tso4 = true, .tso6 = true};

class RxHeaderTest : public RxRingTest, public ::testing::WithParamInterface<HeaderCase> {};

TEST_P(RxHeaderTest, IsJudged) {
  const HeaderCase& row = GetParam();
  device_.from_guest = row.negotiated;
  const std::size_t at = Buffer();
  HeaderAt(at) = row.header;
  Offer({{at, kHeader + kFrame}});
  ASSERT_EQ(Receive(), 1U);
  EXPECT_EQ(packet(0).drop, row.drop);
  if (row.drop == DropReason::kNone) {
    EXPECT_EQ(packet(0).offload, row.offload);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, RxHeaderTest,
    ::testing::Values(
        HeaderCase{"Plain", Header(0, 0, 0, 0, 0), kAll, DropReason::kNone, {}},
        HeaderCase{
            "UnknownFlagsMeanNothing", Header(0xfe, 0, 0, 7, 7), kAll, DropReason::kNone, {}},
        HeaderCase{"PartialChecksum", Header(1, 0, 0, 34, 16), kChecksum, DropReason::kNone,
                   Wanted(core::Gso::kNone, 0, 34, 16)},
        HeaderCase{"FieldEndsWithTheFrame", Header(1, 0, 0, 34, kFrame - 36), kChecksum,
                   DropReason::kNone, Wanted(core::Gso::kNone, 0, 34, kFrame - 36)},
        HeaderCase{"FieldBeyondTheFrame",
                   Header(1, 0, 0, 34, kFrame - 35),
                   kChecksum,
                   DropReason::kRingOffload,
                   {}},
        HeaderCase{"StartPlusOffsetWraps",
                   Header(1, 0, 0, 0xffff, 0xffff),
                   kChecksum,
                   DropReason::kRingOffload,
                   {}},
        HeaderCase{"StartInTheEthernetHeader",
                   Header(1, 0, 0, 13, 0),
                   kChecksum,
                   DropReason::kRingOffload,
                   {}},
        HeaderCase{"Tso4", Header(1, 1, 1448, 34, 16), kTso4, DropReason::kNone,
                   Wanted(core::Gso::kTcp4, 1448, 34, 16)},
        HeaderCase{"Tso6", Header(1, 4, 1428, 54, 4), kAll, DropReason::kNone,
                   Wanted(core::Gso::kTcp6, 1428, 54, 4)},
        HeaderCase{
            "Tso6NotNegotiated", Header(1, 4, 1428, 54, 4), kTso4, DropReason::kRingOffload, {}},
        HeaderCase{
            "EcnNotOffered", Header(1, 0x81, 1448, 34, 16), kAll, DropReason::kRingOffload, {}},
        HeaderCase{"UfoNotOffered", Header(1, 3, 1448, 34, 6), kAll, DropReason::kRingOffload, {}},
        HeaderCase{
            "TsoWithoutChecksum", Header(0, 1, 1448, 34, 16), kAll, DropReason::kRingOffload, {}},
        HeaderCase{"TsoOfNothing", Header(1, 1, 0, 34, 16), kAll, DropReason::kRingOffload, {}},
        HeaderCase{"TsoOfCrumbs", Header(1, 1, 7, 34, 16), kAll, DropReason::kRingOffload, {}},
        HeaderCase{"NothingNegotiatedNothingRead",
                   Header(1, 1, 1448, 34, 16),
                   kNoOffloads,
                   DropReason::kNone,
                   {}}),
    [](const auto& row) { return std::string(row.param.name); });

struct LengthCase {
  const char* name;
  std::uint32_t frame_length;
  DropReason drop;
};
class RxLengthTest : public RxRingTest, public ::testing::WithParamInterface<LengthCase> {};

TEST_P(RxLengthTest, IsJudged) {
  const std::size_t at = Buffer(GetParam().frame_length);
  Offer({{at, kHeader + GetParam().frame_length}});
  EXPECT_EQ(OnlyDrop(), GetParam().drop);
  Offer({{at, kHeader}, {at + kHeader, GetParam().frame_length}});
  EXPECT_EQ(OnlyDrop(), GetParam().drop) << "as a chain";
}

INSTANTIATE_TEST_SUITE_P(Rows, RxLengthTest,
                         ::testing::Values(LengthCase{"OneByte", 1, DropReason::kFrameTooShort},
                                           LengthCase{"Thirteen", 13, DropReason::kFrameTooShort},
                                           LengthCase{"EthernetHeader", 14, DropReason::kNone},
                                           LengthCase{"Mtu", 1518, DropReason::kNone},
                                           LengthCase{"MtuAndOne", 1519,
                                                      DropReason::kFrameTooLong}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(RxRingTest, LargeSegmentableFramesMayExceedTheMtuButNotTheSwitch) {
  device_.from_guest = kAll;
  const std::size_t at = Buffer(core::kMaxFrameBytes + 1);
  HeaderAt(at) = Header(1, 1, 1448, 34, 16);
  Offer({{at, kHeader + core::kMaxFrameBytes}});
  EXPECT_EQ(OnlyDrop(), DropReason::kNone);
  Offer({{at, kHeader + core::kMaxFrameBytes + 1}});
  EXPECT_EQ(OnlyDrop(), DropReason::kFrameTooLong);
  Offer({{at, kHeader}, {at + kHeader, core::kMaxFrameBytes}, {at, 1}});
  EXPECT_EQ(OnlyDrop(), DropReason::kFrameTooLong);
}

// What a guest may write into its ring to hurt us. Each costs that packet and nothing else.
struct EvilCase {
  const char* name;
  std::function<void(GuestMemory&, GuestRing&)> write;  // offers one head
  DropReason drop = DropReason::kRingDescriptor;
};
class RxEvilTest : public RxRingTest, public ::testing::WithParamInterface<EvilCase> {};

TEST_P(RxEvilTest, CostsOnePacket) {
  device_.indirect = true;
  device_.from_guest = kAll;
  GetParam().write(memory_, guest_);
  EXPECT_EQ(OnlyDrop(), GetParam().drop);
  EXPECT_TRUE(guest_.TakeUsed()) << "the buffer was not given back";
  OfferGood();
  EXPECT_EQ(OnlyDrop(), DropReason::kNone) << "the next packet suffers";
  EXPECT_EQ(ring_.fault(), RingFault::kNone);
}

// Offers one descriptor as it is.
auto Raw(Descriptor descriptor) {
  return [descriptor](GuestMemory&, GuestRing& guest) {
    guest.descriptor(0) = descriptor;
    guest.Chain(std::vector<Piece>(1));  // takes descriptor 0
    guest.descriptor(0) = descriptor;
    guest.Offer(0);
  };
}
Descriptor At(std::uint64_t offset, std::uint32_t length, std::uint16_t flags = 0,
              std::uint16_t next = 0) {
  return {
      .address = GuestMemory::kGuestBase + offset, .length = length, .flags = flags, .next = next};
}
constexpr std::uint64_t kEnd = 4 << 20;

// An indirect table with these entries, and its length as given.
auto Table(const std::vector<Descriptor>& entries, std::uint32_t length, std::uint16_t flags = 4) {
  return [=](GuestMemory& memory, GuestRing& guest) {
    const std::size_t at = memory.Allocate(entries.size() * sizeof(Descriptor));
    std::memcpy(memory.At(at), entries.data(), entries.size() * sizeof(Descriptor));
    Raw(At(at, length, flags))(memory, guest);
  };
}

INSTANTIATE_TEST_SUITE_P(
    Rows, RxEvilTest,
    ::testing::
        Values(
            EvilCase{"RuntFirstDescriptor", Raw(At(0, 5))},
            EvilCase{"HeaderAndNothing", Raw(At(0, 12))}, EvilCase{"LengthZero", Raw(At(0, 0))},
            EvilCase{"LengthAllOnes", Raw(At(0, 0xffffffff)), DropReason::kFrameTooLong},
            EvilCase{"AddressOutside",
                     Raw({.address = 0x10, .length = 100, .flags = 0, .next = 0})},
            EvilCase{"AddressOneBeyond", Raw(At(kEnd, 13))},
            EvilCase{"EndsOneBeyond", Raw(At(kEnd - 99, 100))},
            EvilCase{
                "AddressPlusLengthWraps",
                Raw({.address = ~std::uint64_t{0} - 10, .length = 100, .flags = 0, .next = 0})},
            EvilCase{"WriteOnlyWhereReadOnly", Raw(At(0, 100, Descriptor::kWrite))},
            EvilCase{"ChainToItself", Raw(At(0, 100, Descriptor::kNext, 0))},
            EvilCase{"NextOutOfRange", Raw(At(0, 100, Descriptor::kNext, kRingSize))},
            EvilCase{"NextAllOnes", Raw(At(0, 100, Descriptor::kNext, 0xffff))},
            EvilCase{
                "ChainIntoWriteOnly",
                [](GuestMemory&, GuestRing& guest) {
                  guest.Offer(guest.Chain(std::vector<Piece>{{0, 100}, {0, 100, true}}));
                }},
            EvilCase{"TableLengthOdd", Table({At(0, 100)}, 17)},
            EvilCase{"TableEmpty", Table({At(0, 100)}, 0)},
            EvilCase{"TableLargerThanTheRing", Table({At(0, 100)}, 16 * (kRingSize + 1))},
            EvilCase{"TableLengthAllOnes", Table({At(0, 100)}, 0xfffffff0)},
            EvilCase{"TableOutside", Raw(At(kEnd - 16, 32, Descriptor::kIndirect))},
            EvilCase{"TableWithNext", Table({At(0, 100)}, 16, 4 | 1)},
            EvilCase{"NestedTable", Table({At(0, 16, Descriptor::kIndirect)}, 16)},
            EvilCase{
                "NestedLater",
                Table({At(0, 100, Descriptor::kNext, 1), At(0, 16, Descriptor::kIndirect)}, 32)},
            EvilCase{"TableNextOutOfRange", Table({At(0, 100, Descriptor::kNext, 1)}, 16)},
            EvilCase{"TableLoops", Table({At(0, 100, Descriptor::kNext, 0)}, 16)}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(RxRingTest, IndirectTablesAreRefusedUnlessNegotiated) {
  const std::array<Piece, 1> pieces{Piece{Buffer(), kHeader + kFrame}};
  guest_.Offer(guest_.IndirectChain(pieces));
  EXPECT_EQ(OnlyDrop(), DropReason::kRingDescriptor);
}

TEST_F(RxRingTest, MorePiecesThanTheSwitchGathers) {
  GuestRing large(memory_, 256);
  queue_.ring = large.View(*device_.memory);
  std::vector<Piece> pieces{{Buffer(), kHeader}};
  pieces.resize(1 + core::kMaxSegmentsPerFrame, Piece{0, 1});
  large.Offer(large.Chain(pieces));
  EXPECT_EQ(OnlyDrop(), DropReason::kNone);
  pieces.push_back({0, 1});
  large.Offer(large.Chain(pieces));
  EXPECT_EQ(OnlyDrop(), DropReason::kTooManySegments);
}

TEST_F(RxRingTest, IndexJumpQuarantinesTheRing) {
  OfferGood();
  guest_.available(1) = kRingSize + 1;
  EXPECT_EQ(Receive(), 0U);
  EXPECT_EQ(ring_.fault(), RingFault::kIndexJump);
  guest_.available(1) = 1;
  EXPECT_EQ(Receive(), 0U) << "it must stay quarantined";
  ring_.Restart(0);
  EXPECT_EQ(Receive(), 1U) << "a restarted ring is served again";
}

TEST_F(RxRingTest, HeadOutOfRangeQuarantinesTheRing) {
  OfferGood();
  guest_.Offer(kRingSize);
  EXPECT_EQ(Receive(), 0U);
  EXPECT_EQ(ring_.fault(), RingFault::kHeadOutOfRange);
}

// The used ring is ours: what the guest writes there is neither read nor left.
TEST_F(RxRingTest, TheUsedRingIsWrittenOnly) {
  for (unsigned round = 0; round < 3; ++round) {
    guest_.used(1) = 0x5a5a;
    OfferGood();
    ASSERT_EQ(Receive(), 1U);
    ring_.Release();
    EXPECT_EQ(guest_.used(1), round + 1);
    EXPECT_EQ(guest_.used_element(round).id, round);
  }
}

TEST_F(RxRingTest, ShrunkMemoryQuarantinesTheRing) {
  OfferGood();
  ASSERT_EQ(ftruncate(memory_.fd(), 0), 0);
  Receive();  // whatever it sees now are zeros
  ring_.Release();
  EXPECT_EQ(Receive(), 0U);
  EXPECT_EQ(ring_.fault(), RingFault::kMemoryShrank);
}

// The header says two things in turn while it is read: whatever was read, the offload that comes
// out of it is within the frame.
TEST_F(RxRingTest, HeaderThatFlipsIsReadOnce) {
  device_.from_guest = kAll;
  const std::size_t at = Buffer();
  std::atomic<bool> stop{false};
  std::thread flipper([&] {
    while (!stop) {
      HeaderAt(at) = Header(1, 1, 1448, 34, 16);
      HeaderAt(at) = Header(1, 0, 0, 0xfff0, 0xfff0);
    }
  });
  for (int i = 0; i < 20000; ++i) {
    Offer({{at, kHeader + kFrame}});
    ASSERT_EQ(Receive(), 1U);
    if (packet(0).drop == DropReason::kNone && packet(0).offload.needs_checksum) {
      EXPECT_LE(packet(0).offload.checksum_start + packet(0).offload.checksum_offset + 2U, kFrame);
    }
    ring_.Release();
  }
  stop = true;
  flipper.join();
}

// 0 if it was dropped.
std::uint32_t LengthOfGood(const core::Packet& received) {
  if (received.drop != DropReason::kNone) {
    return 0;
  }
  core::Packet packet = received;
  core::LoadHead(packet);
  return packet.frame_length();
}

// Random rings: nothing may be touched outside the guest's memory (AddressSanitizer watches), and
// every head comes back exactly once.
TEST_F(RxRingTest, SeededMutations) {
  device_.indirect = true;
  device_.from_guest = kAll;
  std::mt19937_64 random(20240229);
  const auto any_of = [&](std::initializer_list<std::uint64_t> values) {
    return values.begin()[random() % values.size()];
  };
  std::uint16_t offered = 0;
  for (int round = 0; round < 20000; ++round) {
    for (unsigned i = 0; i < kRingSize; ++i) {
      guest_.descriptor(i) = {
          .address = any_of({GuestMemory::kGuestBase, GuestMemory::kGuestBase + random() % kEnd,
                             GuestMemory::kGuestBase + kEnd - random() % 64, random()}),
          .length = static_cast<std::uint32_t>(
              any_of({0, 1, 11, 12, 13, 16, 32, 76, 1530, 65536, 0xffffffff, random()})),
          .flags = static_cast<std::uint16_t>(any_of({0, 0, 1, 1, 2, 4, 5, random()})),
          .next = static_cast<std::uint16_t>(any_of({random() % kRingSize, random()}))};
    }
    for (std::uint64_t n = random() % kRingSize; n > 0; --n) {
      guest_.Offer(static_cast<std::uint16_t>(random() % kRingSize));
      ++offered;
    }
    while (Receive() > 0) {
      for (const core::Packet& p : batch_.packets()) {
        ASSERT_LE(LengthOfGood(p), core::kMaxFrameBytes);
      }
      ring_.Release();
    }
    ASSERT_EQ(ring_.fault(), RingFault::kNone);
    ASSERT_EQ(guest_.used(1), offered);
  }
}

class RxNotifyTest : public RxRingTest {
 protected:
  RxNotifyTest() : call_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    auto adopted = PeerEvent::Adopt(UniqueFd(dup(call_.get())));
    queue_.call = std::make_shared<const PeerEvent>(*std::move(adopted));
  }
  // How often the guest was notified since the last look.
  std::uint64_t Calls() {
    std::uint64_t count = 0;
    return read(call_.get(), &count, sizeof count) == sizeof count ? count : 0;
  }
  void ReceiveAndRelease(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      Offer({{0, kHeader + kFrame}});
    }
    ASSERT_EQ(Receive(), count);
    ring_.Release();
  }
  UniqueFd call_;
};

TEST_F(RxNotifyTest, OncePerBurstUnlessTheGuestSaysNo) {
  ReceiveAndRelease(10);
  EXPECT_EQ(Calls(), 1U);
  guest_.available(0) = kNoNotification;
  ReceiveAndRelease(10);
  EXPECT_EQ(Calls(), 0U);
}

TEST_F(RxNotifyTest, EventIndexAsksForOnePosition) {
  device_.event_index = true;
  guest_.used_event() = 14;
  ReceiveAndRelease(10);
  EXPECT_EQ(Calls(), 0U) << "10 used, 15 wanted";
  ReceiveAndRelease(5);
  EXPECT_EQ(Calls(), 1U);
  ReceiveAndRelease(5);
  EXPECT_EQ(Calls(), 0U);
}

TEST_F(RxRingTest, ArmAsksForAKickAndSeesWhatIsThereAlready) {
  ring_.Disarm(device_, queue_);
  EXPECT_EQ(guest_.used(0), kNoNotification);
  EXPECT_FALSE(ring_.Arm(device_, queue_));
  EXPECT_EQ(guest_.used(0), 0);
  OfferGood();
  EXPECT_TRUE(ring_.Arm(device_, queue_));
}

TEST_F(RxRingTest, ArmWithEventIndexNamesTheNextPosition) {
  device_.event_index = true;
  for (int i = 0; i < 3; ++i) {
    OfferGood();
  }
  Receive();
  ring_.Release();
  EXPECT_FALSE(ring_.Arm(device_, queue_));
  EXPECT_EQ(guest_.available_event(), 3);
}

}  // namespace
}  // namespace pollux::vhost::vhost_user
