#include "dataplane/net/checksum.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace pollux::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

// RFC 1071 as it is written: 16-bit words, high byte first, carries added back.
std::uint16_t NaiveChecksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

Bytes RandomBytes(std::mt19937& random, std::size_t length) {
  Bytes bytes(length);
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(random());
  }
  return bytes;
}

class ChecksumTest : public ::testing::Test {
 protected:
  std::mt19937 random_{1};  // NOLINT(cert-msc51-cpp): the same every time
};

TEST_F(ChecksumTest, TheExampleOfRfc1071) {
  const std::array<std::uint8_t, 8> bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(InternetChecksum(bytes).value(), 0x220d);
}

TEST_F(ChecksumTest, EveryLengthAndAlignment) {
  const Bytes bytes = RandomBytes(random_, 400);
  for (std::size_t from = 0; from < 8; ++from) {
    for (std::size_t length = 0; length <= 300; ++length) {
      const std::span<const std::uint8_t> run(bytes.data() + from, length);
      ASSERT_EQ(InternetChecksum(run).value(), NaiveChecksum(run)) << from << '+' << length;
    }
  }
}

TEST_F(ChecksumTest, ManyCarries) {
  const Bytes ones(65'535, 0xff);
  EXPECT_EQ(InternetChecksum(ones).value(), NaiveChecksum(ones));
}

TEST_F(ChecksumTest, AMessageInPiecesOfAnyLength) {
  for (int round = 0; round < 2000; ++round) {
    const Bytes bytes = RandomBytes(random_, random_() % 200);
    ChecksumAccumulator sum;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t n = std::min<std::size_t>(random_() % 9, bytes.size() - at);
      sum.Add({bytes.data() + at, n});
      at += n;
    }
    ASSERT_EQ(sum.Finish().value(), NaiveChecksum(bytes)) << round;
  }
}

TEST_F(ChecksumTest, PseudoHeaders) {
  const Ipv4Header v4{.source = *Ipv4Address::Parse("192.0.2.1"),
                      .destination = *Ipv4Address::Parse("198.51.100.2")};
  const Bytes pseudo4 = {192, 0, 2, 1, 198, 51, 100, 2, 0, 17, 0xab, 0xcd};
  EXPECT_EQ(PseudoHeaderSum(v4, IpProtocol::kUdp, 0xabcd).Finish().value(), NaiveChecksum(pseudo4));

  const Ipv6Header v6{.source = *Ipv6Address::Parse("fd00::1"),
                      .destination = *Ipv6Address::Parse("fd00::2")};
  Bytes pseudo6(40);
  pseudo6[0] = pseudo6[16] = 0xfd;
  pseudo6[15] = 1;
  pseudo6[31] = 2;
  pseudo6[33] = 1;  // 0x00010203 bytes
  pseudo6[34] = 2;
  pseudo6[35] = 3;
  pseudo6[39] = 58;
  EXPECT_EQ(PseudoHeaderSum(v6, IpProtocol::kIcmpv6, 0x00010203).Finish().value(),
            NaiveChecksum(pseudo6));
}

// --- Updates

TEST_F(ChecksumTest, TheExampleOfRfc1624) {
  EXPECT_EQ(UpdateChecksum(Be16(0xdd2f), Be16(0x5555), Be16(0x3285)).value(), 0x0000);
}

TEST_F(ChecksumTest, AnUpdateIsWhatTheWholeSumWouldBe) {
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = RandomBytes(random_, 20);
    const Be16 before{static_cast<std::uint16_t>(bytes[8] << 8 | bytes[9])};
    const Be16 checksum = InternetChecksum(bytes);
    const Be16 after{static_cast<std::uint16_t>(random_())};
    bytes[8] = static_cast<std::uint8_t>(after.value() >> 8);
    bytes[9] = static_cast<std::uint8_t>(after.value());
    ASSERT_EQ(UpdateChecksum(checksum, before, after).value(), NaiveChecksum(bytes)) << round;
  }
}

std::span<const std::uint8_t> BytesOf(const Ipv4Header& ip) {
  return {reinterpret_cast<const std::uint8_t*>(&ip), sizeof ip};
}

Ipv4Header Header(std::uint16_t id, std::uint8_t ttl) {
  Ipv4Header ip{.version_ihl = 0x45,
                .tos = 0,
                .total_length = Be16(84),
                .id = Be16(id),
                .fragment = {},
                .ttl = ttl,
                .protocol = IpProtocol::kUdp,
                .checksum = {},
                .source = *Ipv4Address::Parse("192.0.2.1"),
                .destination = *Ipv4Address::Parse("198.51.100.2")};
  ip.checksum = InternetChecksum(BytesOf(ip));
  return ip;
}

// All ids, and so all checksums: also those where a sum of zero could be written in two ways.
TEST_F(ChecksumTest, DecrementTtlIsWhatTheWholeSumWouldBe) {
  for (std::uint32_t id = 0; id <= 0xffff; ++id) {
    const auto ttl = static_cast<std::uint8_t>(1 + id % 255);
    Ipv4Header ip = Header(static_cast<std::uint16_t>(id), ttl);
    DecrementTtl(ip);
    const Ipv4Header expected =
        Header(static_cast<std::uint16_t>(id), static_cast<std::uint8_t>(ttl - 1));
    ASSERT_EQ(ip.ttl, expected.ttl);
    ASSERT_EQ(ip.checksum.value(), expected.checksum.value()) << "id " << id;
  }
}

TEST_F(ChecksumTest, AHeadersChecksumHoldsOrNot) {
  Ipv4Header ip = Header(0x1234, 64);
  unsigned holds = 0;
  for (std::uint32_t checksum = 0; checksum <= 0xffff; ++checksum) {
    ip.checksum.set(static_cast<std::uint16_t>(checksum));
    const bool expected = NaiveChecksum(BytesOf(ip)) == 0;
    ASSERT_EQ(Ipv4HeaderChecksumHolds(ip), expected) << checksum;
    holds += expected ? 1 : 0;
  }
  EXPECT_EQ(holds, 1U);
}

}  // namespace
}  // namespace pollux::net
