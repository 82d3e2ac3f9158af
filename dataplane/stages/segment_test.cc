#include "dataplane/stages/segment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "dataplane/stages/step_test_support.h"

namespace pollux::stages::testing {
namespace {

using net::Be16;
using net::IpProtocol;
using net::Ipv4Header;
using net::TcpHeader;

struct Shape {
  core::Gso gso = core::Gso::kTcp4;
  std::size_t payload = 4000;
  std::uint16_t gso_size = 1448;
  std::uint8_t tcp_flags = TcpHeader::kAck | TcpHeader::kPsh | TcpHeader::kFin | TcpHeader::kCwr;
  std::size_t tcp_options = 12;
  std::uint32_t sequence = 0xfffffe00;  // wraps
};

bool IsV6(const Shape& shape) { return shape.gso == core::Gso::kTcp6; }
std::size_t L4Offset(const Shape& shape) { return IsV6(shape) ? 54 : 34; }

// A frame as a guest hands it over: the checksum field holds the pseudo-header's sum.
Bytes GsoFrame(const Shape& shape) {
  const bool udp = shape.gso == core::Gso::kUdp;
  Bytes l4;
  if (udp) {
    Append(l4, net::UdpHeader{
                   Be16(1000), Be16(53), Be16(static_cast<std::uint16_t>(8 + shape.payload)), {}});
  } else {
    const auto header = static_cast<unsigned>(20 + shape.tcp_options);
    Append(l4, TcpHeader{Be16(1000),
                         Be16(80),
                         net::Be32(shape.sequence),
                         net::Be32(77),
                         static_cast<std::uint8_t>(header / 4 << 4),
                         shape.tcp_flags,
                         Be16(500),
                         {},
                         {}});
    l4.resize(header, 1);
  }
  const Bytes payload = Pattern(shape.payload);
  l4.insert(l4.end(), payload.begin(), payload.end());
  const auto protocol = udp ? IpProtocol::kUdp : IpProtocol::kTcp;
  Bytes frame = IsV6(shape) ? Ipv6Frame(kGatewayMac, kPodMac, V6("fd00::10"), V6("fd00::11"),
                                        protocol, l4, kNoChecksum, 64)
                            : Ipv4Frame(kGatewayMac, kPodMac, V4("10.0.0.10"), V4("10.0.0.11"),
                                        protocol, l4, kNoChecksum);
  const auto length = static_cast<std::uint32_t>(l4.size());
  const auto sum = IsV6(shape)
                       ? net::PseudoHeaderSum(Overlay<net::Ipv6Header>(frame, 14), protocol, length)
                       : net::PseudoHeaderSum(Overlay<Ipv4Header>(frame, 14), protocol, length);
  Overlay<Be16>(frame, L4Offset(shape) + (udp ? 6 : 16)) = Be16::FromRaw(sum.FoldedRaw());
  return frame;
}

core::Offload OffloadOf(const Shape& shape) {
  return {.needs_checksum = true,
          .gso = shape.gso,
          .gso_size = shape.gso_size,
          .checksum_start = static_cast<std::uint16_t>(L4Offset(shape)),
          .checksum_offset = shape.gso == core::Gso::kUdp ? std::uint16_t{6} : std::uint16_t{16}};
}

// The pieces as they reach the wire of a port that completes checksums.
std::vector<Bytes> Drain(Segmenter& segmenter) {
  std::vector<Bytes> frames;
  for (auto pieces = segmenter.Next(); !pieces.empty(); pieces = segmenter.Next()) {
    for (const core::Packet& piece : pieces) {
      EXPECT_EQ(piece.offload.gso, core::Gso::kNone);
      Bytes frame = ReceivedPacket::FrameOf(piece);
      if (piece.offload.needs_checksum) {
        core::CompleteChecksum(piece.offload, frame.data(),
                               static_cast<std::uint32_t>(frame.size()));
      }
      frames.push_back(std::move(frame));
    }
  }
  return frames;
}

void ExpectRightL4Checksum(Bytes frame, const Shape& shape) {
  const std::size_t l4 = L4Offset(shape);
  const auto length = static_cast<std::uint32_t>(frame.size() - l4);
  const auto protocol = shape.gso == core::Gso::kUdp ? IpProtocol::kUdp : IpProtocol::kTcp;
  auto sum = IsV6(shape)
                 ? net::PseudoHeaderSum(Overlay<net::Ipv6Header>(frame, 14), protocol, length)
                 : net::PseudoHeaderSum(Overlay<Ipv4Header>(frame, 14), protocol, length);
  sum.Add({frame.data() + l4, length});
  EXPECT_EQ(sum.Finish().raw(), 0);
}

void ExpectRightIpHeader(Bytes frame, const Shape& shape, std::size_t index) {
  if (IsV6(shape)) {
    EXPECT_EQ(Overlay<net::Ipv6Header>(frame, 14).payload_length.value(), frame.size() - 54);
    return;
  }
  const auto& ip = Overlay<Ipv4Header>(frame, 14);
  EXPECT_EQ(ip.total_length.value(), frame.size() - 14);
  EXPECT_EQ(ip.id.value(), 0x1234 + index);
  EXPECT_TRUE(Ipv4HeaderSumsUp(frame));
}

void ExpectRightTcpHeader(Bytes frame, const Shape& shape, std::size_t done, bool last) {
  const auto& tcp = Overlay<TcpHeader>(frame, L4Offset(shape));
  EXPECT_EQ(tcp.sequence.value(), static_cast<std::uint32_t>(shape.sequence + done));
  EXPECT_EQ(tcp.acknowledgement.value(), 77U);
  unsigned flags = shape.tcp_flags;
  flags &= last ? 0xffU : ~unsigned{TcpHeader::kFin | TcpHeader::kPsh};
  flags &= done == 0 ? 0xffU : ~unsigned{TcpHeader::kCwr};
  EXPECT_EQ(tcp.flags, flags);
}

// Everything that must hold of the segments of a frame.
void ExpectSegments(const std::vector<Bytes>& frames, const Shape& shape) {
  const std::size_t headers =
      L4Offset(shape) + (shape.gso == core::Gso::kUdp ? 8 : 20 + shape.tcp_options);
  Bytes payload;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Bytes& frame = frames[i];
    const bool last = i + 1 == frames.size();
    ASSERT_GT(frame.size(), headers);
    if (!last) {
      EXPECT_EQ(frame.size() - headers, shape.gso_size);
    }
    ExpectRightIpHeader(frame, shape, i);
    ExpectRightL4Checksum(frame, shape);
    if (shape.gso == core::Gso::kUdp) {
      Bytes copy = frame;
      EXPECT_EQ(Overlay<net::UdpHeader>(copy, 34).length.value(), frame.size() - 34);
    } else {
      ExpectRightTcpHeader(frame, shape, payload.size(), last);
    }
    payload.insert(payload.end(), frame.begin() + static_cast<long>(headers), frame.end());
  }
  EXPECT_EQ(payload, Pattern(shape.payload));
}

struct SegmentRow {
  const char* name;
  Shape shape;
  std::size_t pieces;    // of foreign memory
  std::size_t expected;  // segments
};

class Segments : public ::testing::TestWithParam<SegmentRow> {};

TEST_P(Segments, AddUpToTheFrame) {
  const auto& [name, shape, pieces, expected] = GetParam();
  ReceivedPacket received(GsoFrame(shape), kPod, pieces);
  received.packet.offload = OffloadOf(shape);
  received.ScribbleOverLoadedBytes();
  auto segmenter = std::make_unique<Segmenter>();
  ASSERT_TRUE(segmenter->StartSegments(received.packet));
  const auto frames = Drain(*segmenter);
  EXPECT_EQ(frames.size(), expected);
  ExpectSegments(frames, shape);
}

constexpr auto kTcp6 = core::Gso::kTcp6;
constexpr auto kUdp = core::Gso::kUdp;
const SegmentRow kSegmentRows[] = {
    {"Tcp4", {}, 1, 3},
    {"Tcp4InSeveralPieces", {}, 7, 3},
    {"Tcp4ExactMultiple", {.payload = 2896}, 2, 2},
    {"Tcp4OneByteMore", {.payload = 2897}, 2, 3},
    {"Tcp4OneSegment", {.payload = 100}, 1, 1},
    {"Tcp4PayloadWithinTheHead", {.payload = 40, .gso_size = 7}, 1, 6},
    {"Tcp4SegmentsEndAtTheHeadsEnd", {.payload = 500, .gso_size = 62}, 3, 9},
    {"Tcp4WholeFrameMoreThanOneRound", {.payload = 65000, .gso_size = 536}, 17, 122},
    {"Tcp4OddSizes", {.payload = 9999, .gso_size = 777}, 5, 13},
    {"Tcp4NoOptions", {.tcp_options = 0}, 3, 3},
    {"Tcp4MostOptions", {.tcp_options = 40}, 3, 3},
    {"Tcp6", {.gso = kTcp6}, 1, 3},
    {"Tcp6InSeveralPieces", {.gso = kTcp6, .payload = 64000, .gso_size = 1428}, 19, 45},
    {"Udp", {.gso = kUdp, .payload = 5000, .gso_size = 1200}, 4, 5},
};
INSTANTIATE_TEST_SUITE_P(Table, Segments, ::testing::ValuesIn(kSegmentRows),
                         [](const auto& row) { return row.param.name; });

TEST(SegmenterTest, RefusesWhatItCannotCut) {
  const auto starts = [](const Shape& shape, auto&& change) {
    ReceivedPacket received(GsoFrame(shape), kPod);
    received.packet.offload = OffloadOf(shape);
    change(received.packet);
    return std::make_unique<Segmenter>()->StartSegments(received.packet);
  };
  EXPECT_TRUE(starts({}, [](core::Packet&) {}));
  EXPECT_FALSE(starts({}, [](core::Packet& p) { p.offload.gso_size = 0; }));
  EXPECT_FALSE(starts({}, [](core::Packet& p) { p.offload.needs_checksum = false; }));
  EXPECT_FALSE(starts({}, [](core::Packet& p) { p.protocol = IpProtocol::kUdp; }));
  EXPECT_FALSE(starts({}, [](core::Packet& p) { p.head_length = 60; })) << "half a header";
  EXPECT_FALSE(starts({.payload = 0}, [](core::Packet&) {})) << "nothing to cut";
  EXPECT_TRUE(starts({.payload = 1024, .gso_size = 1}, [](core::Packet&) {}));
  EXPECT_FALSE(starts({.payload = 1025, .gso_size = 1}, [](core::Packet&) {})) << "too many";
}

// --- Fragments

struct Datagram {
  std::size_t payload = 4000;
  Bytes options = {};
  std::uint16_t fragment = 0;  // of the packet itself
};

constexpr IpProtocol kUnknownProtocol{253};  // RFC 3692

Bytes DatagramFrame(const Datagram& d) {
  Bytes frame = Ipv4Frame(kGatewayMac, kPodMac, V4("10.0.0.10"), V4("198.18.0.1"), kUnknownProtocol,
                          Pattern(d.payload), kNoChecksum, d.options);
  auto& ip = Overlay<Ipv4Header>(frame, 14);
  ip.fragment = Be16(d.fragment);
  ip.checksum = {};
  ip.checksum = net::InternetChecksum({frame.data() + 14, ip.header_length()});
  return frame;
}

std::vector<Bytes> FragmentsOf(const Datagram& datagram, std::uint16_t mtu,
                               std::size_t pieces = 3) {
  ReceivedPacket received(DatagramFrame(datagram), kPod, pieces);
  received.ScribbleOverLoadedBytes();
  auto segmenter = std::make_unique<Segmenter>();
  EXPECT_TRUE(segmenter->StartFragments(received.packet, mtu));
  return Drain(*segmenter);
}

// Returns the data, put together by offset.
Bytes Reassemble(std::vector<Bytes>& frames, std::uint16_t mtu, std::uint16_t first_offset = 0) {
  Bytes data;
  for (Bytes& frame : frames) {
    const auto& ip = Overlay<Ipv4Header>(frame, 14);
    EXPECT_TRUE(Ipv4HeaderSumsUp(frame));
    EXPECT_EQ(ip.total_length.value(), frame.size() - 14);
    EXPECT_LE(ip.total_length.value(), mtu);
    EXPECT_EQ(ip.id.value(), 0x1234);
    EXPECT_EQ((ip.fragment.value() & Ipv4Header::kOffsetMask) * 8U,
              first_offset * std::size_t{8} + data.size());
    data.insert(data.end(), frame.begin() + 14 + ip.header_length(), frame.end());
  }
  return data;
}

bool HasMore(Bytes frame) {
  return (Overlay<Ipv4Header>(frame, 14).fragment.value() & Ipv4Header::kMoreFragments) != 0;
}

TEST(FragmentsTest, AddUpToThePacket) {
  for (const std::uint16_t mtu : std::array<std::uint16_t, 4>{68, 576, 1499, 1500}) {
    auto frames = FragmentsOf({}, mtu);
    const unsigned each = (mtu - 20U) / 8 * 8;
    ASSERT_EQ(frames.size(), (4000 + each - 1) / each);
    EXPECT_EQ(Reassemble(frames, mtu), Pattern(4000));
    EXPECT_FALSE(HasMore(frames.back()));
    frames.pop_back();
    EXPECT_TRUE(std::all_of(frames.begin(), frames.end(), HasMore));
  }
}

TEST(FragmentsTest, AFragmentIsFragmentedFurther) {
  auto frames = FragmentsOf(
      {.payload = 3000, .fragment = std::uint16_t{Ipv4Header::kMoreFragments | 100}}, 1500);
  EXPECT_EQ(Reassemble(frames, 1500, 100), Pattern(3000));
  EXPECT_TRUE(HasMore(frames.back()));
}

TEST(FragmentsTest, OnlyOptionsToBeCopiedAreRepeated) {
  const Bytes record_route = {7, 7, 4, 0, 0, 0, 0};
  const Bytes router_alert = {148, 4, 0, 0};
  Bytes options = record_route;
  options.insert(options.end(), router_alert.begin(), router_alert.end());
  options.push_back(0);
  auto frames = FragmentsOf({.options = options}, 1500);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(Reassemble(frames, 1500), Pattern(4000));
  const auto options_of = [](const Bytes& f) { return Bytes(f.begin() + 34, f.begin() + 46); };
  EXPECT_EQ(options_of(frames[0]), options);
  const Bytes later = {1, 1, 1, 1, 1, 1, 1, 148, 4, 0, 0, 0};
  EXPECT_EQ(options_of(frames[1]), later);
  EXPECT_EQ(options_of(frames[2]), later);
}

TEST(FragmentsTest, RefusesWhatMustNotBeCut) {
  const auto starts = [](const Datagram& datagram, bool needs_checksum) {
    ReceivedPacket received(DatagramFrame(datagram), kPod);
    received.packet.offload.needs_checksum = needs_checksum;
    return std::make_unique<Segmenter>()->StartFragments(received.packet, 1500);
  };
  EXPECT_TRUE(starts({}, false));
  EXPECT_FALSE(starts({}, true)) << "a checksum over all fragments";
  EXPECT_FALSE(starts({.fragment = Ipv4Header::kDontFragment}, false));
  ReceivedPacket v6(GsoFrame({.gso = kTcp6}), kPod);
  EXPECT_FALSE(std::make_unique<Segmenter>()->StartFragments(v6.packet, 1500));
}

}  // namespace
}  // namespace pollux::stages::testing
