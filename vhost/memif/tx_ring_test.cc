#include "vhost/memif/tx_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "dataplane/net/checksum.h"
#include "vhost/test_frames.h"

namespace pollux::vhost::memif {
namespace {

using core::DropReason;
using testing::Each;
using testing::ElementsAre;

constexpr unsigned kLog2Size = 7;
constexpr unsigned kSize = 1U << kLog2Size;
constexpr std::uint32_t kBufferBytes = 256;
constexpr std::uint64_t kRegionBytes =
    RingBytes(kLog2Size) + (std::uint64_t{kBufferBytes} << kLog2Size);

// A ring in private memory and the walker on it; the test plays the receiving peer.
class TxRingTest : public testing::TestWithParam<Role> {
 protected:
  TxRingTest() : memory_(kRegionBytes + kRingAlignment) {
    base_ = reinterpret_cast<std::uint8_t*>(
        (reinterpret_cast<std::uintptr_t>(memory_.data()) + kRingAlignment - 1) / kRingAlignment *
        kRingAlignment);
    regions_.Set(0, base_, kRegionBytes);
    ring_.emplace(base_, kLog2Size);
    for (std::uint16_t i = 0; i < kSize; ++i) {
      own_.push_back({.length = kBufferBytes, .offset = BufferOffset(i)});
      ring_->Store(i, own_.back());
    }
    const bool server = GetParam() == Role::kServer;
    tx_.emplace(GetParam(), *ring_, regions_, server ? std::vector<Descriptor>() : own_);
    tx_->Start();
    GiveRoom(kSize);
  }

  static std::uint32_t BufferOffset(unsigned slot) {
    return static_cast<std::uint32_t>(RingBytes(kLog2Size) +
                                      std::size_t{slot % kSize} * kBufferBytes);
  }
  std::atomic_ref<std::uint16_t> own_index() {
    return GetParam() == Role::kServer ? ring_->tail() : ring_->head();
  }
  std::atomic_ref<std::uint16_t> peer_index() {
    return GetParam() == Role::kServer ? ring_->head() : ring_->tail();
  }
  // The peer has room for this many frames from where the port stands.
  void GiveRoom(unsigned slots) {
    const unsigned bias = GetParam() == Role::kServer ? 0 : kSize;
    peer_index().store(static_cast<std::uint16_t>(own_index() + slots - bias));
  }
  std::vector<Bytes> ReadAll() {
    std::vector<Bytes> frames;
    bool continues = false;
    for (; read_ != own_index(); ++read_) {
      const Descriptor descriptor = ring_->Load(read_);
      EXPECT_NE(regions_.At(descriptor.region, descriptor.offset, descriptor.length), nullptr);
      if (!continues) {
        frames.emplace_back();
      }
      const std::uint8_t* data = base_ + descriptor.offset;
      frames.back().insert(frames.back().end(), data, data + descriptor.length);
      continues = (descriptor.flags & kNextDescriptor) != 0;
    }
    EXPECT_FALSE(continues) << "a frame is not whole";
    return frames;
  }
  std::vector<DropReason> Send(const std::vector<Bytes>& frames) {
    std::vector<TestPacket> packets = MakePackets(frames);
    tx_->Send(Pointers(packets));
    return DropsOf(packets);
  }
  // The peer takes back and lends again all that was used.
  void Refill() {
    for (std::uint16_t i = 0; i < kSize; ++i) {
      ring_->Store(i, own_[i]);
    }
    GiveRoom(kSize);
  }

