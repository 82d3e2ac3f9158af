#include "perf/pktgen/frame.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "dataplane/net/checksum.h"

namespace pollux::pktgen {
namespace {

using net::IpProtocol;

FrameSpec Spec(const char* source, const char* destination, IpProtocol protocol) {
  return {.source_mac = *net::MacAddress::Parse("02:00:00:00:00:01"),
          .destination_mac = *net::MacAddress::Parse("02:00:00:00:00:02"),
          .source = *net::IpAddress::Parse(source),
          .destination = *net::IpAddress::Parse(destination),
          .protocol = protocol,
          .source_port = 1024,
          .destination_port = 5001};
}

struct Row {
  const char* name;
  FrameSpec spec;
  std::size_t min_bytes;
};

std::vector<Row> Rows() {
  return {
      {"IPv4 UDP", Spec("10.0.0.1", "10.0.0.2", IpProtocol::kUdp), 64},
      {"IPv4 TCP", Spec("10.0.0.1", "10.0.0.2", IpProtocol::kTcp), 70},
      {"IPv6 UDP", Spec("fd00::1", "fd00::2", IpProtocol::kUdp), 78},
      {"IPv6 TCP", Spec("fd00::1", "fd00::2", IpProtocol::kTcp), 90},
  };
}

Stamp MakeStamp(std::uint32_t flow, std::uint32_t sequence, std::uint64_t timestamp) {
  return {net::Be32{flow}, net::Be32{sequence}, net::Be64{timestamp}};
}

TEST(Frame, BytesOfTheSmallestUdpFrameAreWhatTheRfcsSay) {
  std::array<std::uint8_t, 64> frame{};
  const auto spec = Spec("10.0.0.1", "10.0.0.2", IpProtocol::kUdp);
  BuildFrame(spec, frame);
  const std::array<std::uint8_t, 42> expected = {
      0x02, 0,    0,    0,    0, 2,  0x02, 0, 0,  0,  0,    1,    0x08, 0x00,  // Ethernet
      0x45, 0,    0,    50,   0, 0,  0x40, 0, 64, 17, 0x26, 0xb9, 10,   0,
      0,    1,                                  // IPv4, checksum by hand
      10,   0,    0,    2,                      //
      0x04, 0x00, 0x13, 0x89, 0, 30, 0,    0};  // UDP, checksum not yet set
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), frame.begin()));
}

TEST(Frame, ChecksumsHoldForAnyStampAndSize) {
  for (const Row& row : Rows()) {
    const auto layout = FrameLayout::Of(row.spec.source.is_v6(), row.spec.protocol);
    EXPECT_EQ(layout.min_frame_bytes(), row.min_bytes) << row.name;
    for (const std::size_t size :
         {row.min_bytes, row.min_bytes + 1, std::size_t{1500}, kMaxFrameBytes}) {
      std::vector<std::uint8_t> frame(size);
      const std::uint32_t sum = BuildFrame(row.spec, frame);
      for (const auto& stamp : {MakeStamp(0, 0, 0), MakeStamp(0x5a000007, 99, 0x0123456789abcdef),
                                MakeStamp(~0U, ~0U, ~0ULL)}) {
        FinishFrame(layout, sum, stamp, frame.data());
        EXPECT_TRUE(ChecksumsHold(layout, frame)) << row.name << ", " << size << " bytes";
      }
    }
  }
}

TEST(Frame, ChecksumIsNeverTheZeroThatMeansNone) {
  const auto spec = Spec("10.0.0.1", "10.0.0.2", IpProtocol::kUdp);
  const auto layout = FrameLayout::Of(false, IpProtocol::kUdp);
  std::vector<std::uint8_t> frame(64);
  const std::uint32_t sum = BuildFrame(spec, frame);
  // The sequence that brings the total to all ones, whose complement is zero.
  const auto missing = net::Be32::FromRaw(0xffff - sum);
  FinishFrame(layout, sum, {net::Be32{0}, missing, net::Be64{0}}, frame.data());
  EXPECT_EQ(frame[layout.checksum], 0xff);
  EXPECT_EQ(frame[layout.checksum + 1], 0xff);
  EXPECT_TRUE(ChecksumsHold(layout, frame));
}

TEST(Frame, EveryFlippedBitOfAChecksummedByteIsNoticed) {
  for (const Row& row : Rows()) {
    const auto layout = FrameLayout::Of(row.spec.source.is_v6(), row.spec.protocol);
    std::vector<std::uint8_t> frame(row.min_bytes);
    FinishFrame(layout, BuildFrame(row.spec, frame), MakeStamp(3, 4, 5), frame.data());
    for (std::size_t at = layout.l4; at < frame.size(); ++at) {
      frame[at] ^= 0x10;
      EXPECT_FALSE(ChecksumsHold(layout, frame)) << row.name << ", byte " << at;
      frame[at] ^= 0x10;
    }
  }
}

TEST(Frame, LengthsBeyondTheFrameAreRefused) {
  const auto spec = Spec("10.0.0.1", "10.0.0.2", IpProtocol::kUdp);
  const auto layout = FrameLayout::Of(false, IpProtocol::kUdp);
  std::vector<std::uint8_t> frame(100);
  FinishFrame(layout, BuildFrame(spec, frame), MakeStamp(3, 4, 5), frame.data());
  EXPECT_TRUE(ChecksumsHold(layout, frame));
  frame.resize(99);
  EXPECT_FALSE(ChecksumsHold(layout, frame));
}

}  // namespace
}  // namespace pollux::pktgen
