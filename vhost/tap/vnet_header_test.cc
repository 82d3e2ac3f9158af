#include "vhost/tap/vnet_header.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

namespace pollux::vhost {
namespace {

using core::Gso;

constexpr std::uint16_t kL4 = 34;
constexpr std::uint16_t kTcpChecksum = 16;

core::Offload Offloads(Gso gso, std::uint16_t size) {
  return {.needs_checksum = true,
          .gso = gso,
          .gso_size = size,
          .checksum_start = kL4,
          .checksum_offset = kTcpChecksum};
}

struct HeadPacket {
  explicit HeadPacket(const core::Offload& offload) {
    packet.head = bytes.data();
    packet.head_length = static_cast<std::uint16_t>(bytes.size());
    packet.payload_length = 60000;
    packet.offload = offload;
  }
  std::array<std::uint8_t, 128> bytes{};
  core::Packet packet;
};

TEST(VnetHeaderTest, LiesInMemoryAsVirtioSays) {
  const VnetHeader header{1, 4, 0x0102, 0x0304, 0x0506, 0x0708, 0};
  const auto bytes = std::bit_cast<std::array<std::uint8_t, 12>>(header);
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 12>{1, 4, 2, 1, 4, 3, 6, 5, 8, 7, 0, 0}));
}

TEST(VnetHeaderTest, PlainFrameHasAnAllZeroHeader) {
  const HeadPacket plain({});
  EXPECT_EQ(ToVnetHeader(plain.packet), VnetHeader{});
}

TEST(VnetHeaderTest, PartialChecksumWithoutSegmentation) {
  const HeadPacket p(Offloads(Gso::kNone, 0));
  EXPECT_EQ(ToVnetHeader(p.packet), (VnetHeader{1, 0, 0, 0, kL4, kTcpChecksum, 0}));
}

TEST(VnetHeaderTest, SegmentationNamesTheHeadersOfTheFrame) {
  HeadPacket p(Offloads(Gso::kTcp4, 1448));
  p.bytes[kL4 + 12] = 8 << 4;  // a TCP header of 32 bytes
  EXPECT_EQ(ToVnetHeader(p.packet), (VnetHeader{1, 1, kL4 + 32, 1448, kL4, kTcpChecksum, 0}));
}

TEST(VnetHeaderTest, HeaderBeyondTheHeadGivesNoHint) {
  HeadPacket p(Offloads(Gso::kTcp6, 1448));
  p.packet.head_length = kL4 + 19;
  EXPECT_EQ(ToVnetHeader(p.packet).header_length, 0);
}

TEST(VnetHeaderTest, EveryOffloadSurvivesTheWayThroughTheHeader) {
  for (const Gso gso : {Gso::kNone, Gso::kTcp4, Gso::kTcp6, Gso::kUdp}) {
    const std::uint16_t size = gso == Gso::kNone ? 0 : 1200;
    const HeadPacket p(Offloads(gso, size));
    const auto offload = FromVnetHeader(ToVnetHeader(p.packet), p.packet.frame_length());
    ASSERT_TRUE(offload.has_value());
    EXPECT_EQ(*offload, p.packet.offload);
  }
}

struct Row {
  std::string sentence;
  VnetHeader header;
  std::uint32_t frame_length;
  bool accepted;
};

TEST(VnetHeaderTest, RefusesWhatContradictsTheFrame) {
  const std::vector<Row> rows = {
      {"checksum field ends with the frame", {1, 0, 0, 0, 34, 16, 0}, 52, true},
      {"checksum field ends behind the frame", {1, 0, 0, 0, 34, 16, 0}, 51, false},
      {"offsets that overflow 16 bits", {1, 0, 0, 0, 0xffff, 0xffff, 0}, 1500, false},
      {"offsets without the flag are not looked at", {0, 0, 0, 0, 0xffff, 0xffff, 0}, 60, true},
      {"checksum already verified by the kernel", {2, 0, 0, 0, 0, 0, 0}, 60, true},
      {"segmentation without a size", {1, 1, 54, 0, 34, 16, 0}, 3000, false},
      {"segmentation without a partial checksum", {0, 1, 54, 1448, 34, 16, 0}, 3000, false},
      {"fragmentation offload (UFO)", {1, 3, 42, 1448, 34, 6, 0}, 3000, false},
      {"segmentation with ECN", {1, 0x81, 54, 1448, 34, 16, 0}, 3000, false},
      {"unknown segmentation", {1, 2, 54, 1448, 34, 16, 0}, 3000, false},
      {"UDP segmentation", {1, 5, 42, 1200, 34, 6, 0}, 3000, true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(FromVnetHeader(row.header, row.frame_length).has_value(), row.accepted)
        << row.sentence;
  }
}

}  // namespace
}  // namespace pollux::vhost
