#include "vhost/memif/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pollux::vhost::memif {
namespace {

using testing::HasSubstr;

const Hello kHello{.name = "DPDK 22.11.11",
                   .min_version = kVersion,
                   .max_version = kVersion,
                   .max_region = 255,
                   .max_ring_to_client = 3,
                   .max_ring_to_server = 4,
                   .max_log2_ring_size = 14};
const Init kInit{.version = kVersion,
                 .id = 0x01020304,
                 .mode = Mode::kEthernet,
                 .secret = "abc",
                 .name = "client"};
const AddRing kAddRing{.direction = Direction::kToServer,
                       .index = 0x0201,
                       .region = 0x0403,
                       .offset = 0x08070605,
                       .log2_ring_size = 10,
                       .private_header_size = 0x0c0b};

TEST(MessageTest, EveryMessageSurvivesTheWire) {
  const std::vector<Message> messages = {Ack{},
                                         kHello,
                                         kInit,
                                         AddRegion{.index = 7, .size = 0x123456789a},
                                         kAddRing,
                                         Connect{.interface_name = "net_memif0"},
                                         Connected{.interface_name = "memif0/0"},
                                         Disconnect{.code = 9, .reason = "going home"}};
  for (const Message& message : messages) {
    const auto parsed = ParseMessage(EncodeMessage(message));
    ASSERT_TRUE(parsed.ok()) << NameOf(message) << parsed.status();
    EXPECT_EQ(*parsed, message) << NameOf(message);
  }
}

// The places of the fields as DPDK's and VPP's packed structures have them.
TEST(MessageTest, FieldsLieWhereTheProtocolPutsThem) {
  const auto hello = EncodeMessage(kHello);
  EXPECT_EQ(hello[0], 2);
  EXPECT_EQ(hello[2], 'D');
  EXPECT_EQ(hello[35], 2);    // min_version 0x0200, low byte first
  EXPECT_EQ(hello[38], 255);  // max_region
  EXPECT_EQ(hello[40], 3);    // rings to the client
  EXPECT_EQ(hello[42], 4);    // rings to the server
  EXPECT_EQ(hello[44], 14);

  const auto init = EncodeMessage(kInit);
  EXPECT_EQ(init[0], 3);
  EXPECT_EQ(init[4], 4);  // id
  EXPECT_EQ(init[8], 0);  // mode
  EXPECT_EQ(init[9], 'a');
  EXPECT_EQ(init[33], 'c');

  const auto region = EncodeMessage(AddRegion{.index = 7, .size = 0x0807060504030201});
  EXPECT_EQ(region[0], 4);
  EXPECT_EQ(region[2], 7);
  EXPECT_EQ(region[4], 1);
  EXPECT_EQ(region[11], 8);

  const auto ring = EncodeMessage(kAddRing);
  const std::vector<std::uint8_t> expected = {5, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 0x0b, 0x0c};
  EXPECT_EQ(std::vector<std::uint8_t>(ring.begin(), ring.begin() + 15), expected);

  EXPECT_EQ(EncodeMessage(Disconnect{.code = 1, .reason = "x"})[6], 'x');
}

TEST(MessageTest, TextsAreCutAndCleaned) {
  const std::string long_name(40, 'n');
  auto bytes = EncodeMessage(Connect{.interface_name = long_name});
  EXPECT_EQ(std::get<Connect>(*ParseMessage(bytes)).interface_name, std::string(31, 'n'));
  std::fill(bytes.begin() + 2, bytes.begin() + 34, std::uint8_t{'z'});  // no zero byte at the end
  bytes[3] = '\n';
  bytes[4] = 0x9b;
  EXPECT_EQ(std::get<Connect>(*ParseMessage(bytes)).interface_name, "z??" + std::string(29, 'z'));
}

TEST(MessageTest, WhatIsNoMessageIsRefused) {
  auto bytes = EncodeMessage(kInit);
  EXPECT_THAT(ParseMessage(std::span(bytes).first(127)).status().message(), HasSubstr("127"));
  EXPECT_THAT(ParseMessage({}).status().message(), HasSubstr("0 bytes"));
  bytes[8] = 3;
  EXPECT_THAT(ParseMessage(bytes).status().message(), HasSubstr("mode 3"));
  bytes = EncodeMessage(kAddRing);
  bytes[2] = 3;
  EXPECT_THAT(ParseMessage(bytes).status().message(), HasSubstr("flags 0x3"));
  for (const std::uint8_t type : std::vector<std::uint8_t>{0, 9, 255}) {
    bytes[0] = type;
    EXPECT_THAT(ParseMessage(bytes).status().message(), HasSubstr("unknown message type"));
  }
}

TEST(MessageTest, OnlyRegionsAndRingsCarryADescriptor) {
  EXPECT_EQ(DescriptorsOf(AddRegion{}), 1U);
  EXPECT_EQ(DescriptorsOf(AddRing{}), 1U);
  EXPECT_EQ(DescriptorsOf(Init{}), 0U);
  EXPECT_EQ(DescriptorsOf(Disconnect{}), 0U);
}

}  // namespace
}  // namespace pollux::vhost::memif
