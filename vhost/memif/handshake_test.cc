// Both sides of the handshake without a socket: what is answered, what is refused, and by which
// name.
#include "vhost/memif/handshake.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <functional>
#include <string>
#include <vector>

#include "vhost/memif/test_peer.h"
#include "vhost/test_system.h"

namespace pollux::vhost::memif {
namespace {

using testing::HasSubstr;

UniqueFd MakeEvent() { return UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
UniqueFd Copy(int fd) { return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

// A server with one interface, id 3, of two queues; a client with a region of two queues.
class ServerHandshakeTest : public testing::Test {
 protected:
  // "" if it was answered (see last_), else the reason.
  std::string Say(Message message, UniqueFd fd = {}) {
    auto answer = handshake_.Handle({std::move(message), std::move(fd)});
    if (!answer.ok()) {
      return std::string(answer.status().message());
    }
    last_ = *answer;
    return "";
  }
  std::string SayInit() { return Say(Init{.id = 3, .name = "client"}); }
  std::string SayRegion() {
    return Say(AddRegion{.index = 0, .size = region_.size()}, Copy(region_.fd()));
  }
  AddRing RingOf(unsigned index) {
    return {.direction = index < 2 ? Direction::kToServer : Direction::kToClient,
            .index = static_cast<std::uint16_t>(index % 2),
            .region = 0,
            .offset = RingOffset(kOffer, index),
            .log2_ring_size = static_cast<std::uint8_t>(kOffer.log2_ring_size)};
  }
  std::string SayRing(unsigned index) { return Say(RingOf(index), MakeEvent()); }

  static constexpr ClientOffer kOffer{.queues = 2};
  TestRegion region_ = MakeRegion(kOffer);
  ServerHandshake handshake_{[](const Init& init) -> absl::StatusOr<Limits> {
    if (init.id != 3) {
      return absl::NotFoundError("no such interface");
    }
    return Limits{.rx_rings = 2, .tx_rings = 2};
  }};
  Message last_;
};

TEST_F(ServerHandshakeTest, EveryStepIsAcknowledged) {
  ASSERT_EQ(SayInit(), "");
  EXPECT_EQ(last_, Message(Ack{}));
  ASSERT_EQ(SayRegion(), "");
  EXPECT_EQ(last_, Message(Ack{}));
  for (unsigned i = 0; i < 4; ++i) {
    ASSERT_EQ(SayRing(i), "");
    EXPECT_EQ(last_, Message(Ack{}));
  }
  EXPECT_FALSE(handshake_.connected());
  ASSERT_EQ(Say(Connect{.interface_name = "memif0"}), "");
  EXPECT_TRUE(std::holds_alternative<Connected>(last_));
  ASSERT_TRUE(handshake_.connected());
  EXPECT_EQ(handshake_.peer_name(), "client");
  const auto connection = handshake_.TakeConnection();
  EXPECT_EQ(connection->rx().size(), 2U);
  EXPECT_EQ(connection->tx().size(), 2U);
}

TEST_F(ServerHandshakeTest, RingsOfBothDirectionsMayMix) {
  ASSERT_EQ(SayInit(), "");
  ASSERT_EQ(SayRegion(), "");
  for (const unsigned i : {2U, 0U, 3U, 1U}) {
    EXPECT_EQ(SayRing(i), "");
  }
}

TEST_F(ServerHandshakeTest, ASecretWhereNoneIsAskedMeansNothing) {
  EXPECT_EQ(Say(Init{.id = 3, .secret = "open sesame", .name = "client"}), "");
}

TEST_F(ServerHandshakeTest, AClientMayLeaveAtAnyTime) {
  ASSERT_EQ(SayInit(), "");
  const auto answer = handshake_.Handle({Disconnect{.reason = "bye"}, UniqueFd()});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr("bye"));
}

// How far the conversation is when the row's message comes.
enum class After { kNothing, kInit, kRegion, kRing, kConnect };
enum class Fd { kNone, kRegion, kUnsealed, kEvent, kDevice };

struct Row {
  const char* name;
  After after;
  Message message;
  Fd fd;
  const char* why;
};
class ServerRefusesTest : public ServerHandshakeTest, public testing::WithParamInterface<Row> {
 protected:
  void Advance(After after) {
    if (after >= After::kInit) {
      ASSERT_EQ(SayInit(), "");
    }
    if (after >= After::kRegion) {
      ASSERT_EQ(SayRegion(), "");
    }
    if (after >= After::kRing) {
      ASSERT_EQ(SayRing(0), "");
    }
    if (after >= After::kConnect) {
      ASSERT_EQ(Say(Connect{}), "");
    }
  }
  UniqueFd Make(Fd fd) {
    switch (fd) {
      case Fd::kNone:
        return {};
      case Fd::kRegion:
        return Copy(region_.fd());
      case Fd::kUnsealed:
        return Copy(TestRegion(region_.size(), TestRegion::Seal::kNone).fd());
      case Fd::kEvent:
        return MakeEvent();
      case Fd::kDevice:
        return UniqueFd(open("/dev/zero", O_RDWR | O_CLOEXEC));
    }
    return {};
  }
};

TEST_P(ServerRefusesTest, ByName) {
  Advance(GetParam().after);
  const auto descriptors = OpenDescriptors();
  const auto mappings = Mappings();
  EXPECT_THAT(Say(GetParam().message, Make(GetParam().fd)), HasSubstr(GetParam().why));
  EXPECT_EQ(OpenDescriptors(), descriptors);
  EXPECT_EQ(Mappings(), mappings);
}

const std::uint64_t kSize = RegionBytes({.queues = 2});
AddRing Ring16(std::uint16_t index, std::uint16_t region, std::uint32_t offset,
               std::uint8_t log2_ring_size, std::uint16_t private_header_size = 0) {
  return {.direction = Direction::kToServer,
          .index = index,
          .region = region,
          .offset = offset,
          .log2_ring_size = log2_ring_size,
          .private_header_size = private_header_size};
}

INSTANTIATE_TEST_SUITE_P(
    Order, ServerRefusesTest,
    testing::Values(
        Row{"RegionFirst", After::kNothing, AddRegion{.size = kSize}, Fd::kRegion,
            "ADD_REGION out of order"},
        Row{"ConnectFirst", After::kNothing, Connect{}, Fd::kNone, "CONNECT out of order"},
        Row{"AckFirst", After::kNothing, Ack{}, Fd::kNone, "ACK out of order"},
        Row{"HelloToTheServer", After::kInit, Hello{}, Fd::kNone, "HELLO out of order"},
        Row{"InitTwice", After::kInit, Init{.id = 3}, Fd::kNone, "INIT out of order"},
        Row{"ConnectTwice", After::kConnect, Connect{}, Fd::kNone, "CONNECT out of order"},
        Row{"RegionWhileConnected", After::kConnect, AddRegion{.index = 1, .size = kSize},
            Fd::kRegion, "ADD_REGION out of order"},
        Row{"OldVersion", After::kNothing, Init{.version = 0x0100, .id = 3}, Fd::kNone,
            "version 2.0"},
        Row{"NewVersion", After::kNothing, Init{.version = 0x0201, .id = 3}, Fd::kNone,
            "version 2.0"},
        Row{"IpMode", After::kNothing, Init{.id = 3, .mode = Mode::kIp}, Fd::kNone,
            "only Ethernet"},
        Row{"WrongId", After::kNothing, Init{.id = 4}, Fd::kNone, "no such interface"},
        Row{"ConnectWithoutRings", After::kRegion, Connect{}, Fd::kNone, "without rings"}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Regions, ServerRefusesTest,
    testing::Values(
        Row{"IndexAhead", After::kInit, AddRegion{.index = 1, .size = kSize}, Fd::kRegion,
            "region 1 comes where 0"},
        Row{"IndexAgain", After::kRegion, AddRegion{.index = 0, .size = kSize}, Fd::kRegion,
            "region 0 comes where 1"},
        Row{"Empty", After::kInit, AddRegion{.size = 0}, Fd::kRegion, "impossible range"},
        Row{"LongerThanItsFile", After::kInit, AddRegion{.size = kSize + 1}, Fd::kRegion,
            "the region ends at"},
        Row{"SizeAllOnes", After::kInit, AddRegion{.size = ~std::uint64_t{0}}, Fd::kRegion,
            "regions of more than"},
        Row{"MoreThanFourGigabytesTogether", After::kRegion,
            AddRegion{.index = 1, .size = (std::uint64_t{4} << 30) - kSize + 1}, Fd::kRegion,
            "regions of more than"},
        Row{"MayShrink", After::kInit, AddRegion{.size = kSize}, Fd::kUnsealed, "F_SEAL_SHRINK"},
        Row{"AnEventfd", After::kInit, AddRegion{.size = kSize}, Fd::kEvent, "not a memfd"},
        Row{"ADevice", After::kInit, AddRegion{.size = kSize}, Fd::kDevice, "not a memfd"},
        Row{"Nothing", After::kInit, AddRegion{.size = kSize}, Fd::kNone, "not a memfd"}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Rings, ServerRefusesTest,
    testing::Values(
        Row{"BeforeItsRegion", After::kInit, Ring16(0, 0, 0, 4), Fd::kEvent,
            "does not lie in region 0"},
        Row{"IndexAhead", After::kRegion, Ring16(1, 0, 0, 4), Fd::kEvent, "ring 1 comes where 0"},
        Row{"IndexAgain", After::kRing, Ring16(0, 0, 0, 4), Fd::kEvent, "ring 0 comes where 1"},
        Row{"TooSmall", After::kRegion, Ring16(0, 0, 0, 1), Fd::kEvent, "2^1 descriptors"},
        Row{"TooLarge", After::kRegion, Ring16(0, 0, 0, 15), Fd::kEvent, "2^15 descriptors"},
        Row{"SizeAllOnes", After::kRegion, Ring16(0, 0, 0, 255), Fd::kEvent, "2^255 descriptors"},
        Row{"LongerThanItsRegion", After::kRegion, Ring16(0, 0, 0, 14), Fd::kEvent,
            "does not lie in region 0"},
        Row{"Misaligned", After::kRegion, Ring16(0, 0, 32, 4), Fd::kEvent, "no multiple of 64"},
        Row{"BeyondTheEnd", After::kRegion, Ring16(0, 0, static_cast<std::uint32_t>(kSize), 4),
            Fd::kEvent, "does not lie in region 0"},
        Row{"OffsetPlusSizeWraps", After::kRegion, Ring16(0, 0, 0xffffffc0, 4), Fd::kEvent,
            "does not lie in region 0"},
        Row{"RegionThatIsNone", After::kRegion, Ring16(0, 1, 0, 4), Fd::kEvent,
            "does not lie in region 1"},
        Row{"RegionAllOnes", After::kRegion, Ring16(0, 0xffff, 0, 4), Fd::kEvent,
            "does not lie in region 65535"},
        Row{"PrivateHeader", After::kRegion, Ring16(0, 0, 0, 4, 1), Fd::kEvent, "private headers"},
        Row{"EventIsMemory", After::kRegion, Ring16(0, 0, 0, 4), Fd::kRegion, "not an eventfd"},
        Row{"EventIsADevice", After::kRegion, Ring16(0, 0, 0, 4), Fd::kDevice, "not an eventfd"},
        Row{"NoEvent", After::kRegion, Ring16(0, 0, 0, 4), Fd::kNone, "not an eventfd"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ServerHandshakeTest, MoreRingsThanQueuesAreRefused) {
  ASSERT_EQ(SayInit(), "");
  ASSERT_EQ(SayRegion(), "");
  ASSERT_EQ(SayRing(0), "");
  ASSERT_EQ(SayRing(1), "");
  EXPECT_THAT(Say(Ring16(2, 0, 0, 4), MakeEvent()), HasSubstr("more than 2 rings"));
}

TEST_F(ServerHandshakeTest, MoreRegionsThanThereAreNumbersAreRefused) {
  ASSERT_EQ(SayInit(), "");
  std::string why;
  unsigned count = 0;
  for (; why.empty() && count < 1000; ++count) {
    why = Say(AddRegion{.index = static_cast<std::uint16_t>(count), .size = region_.size()},
              Copy(region_.fd()));
  }
  EXPECT_EQ(count, kMaxRegions + 1);
  EXPECT_THAT(why, HasSubstr("more than 16 regions"));
}

TEST_F(ServerHandshakeTest, RingsWithoutTheCookieAreRefused) {
  ASSERT_EQ(SayInit(), "");
  ASSERT_EQ(SayRegion(), "");
  ASSERT_EQ(SayRing(0), "");
  region_.RingAt(0, kOffer.log2_ring_size).cookie() = 0x12345678;
  EXPECT_THAT(Say(Connect{}), HasSubstr("cookie"));
}

// --- our client ----------------------------------------------------------------------------------

class ClientHandshakeTest : public testing::Test {
 protected:
  static Hello GoodHello() {
    return {.name = "server",
            .max_region = 0,
            .max_ring_to_client = 0,
            .max_ring_to_server = 1,
            .max_log2_ring_size = 5};
  }
  // What it says next; null: nothing. Refusals end the test.
  std::optional<Message> Hear(Message message) {
    auto next = handshake_.Handle({std::move(message), UniqueFd()});
    EXPECT_TRUE(next.ok()) << next.status();
    if (!next.ok() || !next->has_value()) {
      return std::nullopt;
    }
    EXPECT_EQ((*next)->fd.valid(), DescriptorsOf((*next)->message) == 1);
    return (*next)->message;
  }
  std::string Refusal(Message message) {
    return std::string(handshake_.Handle({std::move(message), UniqueFd()}).status().message());
  }
  ClientHandshake handshake_{
      {.id = 9, .name = "pollux0", .queues = 4, .log2_ring_size = 10, .max_frame = 1514}};
};

TEST_F(ClientHandshakeTest, OffersWhatTheServerTakes) {
  const auto init = Hear(GoodHello());
  ASSERT_TRUE(init && std::holds_alternative<Init>(*init));
  EXPECT_EQ(std::get<Init>(*init).id, 9U);
  const auto region = Hear(Ack{});
  ASSERT_TRUE(region && std::holds_alternative<AddRegion>(*region));
  std::vector<Direction> directions;
  std::optional<Message> next = Hear(Ack{});
  for (; next && std::holds_alternative<AddRing>(*next); next = Hear(Ack{})) {
    const auto& ring = std::get<AddRing>(*next);
    EXPECT_EQ(ring.log2_ring_size, 5);
    EXPECT_LE(ring.offset + RingBytes(5), std::get<AddRegion>(*region).size);
    directions.push_back(ring.direction);
  }
  EXPECT_THAT(directions, testing::ElementsAre(Direction::kToServer, Direction::kToServer,
                                               Direction::kToClient));
  ASSERT_TRUE(next && std::holds_alternative<Connect>(*next));
  EXPECT_EQ(std::get<Connect>(*next).interface_name, "pollux0");
  EXPECT_EQ(Hear(Connected{}), std::nullopt);
  ASSERT_TRUE(handshake_.connected());
  EXPECT_EQ(handshake_.peer_name(), "server");
  const auto connection = handshake_.TakeConnection();
  EXPECT_EQ(connection->tx().size(), 2U);
  EXPECT_EQ(connection->rx().size(), 1U);
}

TEST_F(ClientHandshakeTest, ServersThatCannotBe) {
  Hello hello = GoodHello();
  hello.min_version = 0x0300;
  hello.max_version = 0x0300;
  EXPECT_THAT(Refusal(hello), HasSubstr("version 2.0"));
  hello = GoodHello();
  hello.max_version = 0x0100;
  EXPECT_THAT(Refusal(hello), HasSubstr("version 2.0"));
  hello = GoodHello();
  hello.max_log2_ring_size = 1;
  EXPECT_THAT(Refusal(hello), HasSubstr("too small"));
}

TEST_F(ClientHandshakeTest, MaximaAllOnesAreOnlyMaxima) {
  ASSERT_TRUE(Hear(Hello{.max_region = 0xffff,
                         .max_ring_to_client = 0xffff,
                         .max_ring_to_server = 0xffff,
                         .max_log2_ring_size = 0xff}));
  unsigned rings = 0;
  for (auto next = Hear(Ack{}); next && !std::holds_alternative<Connect>(*next);
       next = Hear(Ack{})) {
    rings += std::holds_alternative<AddRing>(*next) ? 1U : 0U;
  }
  EXPECT_EQ(rings, 8U);
}

TEST_F(ClientHandshakeTest, OutOfOrder) {
  EXPECT_THAT(Refusal(Ack{}), HasSubstr("ACK out of order"));
  EXPECT_THAT(Refusal(Connected{}), HasSubstr("CONNECTED out of order"));
  ASSERT_TRUE(Hear(GoodHello()));
  EXPECT_THAT(Refusal(GoodHello()), HasSubstr("HELLO out of order"));
  EXPECT_THAT(Refusal(Connected{}), HasSubstr("CONNECTED out of order"));
  EXPECT_THAT(Refusal(Init{}), HasSubstr("INIT out of order"));
  EXPECT_THAT(Refusal(Disconnect{.reason = "full"}), HasSubstr("full"));
}

}  // namespace
}  // namespace pollux::vhost::memif
