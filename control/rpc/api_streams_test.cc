#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "control/rpc/api.h"
#include "control/state/fake_switch.h"
#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

using testing::ElementsAre;

// A client that keeps what it gets and acts on each message, then leaves after the last action:
// nothing is waited for but the next message.
template <typename Message>
class Client {
 public:
  using Action = std::function<void()>;
  explicit Client(std::vector<Action> actions) : actions_(std::move(actions)) {}

  Stream<Message> stream() {
    return {.send =
                [this](const Message& message) {
                  EXPECT_LT(messages.size(), actions_.size()) << "sent to a client that is gone";
                  messages.push_back(message);
                  actions_[messages.size() - 1]();
                  return true;
                },
            .cancelled = [this] { return messages.size() == actions_.size(); }};
  }

  std::vector<Message> messages;

 private:
  const std::vector<Action> actions_;
};

class ApiStreamsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(controller_.Start({}).ok());
    Put({Tap("web"), Pod("web", "web", {"10.0.0.1"})});
  }
  void Put(const std::vector<Object>& objects) {
    ASSERT_TRUE(controller_.Apply({.put = objects}, false).ok());
  }
  void Remove(const std::vector<Key>& keys) {
    ASSERT_TRUE(controller_.Apply({.remove = keys}, false).ok());
  }

  FakeSwitch switch_;
  Controller controller_{switch_, std::nullopt};
  Api api_{controller_, "1.2.3", Api::Clock::now()};
};

TEST_F(ApiStreamsTest, WatchSendsEverythingThenChangesUntilCancelled) {
  Client<api::WatchReply> client({
      [&] { Put({OnLink("10.9.0.0/16", "web")}); },
      [&] { Put({Resized(Tap("web"))}); },
      [&] { Remove({RouteKey{Prefix("10.9.0.0/16")}}); },
      [] {},
  });
  EXPECT_TRUE(api_.Watch({}, client.stream()).ok());
  ASSERT_EQ(client.messages.size(), 4U);
  std::vector<std::string> words;
  for (const api::WatchReply& reply : client.messages) {
    words.push_back(std::to_string(reply.revision()));
    for (const api::Change& change : reply.items()) {
      words.back() += " " + change.action();
    }
  }
  EXPECT_THAT(words, ElementsAre("2 added added", "3 added", "4 changed", "5 removed"));
}

TEST_F(ApiStreamsTest, WatchOfAnEmptySwitchSaysSoAtOnce) {
  Remove({EndpointKey{"web"}, PortKey{"web"}});
  Client<api::WatchReply> client({[] {}});
  EXPECT_TRUE(api_.Watch({}, client.stream()).ok());
  EXPECT_EQ(client.messages[0].revision(), 3U);
  EXPECT_EQ(client.messages[0].items_size(), 0);
}

TEST_F(ApiStreamsTest, WatchEndsWhenItsClientIsGone) {
  int sent = 0;
  const Stream<api::WatchReply> gone{.send =
                                         [&](const api::WatchReply&) {
                                           ++sent;
                                           return false;
                                         },
                                     .cancelled = [] { return false; }};
  EXPECT_TRUE(api_.Watch({}, gone).ok());
  EXPECT_EQ(sent, 1);
}

TEST_F(ApiStreamsTest, WatchTellsChangesOnAFailedPort) {
  switch_.Refuse("add web", absl::UnavailableError("gone"));
  EXPECT_FALSE(controller_.Apply({.put = {Resized(Tap("web"))}}, false).ok());
  Client<api::WatchReply> client({
      [&] { Put({OnLink("10.9.0.0/16", "web")}); },
      [] {},
  });
  EXPECT_TRUE(api_.Watch({}, client.stream()).ok());
  EXPECT_EQ(client.messages[1].items_size(), 1);
}

TEST_F(ApiStreamsTest, StatsOnceHasTotalsAndNoRates) {
  PortTotals totals;
  totals.rx_packets = 7;
  switch_.SetTotals("web", totals);
  Client<api::StatsReply> client({[] {}});
  EXPECT_TRUE(api_.Stats({}, client.stream()).ok());
  ASSERT_EQ(client.messages.size(), 1U);
  EXPECT_EQ(client.messages[0].items(0).rx_packets(), 7U);
  EXPECT_EQ(client.messages[0].items(0).rx_packets_per_second(), 0);
  EXPECT_EQ(client.messages[0].workers_size(), 2);
}

