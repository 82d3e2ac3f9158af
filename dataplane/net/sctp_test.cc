#include "dataplane/net/sctp.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace pollux::net {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Chunk = SctpChunk;

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Ports, tag 0x01020304, checksum.
Bytes Common() { return {0x14, 0x01, 0x14, 0x02, 1, 2, 3, 4, 0, 0, 0, 0}; }
// `length` as it is said; as many bytes as it needs with padding, or as `bytes` says.
Bytes ChunkOf(Chunk type, std::uint16_t length, std::size_t bytes, std::uint8_t flags = 0) {
  Bytes chunk(bytes);
  chunk[0] = static_cast<std::uint8_t>(type);
  chunk[1] = flags;
  chunk[2] = static_cast<std::uint8_t>(length >> 8);
  chunk[3] = static_cast<std::uint8_t>(length);
  return chunk;
}
Bytes ChunkOf(Chunk type, std::uint16_t length) {
  return ChunkOf(type, length, (length + 3U) / 4 * 4);
}
// With initiate tag 0x0a0b0c0d.
Bytes Init(Chunk type, std::uint16_t length = 20) {
  Bytes chunk = ChunkOf(type, length);
  chunk[4] = 0x0a;
  chunk[5] = 0x0b;
  chunk[6] = 0x0c;
  chunk[7] = 0x0d;
  return chunk;
}
Bytes Unknown(std::uint16_t length) { return ChunkOf(static_cast<Chunk>(0xc1), length); }

std::string Describe(const std::optional<SctpPacket>& packet) {
  if (!packet) {
    return "malformed";
  }
  std::ostringstream text;
  text << "first " << static_cast<unsigned>(packet->first) << ':';
  for (unsigned type = 0; type < 16; ++type) {
    if (packet->Has(static_cast<Chunk>(type))) {
      text << ' ' << type;
    }
  }
  text << (packet->reflected ? " T" : "") << (packet->initiate_tag != 0 ? " tag" : "");
  return text.str();
}

struct Row {
  const char* sentence;
  Bytes packet;
  const char* says;
  std::size_t head = 128;  // bytes of it that are known
};

class SctpPackets : public ::testing::TestWithParam<Row> {};

TEST_P(SctpPackets, Row) {
  const Bytes& packet = GetParam().packet;
  // A copy of its own, so that ASan sees any byte too many.
  const Bytes head(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(
                                                        std::min(packet.size(), GetParam().head)));
  const auto read = ReadSctp(head, static_cast<std::uint32_t>(packet.size()));
  EXPECT_EQ(Describe(read), GetParam().says);
  if (read) {
    EXPECT_EQ(read->verification_tag, 0x01020304U);
    EXPECT_TRUE(read->initiate_tag == 0 || read->initiate_tag == 0x0a0b0c0d);
  }
}

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.sentence; }

INSTANTIATE_TEST_SUITE_P(
    Read, SctpPackets,
    ::testing::ValuesIn(std::vector<Row>{
        {"init", Common() + Init(Chunk::kInit), "first 1: 1 tag"},
        {"init_ack_with_a_cookie", Common() + Init(Chunk::kInitAck, 300), "first 2: 2 tag"},
        {"data", Common() + ChunkOf(Chunk::kData, 1400), "first 0: 0"},
        {"data_of_odd_length", Common() + ChunkOf(Chunk::kData, 17), "first 0: 0"},
        {"data_without_its_padding", Common() + ChunkOf(Chunk::kData, 17, 17), "first 0: 0"},
        {"shutdown_behind_a_sack",
         Common() + ChunkOf(Chunk::kSack, 16) + ChunkOf(Chunk::kShutdown, 8), "first 3: 3 7"},
        {"abort_behind_an_error_of_odd_length",
         Common() + ChunkOf(Chunk::kError, 9) + ChunkOf(Chunk::kAbort, 4), "first 9: 6 9"},
        {"cookie_echo_with_data",
         Common() + ChunkOf(Chunk::kCookieEcho, 40) + ChunkOf(Chunk::kData, 20), "first 10: 0 10"},
        {"a_chunk_behind_the_head_is_not_seen",
         Common() + ChunkOf(Chunk::kData, 200) + ChunkOf(Chunk::kShutdown, 8), "first 0: 0"},
        {"a_chunk_across_the_heads_end_is_seen",
         Common() + ChunkOf(Chunk::kSack, 112) + ChunkOf(Chunk::kShutdown, 8), "first 3: 3 7"},
        {"reflected", Common() + ChunkOf(Chunk::kAbort, 4, 4, 1), "first 6: 6 T"},
        {"an_unknown_chunk", Common() + Unknown(8) + ChunkOf(Chunk::kSack, 16), "first 193: 3"},
        {"shutdown_complete", Common() + ChunkOf(Chunk::kShutdownComplete, 4), "first 14: 14"},
        {"what_is_malformed_later_ends_the_list",
         Common() + ChunkOf(Chunk::kSack, 16) + ChunkOf(Chunk::kShutdown, 3, 8), "first 3: 3"},
        {"what_is_too_long_later_ends_the_list",
         Common() + ChunkOf(Chunk::kSack, 16) + ChunkOf(Chunk::kShutdown, 9, 8), "first 3: 3"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Malformed, SctpPackets,
    ::testing::ValuesIn(std::vector<Row>{
        {"nothing", {}, "malformed"},
        {"too_short", Bytes(11), "malformed"},
        {"no_chunk", Common(), "malformed"},
        {"three_bytes_of_a_chunk", Common() + Bytes(3), "malformed"},
        {"a_chunk_shorter_than_its_header", Common() + ChunkOf(Chunk::kData, 3, 4), "malformed"},
        {"a_chunk_longer_than_the_packet", Common() + ChunkOf(Chunk::kData, 21, 20), "malformed"},
        {"init_with_tag_zero", Common() + ChunkOf(Chunk::kInit, 20), "malformed"},
        {"init_ack_with_tag_zero", Common() + ChunkOf(Chunk::kInitAck, 20), "malformed"},
        {"init_without_all_its_fields", Common() + Init(Chunk::kInit, 16), "malformed"},
        {"init_with_a_companion", Common() + Init(Chunk::kInit) + ChunkOf(Chunk::kData, 20),
         "malformed"},
        {"init_ack_with_a_companion", Common() + Init(Chunk::kInitAck) + ChunkOf(Chunk::kData, 20),
         "malformed"},
        {"init_as_a_companion", Common() + ChunkOf(Chunk::kSack, 16) + Init(Chunk::kInit),
         "malformed"},
        {"shutdown_complete_with_a_companion",
         Common() + ChunkOf(Chunk::kShutdownComplete, 4) + ChunkOf(Chunk::kData, 20), "malformed"},
        {"init_whose_tag_is_not_in_the_head", Common() + Init(Chunk::kInit), "malformed", 19},
        {"a_chunk_that_is_not_in_the_head", Common() + Init(Chunk::kInit), "malformed", 15},
    }),
    NameOf);

TEST(SctpPackets, NoBytesAreReadThatAreNotThere) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  for (unsigned i = 0; i < 20'000; ++i) {
    Bytes head(random() % 128);
    for (std::uint8_t& byte : head) {
      byte = static_cast<std::uint8_t>(random() % 8 == 0 ? random() : random() % 16);
    }
    head.shrink_to_fit();
    ReadSctp(head, static_cast<std::uint32_t>(head.size() + random() % 64));
  }
}

}  // namespace
}  // namespace pollux::net
