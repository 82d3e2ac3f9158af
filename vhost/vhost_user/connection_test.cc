// One front-end's socket against peers that stop, flood, trickle and send what nobody asked for.
#include "vhost/vhost_user/connection.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <mutex>
#include <string>

#include "vhost/test_system.h"
#include "vhost/vhost_user/test_guest.h"

namespace pollux::vhost::vhost_user {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr milliseconds kDeadline{50};

// Both ends of a connection. Ours answers GET_FEATURES with the number of messages so far.
class Conversation {
 public:
  explicit Conversation(EventLoop& events) : events_(events) {
    std::array<int, 2> ends{};
    PCHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    peer.emplace(UniqueFd(ends[0]));
    PCHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    events_.Run([&] {
      connection_ = std::make_unique<Connection>(
          events_, UniqueFd(ends[1]), kDeadline,
          [this](const Message& message, const std::vector<UniqueFd>& fds) {
            return OnMessage(message, fds.size());
          },
          [this](const absl::Status& why) { OnEnd(why); });
    });
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  ~Conversation() {
    events_.Run([this] { connection_.reset(); });
  }

  // "": it goes on.
  std::string WhyEnded() {
    std::string why;
    events_.Run([&] { why = why_; });
    return why;
  }
  std::string WaitForEnd() {
    WaitFor([this] { return !WhyEnded().empty(); });
    return WhyEnded();
  }
  std::size_t descriptors_seen() const { return descriptors_; }
  bool Answers() { return peer->Ask(Request::kGetFeatures).has_value(); }

  std::optional<TestFrontEnd> peer;

 private:
  absl::StatusOr<std::optional<Reply>> OnMessage(const Message& message, std::size_t fds) {
    ++messages_;
    descriptors_ += fds;
    if (message.request == Request::kGetFeatures) {
      return std::optional<Reply>(Reply(message.request, messages_));
    }
    return std::optional<Reply>();
  }
  void OnEnd(const absl::Status& why) {
    why_ = std::string(why.message());
    connection_.reset();
  }

  EventLoop& events_;
  std::unique_ptr<Connection> connection_;
  std::uint64_t messages_ = 0;
  std::atomic<std::size_t> descriptors_{0};
  std::string why_;
};

std::vector<std::uint8_t> Kick() {
  return RequestBytes(Request::kSetVringKick, PayloadOf(std::uint64_t{0}));
}
std::vector<std::uint8_t> StartOfKick(std::size_t bytes) {
  auto kick = Kick();
  kick.resize(bytes);
  return kick;
}

class ConnectionTest : public ::testing::Test {
 protected:
  // Whatever happens to the others, this one is served, and nothing stays open.
  void TearDown() override {
    EXPECT_TRUE(bystander_.Answers());
    EXPECT_EQ(bystander_.WhyEnded(), "");
    EXPECT_TRUE(WaitFor([this] { return OpenDescriptors() <= before_; })) << "a descriptor leaks";
  }