  Bytes memory_;
  std::uint8_t* base_ = nullptr;
  RegionTable regions_;
  std::optional<Ring> ring_;
  std::vector<Descriptor> own_;
  std::optional<TxRing> tx_;
  std::uint16_t read_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Roles, TxRingTest, testing::Values(Role::kServer, Role::kClient),
                         [](const auto& role) {
                           return role.param == Role::kServer ? "Server" : "Client";
                         });

TEST_P(TxRingTest, FramesLieInOrder) {
  for (unsigned round = 0; round < 1000; ++round) {  // the indices wrap within
    const std::vector<Bytes> frames = {MakeFrame(60, round), MakeFrame(256, round),
                                       MakeFrame(129, round), MakeFrame(14, round)};
    ASSERT_THAT(Send(frames), Each(DropReason::kNone));
    ASSERT_EQ(ReadAll(), frames);
    Refill();
  }
}

TEST_P(TxRingTest, LongFramesAreChained) {
  const std::vector<Bytes> frames = {MakeFrame(60), MakeFrame(257), MakeFrame(9014), MakeFrame(512),
                                     MakeFrame(61)};
  ASSERT_THAT(Send(frames), Each(DropReason::kNone));
  EXPECT_EQ(own_index(), 1 + 2 + 36 + 2 + 1);
  EXPECT_EQ(ReadAll(), frames);
}

TEST_P(TxRingTest, BurstsLongerThanTheWindowPassWhole) {
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 63; ++i) {
    frames.push_back(MakeFrame(300 + i, i));
  }
  ASSERT_THAT(Send(frames), Each(DropReason::kNone));
  EXPECT_EQ(own_index(), 126);
  EXPECT_EQ(ReadAll(), frames);
}

TEST_P(TxRingTest, WhatFindsNoRoomIsDroppedWholeAndTheRestStillGoes) {
  GiveRoom(3);
  EXPECT_THAT(Send({MakeFrame(60), MakeFrame(600), MakeFrame(300), MakeFrame(61)}),
              ElementsAre(DropReason::kNone, DropReason::kDestinationFull, DropReason::kNone,
                          DropReason::kDestinationFull));
  EXPECT_THAT(ReadAll(), ElementsAre(MakeFrame(60), MakeFrame(300)));
  EXPECT_THAT(Send({MakeFrame(60)}), ElementsAre(DropReason::kDestinationFull));
}

TEST_P(TxRingTest, AnIndexBeyondTheRingQuarantines) {
  GiveRoom(kSize + 1);
  EXPECT_THAT(Send({MakeFrame(60)}), ElementsAre(DropReason::kDestinationBuffer));
  EXPECT_STREQ(tx_->fault(), "the peer's ring index jumped beyond the ring");
  GiveRoom(kSize);
  EXPECT_THAT(Send({MakeFrame(60)}), ElementsAre(DropReason::kDestinationDown));
  EXPECT_EQ(own_index(), 0);
}

// What a client's own descriptors say in shared memory is the server's to scribble on.
TEST_P(TxRingTest, BuffersThatLieAreGivenBackEmpty) {
  const auto end = static_cast<std::uint32_t>(kRegionBytes);
  const std::vector<Descriptor> lies = {
      {.region = 1, .length = 256, .offset = 0}, {.region = 0xffff, .length = 256},
      {.length = 256, .offset = end - 255},      {.length = 0xffffffff, .offset = 0},
      {.length = 0xffffff00, .offset = 0xffff},  {.length = 0, .offset = BufferOffset(0)},
      {.length = 256, .offset = 0xffffffff},
  };
  for (std::size_t i = 0; i < lies.size(); ++i) {
    SCOPED_TRACE(i);
    const std::uint16_t at = own_index();
    ring_->Store(at, lies[i]);
    const bool client = GetParam() == Role::kClient;
    EXPECT_THAT(Send({MakeFrame(60), MakeFrame(61)}),
                ElementsAre(client ? DropReason::kNone : DropReason::kDestinationBuffer,
                            DropReason::kNone));
    EXPECT_EQ(ring_->Load(at).length, client ? 60U : 0U);
    EXPECT_EQ(static_cast<std::uint16_t>(own_index() - at), 2);
    EXPECT_EQ(tx_->fault(), nullptr);
  }
}

TEST_P(TxRingTest, ALieInsideAChainDropsTheFrame) {
  ring_->Store(1, {.length = 256, .offset = static_cast<std::uint32_t>(kRegionBytes)});
  const bool client = GetParam() == Role::kClient;
  EXPECT_THAT(
      Send({MakeFrame(600), MakeFrame(60)}),
      ElementsAre(client ? DropReason::kNone : DropReason::kDestinationBuffer, DropReason::kNone));
  EXPECT_EQ(own_index(), client ? 4 : 3);
}

TEST_P(TxRingTest, BuffersTooSmallForTheFrame) {
  if (GetParam() == Role::kClient) {
    EXPECT_THAT(Send({MakeFrame(64 * kBufferBytes + 1)}),
                ElementsAre(DropReason::kDestinationTooSmall));
    return;
  }
  for (std::uint16_t i = 0; i < kSize; ++i) {
    ring_->Store(i, {.length = 1, .offset = BufferOffset(i)});
  }
  EXPECT_THAT(Send({MakeFrame(65), MakeFrame(64)}),
              ElementsAre(DropReason::kDestinationTooSmall, DropReason::kNone));
  EXPECT_EQ(own_index(), 64);
}

TEST_P(TxRingTest, PartialChecksumsAreCompleted) {
  const auto sent_completely = [&](const core::Offload& offload, std::size_t length) {
    if (offload.checksum_start + offload.checksum_offset + 2U > length) {
      return;
    }
    Bytes expected = MakeFrame(length, offload.checksum_start + offload.checksum_offset);
    TestPacket packet(expected, offload);
    core::CompleteChecksum(offload, expected.data(), static_cast<std::uint32_t>(length));
    core::Packet* pointer = &packet.packet();
    tx_->Send({&pointer, 1});
    EXPECT_THAT(ReadAll(), ElementsAre(expected)) << length;
    Refill();
  };
  // Offsets at which start and field fall into the same, into different and across buffers.
  for (const std::uint16_t start : std::vector<std::uint16_t>{14, 34, 200, 254, 255, 256, 300}) {
    for (const std::uint16_t field : std::vector<std::uint16_t>{0, 1, 6, 16, 55}) {
      SCOPED_TRACE(testing::Message() << start << "+" << field);
      for (const std::size_t length : {256U, 400U, 401U, 900U}) {
        sent_completely({.needs_checksum = true, .checksum_start = start, .checksum_offset = field},
                        length);
      }
    }
  }
}

TEST_P(TxRingTest, OneWriterAtATime) {
  EXPECT_TRUE(tx_->TryLock());
  EXPECT_FALSE(tx_->TryLock());
  tx_->Unlock();
  EXPECT_TRUE(tx_->TryLock());
}

TEST_P(TxRingTest, ThePeerMasksInterrupts) {
  EXPECT_TRUE(tx_->PeerWantsInterrupt());
  ring_->flags().store(kMaskInterrupts);
  EXPECT_FALSE(tx_->PeerWantsInterrupt());
}

}  // namespace
}  // namespace pollux::vhost::memif