TEST_F(ApiStreamsTest, StatsPeriodicallyHasRatesFromTheFirstOn) {
  api::StatsRequest request;
  request.set_interval_ms(100);
  request.set_port("web");
  std::vector<api::StatsReply> replies;
  const Stream<api::StatsReply> stream{.send =
                                           [&](const api::StatsReply& reply) {
                                             replies.push_back(reply);
                                             return replies.size() < 2;
                                           },
                                       .cancelled =
                                           [&] {
                                             PortTotals totals;
                                             totals.rx_packets = 1000 * (replies.size() + 1);
                                             switch_.SetTotals("web", totals);
                                             return false;
                                           }};
  EXPECT_TRUE(api_.Stats(request, stream).ok());
  ASSERT_EQ(replies.size(), 2U);
  for (const api::StatsReply& reply : replies) {
    EXPECT_GT(reply.items(0).rx_packets_per_second(), 0);
    EXPECT_LE(reply.items(0).rx_packets_per_second(), 10000) << "1000 in at least 100 ms";
  }
}

TEST_F(ApiStreamsTest, StatsEndsWhenItsPortIsRemoved) {
  api::StatsRequest request;
  request.set_interval_ms(100);
  request.set_port("web");
  Client<api::StatsReply> client({[&] { Remove({EndpointKey{"web"}, PortKey{"web"}}); }, [] {}});
  EXPECT_EQ(api_.Stats(request, client.stream()), absl::NotFoundError("there is no port \"web\""));
  EXPECT_EQ(client.messages.size(), 1U);
}

TEST_F(ApiStreamsTest, IntervalBounds) {
  Client<api::StatsReply> stats({[] {}});
  Client<api::DropsReply> drops({[] {}});
  for (const std::uint32_t interval : {1U, 99U}) {
    const absl::Status error = absl::InvalidArgumentError(
        "interval_ms: " + std::to_string(interval) + " is neither 0 nor at least 100");
    api::StatsRequest stats_request;
    stats_request.set_interval_ms(interval);
    EXPECT_EQ(api_.Stats(stats_request, stats.stream()), error);
    api::DropsRequest drops_request;
    drops_request.set_interval_ms(interval);
    EXPECT_EQ(api_.Drops(drops_request, drops.stream()), error);
  }
  EXPECT_EQ(stats.messages.size(), 0U);
  EXPECT_EQ(drops.messages.size(), 0U);
}

TEST_F(ApiStreamsTest, ALongIntervalIsCancelledSoon) {
  api::StatsRequest request;
  request.set_interval_ms(std::numeric_limits<std::uint32_t>::max());
  int asked = 0;
  const Stream<api::StatsReply> stream{.send = [](const api::StatsReply&) { return true; },
                                       .cancelled = [&] { return ++asked > 2; }};
  EXPECT_TRUE(api_.Stats(request, stream).ok());
}

TEST_F(ApiStreamsTest, UnknownPorts) {
  api::StatsRequest stats;
  stats.set_port("db");
  EXPECT_EQ(api_.Stats(stats, {}), absl::NotFoundError("there is no port \"db\""));
  api::DropsRequest drops;
  drops.set_port("db");
  EXPECT_EQ(api_.Drops(drops, {}), absl::NotFoundError("there is no port \"db\""));
}

TEST_F(ApiStreamsTest, DropsThatHappenedOrAll) {
  PortTotals totals;
  totals.drops[static_cast<unsigned>(core::DropReason::kNoRoute)] = 3;
  switch_.SetTotals("web", totals);
  Client<api::DropsReply> some({[] {}});
  EXPECT_TRUE(api_.Drops({}, some.stream()).ok());
  ASSERT_EQ(some.messages[0].items_size(), 1);
  EXPECT_EQ(some.messages[0].items(0).port(), "web");
  EXPECT_EQ(some.messages[0].items(0).reason(), core::Describe(core::DropReason::kNoRoute).name);
  EXPECT_EQ(some.messages[0].items(0).packets(), 3U);
  EXPECT_EQ(some.messages[0].revision(), 2U);
  api::DropsRequest request;
  request.set_all(true);
  Client<api::DropsReply> all({[] {}});
  EXPECT_TRUE(api_.Drops(request, all.stream()).ok());
  EXPECT_EQ(all.messages[0].items_size(), static_cast<int>(core::kDropReasonCount) - 1)
      << "every reason but none";
}

}  // namespace
}  // namespace pollux::control
