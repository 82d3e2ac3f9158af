#include "dataplane/net/crc32c.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/net/endian.h"

namespace pollux::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Bit by bit, as polynomials are divided.
std::uint32_t NaiveCrc32c(const Bytes& bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (unsigned bit = 0; bit < 8; ++bit) {
      crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
    }
  }
  return ~crc;
}

Bytes RandomBytes(std::mt19937& random, std::size_t length) {
  Bytes bytes(length);
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(random());
  }
  return bytes;
}

std::uint32_t FirstFour(const Bytes& bytes) {
  std::uint32_t word;
  std::memcpy(&word, bytes.data(), sizeof word);
  return word;
}

Bytes Ascending() {
  Bytes bytes(32);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

Bytes Descending() {
  const Bytes up = Ascending();
  return {up.rbegin(), up.rend()};
}

Bytes Text(std::string_view text) { return {text.begin(), text.end()}; }

// The iSCSI read command of RFC 3720 appendix B.4.
const Bytes kIscsiRead = {0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                          0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
                          0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
                          0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

struct Row {
  const char* sentence;
  Bytes bytes;
  std::uint32_t on_the_wire;  // as RFC 3720 prints it: the bytes in their order
};

class Crc32cOf : public ::testing::TestWithParam<Row> {};

TEST_P(Crc32cOf, Row) {
  EXPECT_EQ(Be32::FromRaw(Crc32c(GetParam().bytes)).value(), GetParam().on_the_wire);
  EXPECT_EQ(Crc32c(GetParam().bytes), NaiveCrc32c(GetParam().bytes));
}

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.sentence; }

INSTANTIATE_TEST_SUITE_P(Rfc3720, Crc32cOf,
                         ::testing::Values(Row{"zeros", Bytes(32, 0x00), 0xaa36918a},
                                           Row{"ones", Bytes(32, 0xff), 0x43aba862},
                                           Row{"ascending", Ascending(), 0x4e79dd46},
                                           Row{"descending", Descending(), 0x5cdb3f11},
                                           Row{"iscsi_read", kIscsiRead, 0x563a96d9},
                                           Row{"check_value", Text("123456789"), 0x839206e3},
                                           Row{"nothing", {}, 0}),
                         NameOf);

class Crc32cDeltaTest : public ::testing::Test {
 protected:
  // The difference of the sums is the same as that of the packets says.
  void Check(std::size_t length) {
    const Bytes before = RandomBytes(random_, length);
    Bytes after = before;
    for (std::size_t i = 0; i < 4; ++i) {
      after[i] = static_cast<std::uint8_t>(random_());
    }
    const auto following = static_cast<std::uint32_t>(length - 4);
    ASSERT_EQ(NaiveCrc32c(before) ^ Crc32cDelta(FirstFour(before) ^ FirstFour(after), following),
              NaiveCrc32c(after))
        << length << " bytes";
  }

  std::mt19937 random_{1};  // NOLINT(cert-msc51-cpp): the same every time
};

TEST_F(Crc32cDeltaTest, EveryShortLength) {
  for (std::size_t length = 4; length < 600; ++length) {
    Check(length);
  }
}

TEST_F(Crc32cDeltaTest, UpToTheLongestPacket) {
  for (unsigned i = 0; i < 40; ++i) {
    Check(4 + random_() % 65532);
  }
  for (const std::size_t length : {4096U, 65515U, 65535U, 65536U}) {
    Check(length);
  }
}

TEST_F(Crc32cDeltaTest, NoChangeIsNoChange) {
  EXPECT_EQ(Crc32cDelta(0, 0), 0U);
  EXPECT_EQ(Crc32cDelta(0, 1500), 0U);
}

// Translation and its reverse, in any number: the packet is as it was.
TEST_F(Crc32cDeltaTest, DifferencesAdd) {
  for (unsigned i = 0; i < 100; ++i) {
    const auto a = static_cast<std::uint32_t>(random_());
    const auto b = static_cast<std::uint32_t>(random_());
    const auto length = static_cast<std::uint32_t>(random_() % 2000);
    EXPECT_EQ(Crc32cDelta(a, length) ^ Crc32cDelta(b, length), Crc32cDelta(a ^ b, length));
  }
}

// x^(8n) for lengths that nobody sends: 16 zeros at a time, the step that one digit means.
TEST_F(Crc32cDeltaTest, LengthsOfAnySize) {
  for (std::uint32_t length = 1; length < 0x50000000; length = length * 3 + 1) {
    const std::uint32_t once = Crc32cDelta(0x12345678, length);
    EXPECT_EQ(Crc32cDelta(once, 12), Crc32cDelta(0x12345678, length + 16)) << length;
  }
  EXPECT_EQ(Crc32cDelta(Crc32cDelta(1, 0xfffffff0U - 1), 12), Crc32cDelta(1, 0xffffffff));
}

}  // namespace
}  // namespace pollux::net
