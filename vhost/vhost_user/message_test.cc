#include "vhost/vhost_user/message.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "vhost/vhost_user/test_message.h"

namespace pollux::vhost::vhost_user {
namespace {

constexpr std::array<MemoryRegion, 2> kTwoRegions{};
constexpr std::array<MemoryRegion, 9> kNineRegions{};

std::vector<std::uint8_t> Of(std::size_t count) { return std::vector<std::uint8_t>(count); }
std::vector<std::uint8_t> U64(std::uint64_t value) { return PayloadOf(value); }

struct Row {
  const char* name;
  std::vector<std::uint8_t> bytes;
  std::size_t fds;
  bool good;
};

class MessageTest : public ::testing::TestWithParam<Row> {};

TEST_P(MessageTest, IsDecodedOrRefused) {
  const auto message = DecodeMessage(GetParam().bytes, GetParam().fds);
  EXPECT_EQ(message.ok(), GetParam().good) << message.status();
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MessageTest,
    ::testing::Values(
        Row{"GetFeatures", RequestBytes(Request::kGetFeatures), 0, true},
        Row{"GetFeaturesWithPayload", RequestBytes(Request::kGetFeatures, Of(8)), 0, false},
        Row{"GetFeaturesWithFd", RequestBytes(Request::kGetFeatures), 1, false},
        Row{"SetFeatures", RequestBytes(Request::kSetFeatures, Of(8)), 0, true},
        Row{"SetFeaturesShort", RequestBytes(Request::kSetFeatures, Of(7)), 0, false},
        Row{"SetVringNum", RequestBytes(Request::kSetVringNum, Of(8)), 0, true},
        Row{"SetVringAddr", RequestBytes(Request::kSetVringAddr, Of(40)), 0, true},
        Row{"SetVringAddrLong", RequestBytes(Request::kSetVringAddr, Of(48)), 0, false},
        Row{"KickWithFd", RequestBytes(Request::kSetVringKick, U64(3)), 1, true},
        Row{"KickWithoutItsFd", RequestBytes(Request::kSetVringKick, U64(3)), 0, false},
        Row{"KickWithTwo", RequestBytes(Request::kSetVringKick, U64(3)), 2, false},
        Row{"KickPolling", RequestBytes(Request::kSetVringKick, U64(0x103)), 0, true},
        Row{"KickPollingWithFd", RequestBytes(Request::kSetVringKick, U64(0x103)), 1, false},
        Row{"KickReservedBits", RequestBytes(Request::kSetVringKick, U64(1ULL << 32)), 1, false},
        Row{"CallShort", RequestBytes(Request::kSetVringCall, Of(4)), 1, false},
        Row{"MemTable", RequestBytes(Request::kSetMemTable, RegionsPayload(kTwoRegions)), 2, true},
        Row{"MemTableTooFewFds", RequestBytes(Request::kSetMemTable, RegionsPayload(kTwoRegions)),
            1, false},
        Row{"MemTableOfNine", RequestBytes(Request::kSetMemTable, RegionsPayload(kNineRegions)), 9,
            false},
        Row{"MemTableOfNone", RequestBytes(Request::kSetMemTable, Of(8)), 0, false},
        Row{"MemTableCountOnly", RequestBytes(Request::kSetMemTable, Of(4)), 0, false},
        Row{"MemTableShorterThanItsCount", RequestBytes(Request::kSetMemTable, U64(2)), 2, false},
        Row{"Unknown", RequestBytes(Request{99}, Of(100)), 0, true},
        Row{"UnknownWithFds", RequestBytes(Request{99}, Of(100)), 3, true},
        Row{"OfferedToNobody", RequestBytes(Request{31}, Of(24)), 1, true},
        Row{"WrongVersion", RawMessage(1, 2, 0, {}), 0, false},
        Row{"AReply", RawMessage(1, 1 | 4, 0, {}), 0, false},
        Row{"TooLong", RawMessage(99, 1, kMaxPayload + 1, Of(kMaxPayload + 1)), 0, false},
        Row{"LengthAllOnes", RawMessage(1, 1, 0xffffffff, {}), 0, false},
        Row{"CutShort", RawMessage(2, 1, 8, Of(7)), 0, false},
        Row{"LongerThanItSays", RawMessage(2, 1, 8, Of(9)), 0, false},
        Row{"NotEvenAHeader", Of(11), 0, false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(MessageDecodeTest, FieldsArriveWhereTheyBelong) {
  const VringAddress address{
      .index = 3, .flags = 0, .descriptors = 0x1000, .used = 0x3000, .available = 0x2000, .log = 0};
  const auto message =
      DecodeMessage(RequestBytes(Request::kSetVringAddr, PayloadOf(address), true), 0);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->request, Request::kSetVringAddr);
  EXPECT_TRUE(message->wants_ack);
  const auto& decoded = std::get<VringAddress>(message->payload);
  EXPECT_EQ(decoded.index, 3U);
  EXPECT_EQ(decoded.descriptors, 0x1000U);
  EXPECT_EQ(decoded.available, 0x2000U);
  EXPECT_EQ(decoded.used, 0x3000U);
}

struct Known {
  Request request;
  std::size_t bytes;
  std::size_t fds;
};
constexpr std::array<Known, 16> kKnown{{{Request::kGetFeatures, 0, 0},
                                        {Request::kSetFeatures, 8, 0},
                                        {Request::kSetOwner, 0, 0},
                                        {Request::kResetOwner, 0, 0},
                                        {Request::kSetVringNum, 8, 0},
                                        {Request::kSetVringAddr, 40, 0},
                                        {Request::kSetVringBase, 8, 0},
                                        {Request::kGetVringBase, 8, 0},
                                        {Request::kSetVringKick, 8, 1},
                                        {Request::kSetVringCall, 8, 1},
                                        {Request::kSetVringErr, 8, 1},
                                        {Request::kGetProtocolFeatures, 0, 0},
                                        {Request::kSetProtocolFeatures, 8, 0},
                                        {Request::kGetQueueNum, 0, 0},
                                        {Request::kSetVringEnable, 8, 0},
                                        {Request::kNetSetMtu, 8, 0}}};

TEST(MessageDecodeTest, EveryRequestHasOneSizeAndOneNumberOfDescriptors) {
  for (const Known& known : kKnown) {
    for (std::size_t bytes = 0; bytes <= kMaxPayload; ++bytes) {
      for (std::size_t fds = 0; fds <= kMaxFds; ++fds) {
        EXPECT_EQ(DecodeMessage(RequestBytes(known.request, Of(bytes)), fds).ok(),
                  bytes == known.bytes && fds == known.fds)
            << "request " << static_cast<unsigned>(known.request) << ", " << bytes << " bytes, "
            << fds << " descriptors";
      }
    }
  }
}

TEST(MessageDecodeTest, AMemoryTableHasADescriptorPerRegion) {
  for (std::size_t count = 1; count <= kMaxRegions; ++count) {
    const auto bytes =
        RequestBytes(Request::kSetMemTable, RegionsPayload(std::span(kNineRegions).first(count)));
    for (std::size_t fds = 0; fds <= kMaxFds; ++fds) {
      EXPECT_EQ(DecodeMessage(bytes, fds).ok(), fds == count) << count << " regions";
    }
  }
}

TEST(MessageDecodeTest, UnknownRequestsAreSaidToBe) {
  const auto message = DecodeMessage(RequestBytes(Request{31}, Of(24)), 1);
  ASSERT_TRUE(message.ok());
  EXPECT_TRUE(std::holds_alternative<UnknownRequest>(message->payload));
}

TEST(ReplyTest, IsMarkedAsOneAndCarriesItsPayload) {
  const Reply reply(Request::kGetVringBase, VringState{.index = 1, .value = 77});
  ASSERT_EQ(reply.bytes().size(), sizeof(MessageHeader) + sizeof(VringState));
  MessageHeader header;
  VringState state;
  std::memcpy(&header, reply.bytes().data(), sizeof header);
  std::memcpy(&state, reply.bytes().data() + sizeof header, sizeof state);
  EXPECT_EQ(header.request, 11U);
  EXPECT_EQ(header.flags, 1U | 4U);
  EXPECT_EQ(header.size, 8U);
  EXPECT_EQ(state.index, 1U);
  EXPECT_EQ(state.value, 77U);
}

}  // namespace
}  // namespace pollux::vhost::vhost_user
