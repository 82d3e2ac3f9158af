#include "dataplane/core/copy.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/net/checksum.h"

namespace pollux::core {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes Pattern(std::size_t length) {
  Bytes bytes(length);
  for (std::size_t i = 0; i < length; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251 + 1);
  }
  return bytes;
}

TEST(Copy, EveryLengthAtEveryAlignment) {
  constexpr std::uint8_t kUntouched = 0xee;
  const Bytes source = Pattern(400);
  for (std::size_t from = 0; from < 8; ++from) {
    for (std::size_t to = 0; to < 8; ++to) {
      for (std::size_t length = 0; length <= 300; ++length) {
        Bytes expected(400, kUntouched);
        Bytes target = expected;
        std::copy_n(source.begin() + static_cast<std::ptrdiff_t>(from), length,
                    expected.begin() + static_cast<std::ptrdiff_t>(to + 8));
        CopyBytes(target.data() + to + 8, source.data() + from, length);
        ASSERT_EQ(target, expected) << length << " bytes from " << from << " to " << to;
      }
    }
  }
}

// Under AddressSanitizer this also says that nothing is read beyond the source.
TEST(Copy, ReadsAndWritesNothingBeyondTheEnd) {
  for (std::size_t length = 1; length <= 300; ++length) {
    const auto source = std::make_unique<std::uint8_t[]>(length);
    const auto target = std::make_unique<std::uint8_t[]>(length);
    std::fill_n(source.get(), length, std::uint8_t{7});
    CopyBytes(target.get(), source.get(), length);
    EXPECT_EQ(target[length - 1], 7);
  }
}

// A frame in pieces of their own heap blocks, loaded or not.
class PiecedFrame {
 public:
  PiecedFrame(const Bytes& frame, const std::vector<std::size_t>& lengths) {
    std::size_t at = 0;
    for (const std::size_t length : lengths) {
      blocks_.push_back(std::make_unique<std::uint8_t[]>(length));
      std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), length, blocks_.back().get());
      segments_.push_back({blocks_.back().get(), static_cast<std::uint32_t>(length)});
      at += length;
    }
    EXPECT_EQ(at, frame.size());
    packet.head = head_.data();
    packet.segments = segments_.data();
    packet.segment_count = static_cast<std::uint16_t>(segments_.size());
    packet.payload_length = static_cast<std::uint32_t>(frame.size());
  }
  Packet packet;

 private:
  Bytes head_ = Bytes(kHeaderBytes);
  std::vector<std::unique_ptr<std::uint8_t[]>> blocks_;
  std::vector<Segment> segments_;
};

Bytes Copied(const Packet& packet) {
  Bytes bytes(packet.frame_length());
  CopyFrame(packet, bytes.data());
  return bytes;
}

TEST(Copy, AFrameInAnyPieces) {
  const std::vector<std::vector<std::size_t>> cuts = {
      {60},      {128},       {129},           {1500},          {14, 46},
      {1, 127},  {1, 128},    {127, 1, 1},     {128, 1},        {64, 64, 64, 64},
      {200, 10}, {14, 20, 8}, {1, 1, 1, 1, 9}, {100, 100, 1300}};
  for (const auto& lengths : cuts) {
    std::size_t total = 0;
    for (const std::size_t length : lengths) {
      total += length;
    }
    const Bytes frame = Pattern(total);
    PiecedFrame pieced(frame, lengths);
    LoadHead(pieced.packet);
    const std::size_t head = std::min<std::size_t>(total, kHeaderBytes);
    EXPECT_EQ(pieced.packet.head_length, head);
    EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(head),
                           pieced.packet.head));
    EXPECT_EQ(Copied(pieced.packet), frame) << ::testing::PrintToString(lengths);
  }
}

TEST(Copy, TheHeadAsItStandsNowAndThePayloadThatIsLeft) {
  const Bytes frame = Pattern(400);
  PiecedFrame pieced(frame, {150, 150, 100});
  LoadHead(pieced.packet);
  pieced.packet.head[0] = 0x55;
  pieced.packet.payload_length -= 110;
  Bytes expected(frame.begin(), frame.end() - 110);
  expected[0] = 0x55;
  EXPECT_EQ(Copied(pieced.packet), expected);
  pieced.packet.payload_offset += 40;  // into the second piece
  pieced.packet.payload_length -= 40;
  expected.erase(expected.begin() + kHeaderBytes, expected.begin() + kHeaderBytes + 40);
  EXPECT_EQ(Copied(pieced.packet), expected);
}

TEST(Copy, AReaderGivesTheFrameInAnySteps) {
  const Bytes frame = Pattern(1000);
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  for (int round = 0; round < 200; ++round) {
    PiecedFrame pieced(frame, {100, 7, 393, 1, 499});
    LoadHead(pieced.packet);
    FrameReader reader(pieced.packet);
    Bytes read(frame.size());
    for (std::size_t at = 0; at < read.size();) {
      const std::size_t n = std::min<std::size_t>(random() % 300, read.size() - at);
      reader.CopyTo(read.data() + at, n);
      at += n;
    }
    ASSERT_EQ(read, frame);
  }
}

// --- Checksums over the destination

TEST(Copy, APartialChecksumIsCompletedAtAnyOffset) {
  for (std::uint16_t start = 14; start < 60; ++start) {
    for (std::size_t length = start + 8U; length < 90; ++length) {
      Bytes frame = Pattern(length);
      const Offload offload{.needs_checksum = true, .checksum_start = start, .checksum_offset = 6};
      const std::span<const std::uint8_t> covered(frame.data() + start, length - start);
      const net::Be16 expected = net::InternetChecksum(covered);
      CompleteChecksum(offload, frame.data(), static_cast<std::uint32_t>(length));
      net::Be16 written;
      std::memcpy(&written, frame.data() + start + 6, sizeof written);
      ASSERT_EQ(written.value(), expected.value()) << start << ' ' << length;
    }
  }
}

TEST(Copy, AChecksumOfZeroIsSentAsAllOnes) {
  Bytes frame(60, 0xff);  // sums up to zero
  CompleteChecksum({.needs_checksum = true, .checksum_start = 20, .checksum_offset = 6},
                   frame.data(), 60);
  EXPECT_EQ(frame[26], 0xff);
  EXPECT_EQ(frame[27], 0xff);
}

TEST(Copy, AChecksumFieldBeyondTheFrameIsLeftAlone) {
  const auto frame = std::make_unique<std::uint8_t[]>(60);
  for (const std::uint16_t offset : std::array<std::uint16_t, 3>{39, 40, 65535}) {
    CompleteChecksum({.needs_checksum = true, .checksum_start = 20, .checksum_offset = offset},
                     frame.get(), 60);
  }
  EXPECT_EQ(frame[59], 0);
}

}  // namespace
}  // namespace pollux::core