  EventLoop events_;
  Conversation bystander_{events_};
  std::ptrdiff_t before_ = OpenDescriptors();
};

TEST_F(ConnectionTest, MessagesMayComeInAnyPortions) {
  Conversation conversation(events_);
  const UniqueFd event(eventfd(0, EFD_CLOEXEC));
  const auto kick = Kick();
  const std::array fds{event.get()};
  ASSERT_TRUE(conversation.peer->SendBytes({kick.data(), 1}, fds));
  for (std::size_t i = 1; i < kick.size(); ++i) {
    ASSERT_TRUE(conversation.peer->SendBytes({&kick[i], 1}));
  }
  std::vector<std::uint8_t> many;
  for (int i = 0; i < 30; ++i) {  // more than one turn handles
    const auto one = RequestBytes(Request::kGetFeatures);
    many.insert(many.end(), one.begin(), one.end());
  }
  ASSERT_TRUE(conversation.peer->SendBytes(many));
  for (std::uint64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(conversation.peer->Reply(), 2 + i);
  }
  EXPECT_EQ(conversation.descriptors_seen(), 1U);
}

struct Silence {
  const char* name;
  std::size_t bytes;
};
class ConnectionSilenceTest : public ConnectionTest,
                              public ::testing::WithParamInterface<Silence> {};

TEST_P(ConnectionSilenceTest, EndsWhoBeganAMessageAndNobodyElse) {
  Conversation idle(events_);
  Conversation silent(events_);
  const UniqueFd event(eventfd(0, EFD_CLOEXEC));
  const std::array fds{event.get()};
  ASSERT_TRUE(silent.peer->SendBytes(StartOfKick(GetParam().bytes), fds));
  EXPECT_THAT(silent.WaitForEnd(), HasSubstr("begun and not finished"));
  EXPECT_TRUE(silent.peer->Closed());
  EXPECT_EQ(idle.WhyEnded(), "") << "silence between messages is no fault";
}

INSTANTIATE_TEST_SUITE_P(Rows, ConnectionSilenceTest,
                         ::testing::Values(Silence{"AfterOneByte", 1},
                                           Silence{"InTheHeader", sizeof(MessageHeader) - 1},
                                           Silence{"AfterTheHeader", sizeof(MessageHeader)},
                                           Silence{"BeforeTheLastByte", sizeof(MessageHeader) + 7}),
                         [](const auto& row) { return std::string(row.param.name); });

// A byte every few milliseconds: the whole message would take much longer than the deadline.
TEST_F(ConnectionTest, ATrickleGainsNoTime) {
  Conversation slow(events_);
  const auto message = RequestBytes(Request{99}, std::vector<std::uint8_t>(kMaxPayload));
  for (const std::uint8_t byte : message) {
    const auto next = std::chrono::steady_clock::now() + kDeadline / 10;
    slow.peer->SendBytes({&byte, 1});
    WaitFor([&] { return std::chrono::steady_clock::now() > next || !slow.WhyEnded().empty(); });
    if (!slow.WhyEnded().empty()) {
      break;
    }
  }
  EXPECT_THAT(slow.WhyEnded(), HasSubstr("begun and not finished"));
}

TEST_F(ConnectionTest, WhoNeverReadsIsEnded) {
  Conversation deaf(events_);
  const auto question = RequestBytes(Request::kGetFeatures);
  const timeval patience{.tv_sec = 0, .tv_usec = 100};
  PCHECK(setsockopt(deaf.peer->fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
  EXPECT_TRUE(WaitFor([&] {
    (void)!send(deaf.peer->fd(), question.data(), question.size(), MSG_NOSIGNAL);
    return !deaf.WhyEnded().empty();
  }));
  EXPECT_THAT(deaf.WhyEnded(), HasSubstr("does not read its replies"));
}

struct Nonsense {
  const char* name;
  std::vector<std::uint8_t> bytes;
  unsigned fds;
  const char* why;
};
class ConnectionNonsenseTest : public ConnectionTest,
                               public ::testing::WithParamInterface<Nonsense> {};

TEST_P(ConnectionNonsenseTest, EndsTheConnection) {
  Conversation conversation(events_);
  const UniqueFd event(eventfd(0, EFD_CLOEXEC));
  const std::vector<int> fds(GetParam().fds, event.get());
  ASSERT_TRUE(conversation.peer->SendBytes(GetParam().bytes, fds));
  EXPECT_THAT(conversation.WaitForEnd(), HasSubstr(GetParam().why));
  EXPECT_TRUE(conversation.peer->Closed());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ConnectionNonsenseTest,
    ::testing::Values(
        Nonsense{"WrongVersion", RawMessage(1, 0, 0, {}), 0, "not version 1"},
        Nonsense{"AReply", RawMessage(1, 5, 0, {}), 0, "a reply to nothing"},
        Nonsense{"TooLong", RawMessage(1, 1, kMaxPayload + 1, {}), 0, "payload of 513 bytes"},
        Nonsense{"LengthAllOnes", RawMessage(5, 1, 0xffffffff, {}), 8, "payload of 4294967295"},
        Nonsense{"WithOneTooMany", Kick(), 2, "2 descriptors instead of 1"},
        Nonsense{"WithNone", Kick(), 0, "0 descriptors instead of 1"},
        Nonsense{"WithMoreThanAnyMessageHas", RequestBytes(Request{99}), 9, "more than 8"},
        Nonsense{"WithAllThatFit", RequestBytes(Request{99}), 253, "more than 8"}),
    [](const auto& row) { return std::string(row.param.name); });

// Descriptors add up over the portions that a message comes in.
TEST_F(ConnectionTest, DescriptorsWithEveryByteAreTooMany) {
  Conversation conversation(events_);
  const UniqueFd event(eventfd(0, EFD_CLOEXEC));
  const std::array fds{event.get()};
  for (const std::uint8_t byte : RequestBytes(Request{99})) {
    conversation.peer->SendBytes({&byte, 1}, fds);  // fails once it is ended
  }
  EXPECT_THAT(conversation.WaitForEnd(), HasSubstr("more than 8"));
}

TEST_F(ConnectionTest, ADescriptorThatIsSlowToCloseHoldsNobodyUp) {
  Conversation conversation(events_);
  LingeringSocket lingering;
  const std::array fds{lingering.fd()};
  ASSERT_TRUE(conversation.peer->SendBytes(RequestBytes(Request{99}), fds));
  lingering.GiveAway();
  EXPECT_THAT(conversation.WaitForEnd(), HasSubstr("neither an eventfd nor shared memory"));
}

TEST_F(ConnectionTest, UnreadDescriptorsThatAreSlowToCloseHoldNobodyUp) {
  Conversation conversation(events_);
  LingeringSocket lingering;
  const std::array fds{lingering.fd()};
  events_.Run([&] {  // both are there before the first is looked at
    ASSERT_TRUE(conversation.peer->SendBytes(RawMessage(1, 0, 0, {})));
    ASSERT_TRUE(conversation.peer->SendBytes(RequestBytes(Request{99}), fds));
    lingering.GiveAway();
  });
  EXPECT_THAT(conversation.WaitForEnd(), HasSubstr("not version 1"));
}

TEST_F(ConnectionTest, APeerThatLeavesInTheMiddle) {
  Conversation conversation(events_);
  const UniqueFd event(eventfd(0, EFD_CLOEXEC));
  const std::array fds{event.get()};
  ASSERT_TRUE(conversation.peer->SendBytes(StartOfKick(15), fds));
  conversation.peer.reset();
  EXPECT_THAT(conversation.WaitForEnd(), HasSubstr("closed the connection"));
}

}  // namespace
}  // namespace pollux::vhost::vhost_user
