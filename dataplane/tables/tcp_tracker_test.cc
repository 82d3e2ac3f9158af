#include "dataplane/tables/tcp_tracker.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>
#include <vector>

namespace pollux::tables {
namespace {

using H = net::TcpHeader;

constexpr std::uint32_t kClientStart = 1000;  // initial sequence numbers
constexpr std::uint32_t kServerStart = 5000;
constexpr std::uint8_t kSynAck = H::kSyn | H::kAck;
constexpr std::uint8_t kFinAck = H::kFin | H::kAck;

enum class From : std::uint8_t { kClient, kServer };

// Numbers count from each end's initial one, as people write them.
struct Event {
  From from;
  std::uint8_t flags;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t length = 0;
  const char* outcome = "accepted";
  std::uint16_t window = 1000;
};

class Exchange {
 public:
  explicit Exchange(std::uint32_t client = kClientStart, std::uint32_t server = kServerStart)
      : initial_{client, server} {}
  void PickUp() { sides_[0] = sides_[1] = TcpSide::PickedUp(); }

  std::string Send(const Event& event) {
    const unsigned own = event.from == From::kClient ? 0 : 1;
    TcpSegment segment{.sequence = initial_[own] + event.sequence,
                       .payload_length = event.length,
                       .acknowledgement = initial_[1 - own] + event.acknowledgement,
                       .window = event.window,
                       .flags = event.flags,
                       .window_scale = {}};
    if (segment.Has(H::kSyn)) {
      segment.window_scale = scale_;
    }
    return std::string(Name(Track(segment, sides_[own], sides_[1 - own])));
  }
  void set_scale(std::uint8_t scale) { scale_ = scale; }
  [[nodiscard]] std::string state() const {
    return std::string(Name(StateOf(sides_[0], sides_[1])));
  }
  void Establish() {
    Send({From::kClient, H::kSyn});
    Send({From::kServer, kSynAck, 0, 1});
    Send({From::kClient, H::kAck, 1, 1});
    Send({From::kServer, H::kAck, 1, 1});
  }

 private:
  std::array<std::uint32_t, 2> initial_;
  std::array<TcpSide, 2> sides_;
  std::optional<std::uint8_t> scale_;
};

struct Row {
  const char* sentence;
  bool established;
  std::vector<Event> events;
  const char* state;
};

class TcpTracker : public ::testing::TestWithParam<Row> {};

TEST_P(TcpTracker, Row) {
  const Row& row = GetParam();
  Exchange exchange;
  if (row.established) {
    exchange.Establish();
  }
  for (std::size_t i = 0; i < row.events.size(); ++i) {
    EXPECT_EQ(exchange.Send(row.events[i]), row.events[i].outcome) << "event " << i;
  }
  EXPECT_EQ(exchange.state(), row.state);
}

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.sentence; }

constexpr From kC = From::kClient;
constexpr From kS = From::kServer;
constexpr std::uint32_t kSlack = kTcpReorderBytes;

INSTANTIATE_TEST_SUITE_P(
    Opening, TcpTracker,
    ::testing::ValuesIn(std::vector<Row>{
        {"a_syn", false, {{kC, H::kSyn}}, "syn_sent"},
        {"a_syn_and_its_answer", false, {{kC, H::kSyn}, {kS, kSynAck, 0, 1}}, "syn_received"},
        {"the_handshake",
         false,
         {{kC, H::kSyn}, {kS, kSynAck, 0, 1}, {kC, H::kAck, 1, 1}},
         "established"},
        {"a_repeated_syn",
         false,
         {{kC, H::kSyn}, {kC, H::kSyn}, {kS, kSynAck, 0, 1}},
         "syn_received"},
        {"an_answer_to_another_syn",
         false,
         {{kC, H::kSyn}, {kS, kSynAck, 0, 7, 0, "out_of_window"}},
         "syn_sent"},
        {"both_ends_at_once",
         false,
         {{kC, H::kSyn}, {kS, H::kSyn}, {kC, kSynAck, 0, 1}, {kS, kSynAck, 0, 1}},
         "established"},
        {"data_with_the_syn",
         false,
         {{kC, H::kSyn, 0, 0, 100}, {kS, kSynAck, 0, 101}},
         "syn_received"},
        {"refused", false, {{kC, H::kSyn}, {kS, H::kRst | H::kAck, 0, 1}}, "closed"},
        {"a_guessed_refusal",
         false,
         {{kC, H::kSyn}, {kS, H::kRst | H::kAck, 0, 9, 0, "out_of_window"}},
         "syn_sent"},
        {"flags_that_do_not_go_together",
         false,
         {{kC, H::kSyn | H::kFin, 0, 0, 0, "invalid_flags"},
          {kC, H::kSyn | H::kRst, 0, 0, 0, "invalid_flags"},
          {kC, 0, 0, 0, 0, "invalid_flags"},
          {kC, H::kFin, 0, 0, 0, "invalid_flags"}},
         "none"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Established, TcpTracker,
    ::testing::ValuesIn(std::vector<Row>{
        {"data_and_acknowledgements",
         true,
         {{kC, H::kAck, 1, 1, 500}, {kS, H::kAck, 1, 501}, {kS, H::kAck, 1, 501, 1000}},
         "established"},
        {"up_to_the_end_of_the_window", true, {{kC, H::kAck, 1, 1, 1000}}, "established"},
        {"a_probe_of_a_full_window", true, {{kC, H::kAck, 1, 1, 1001}}, "established"},
        {"beyond_the_window", true, {{kC, H::kAck, 1, 1, 1002, "out_of_window"}}, "established"},
        {"a_repetition", true, {{kC, H::kAck, 1, 1, 500}, {kC, H::kAck, 1, 1, 500}}, "established"},
        {"a_keep_alive", true, {{kC, H::kAck, 0, 1}}, "established"},
        {"from_long_ago",
         true,
         {{kC, H::kAck, 0U - 1999 - kSlack, 1, 0, "out_of_window"}},
         "established"},
        {"acknowledging_the_unsent",
         true,
         {{kC, H::kAck, 1, 2, 0, "out_of_window"}},
         "established"},
        {"a_reset_at_the_right_place", true, {{kS, H::kRst, 1}}, "closed"},
        {"a_reset_in_the_window_is_the_receivers_to_question",
         true,
         {{kS, H::kRst, 9}},
         "established"},
        {"a_reset_anywhere", true, {{kS, H::kRst, 500'000, 0, 0, "out_of_window"}}, "established"},
        {"a_syn_amid_it_is_challenged",
         true,
         {{kC, H::kSyn, 90'000}, {kS, H::kAck, 1, 1}},
         "established"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Closing, TcpTracker,
    ::testing::ValuesIn(std::vector<Row>{
        {"one_fin", true, {{kC, kFinAck, 1, 1}}, "fin_wait"},
        {"half_closed_and_still_sending",
         true,
         {{kC, kFinAck, 1, 1}, {kS, H::kAck, 1, 2}, {kS, H::kAck, 1, 2, 800}},
         "close_wait"},
        {"both_fins", true, {{kC, kFinAck, 1, 1}, {kS, kFinAck, 1, 2}}, "last_ack"},
        {"the_whole_end",
         true,
         {{kC, kFinAck, 1, 1}, {kS, kFinAck, 1, 2}, {kC, H::kAck, 2, 2}},
         "time_wait"},
        {"a_syn_after_the_end",
         true,
         {{kC, kFinAck, 1, 1},
          {kS, kFinAck, 1, 2},
          {kC, H::kAck, 2, 2},
          {kC, H::kSyn, 70'000, 0, 0, "reopen"}},
         "time_wait"},
        {"a_syn_after_a_reset",
         true,
         {{kS, H::kRst, 1}, {kS, H::kSyn, 70'000, 0, 0, "reopen"}},
         "closed"},
    }),
    NameOf);

TEST(TcpTrackerTest, AWindowScaleCountsOnlyIfBothOffered) {
  for (const bool both : {false, true}) {
    Exchange exchange;
    exchange.set_scale(7);
    exchange.Send({kC, H::kSyn});
    if (!both) {
      exchange = Exchange();
      exchange.Send({kC, H::kSyn});
      exchange.set_scale(7);
    }
    exchange.Send({kS, kSynAck, 0, 1});
    exchange.Send({kC, H::kAck, 1, 1});
    exchange.Send({kS, H::kAck, 1, 1});
    EXPECT_EQ(exchange.Send({kC, H::kAck, 1, 1, 1000 << 7}), both ? "accepted" : "out_of_window");
  }
}

TEST(TcpTrackerTest, APickedUpConnectionTeachesWhereItStands) {
  Exchange exchange;
  exchange.PickUp();
  EXPECT_EQ(exchange.Send({kC, H::kAck, 700'000, 900'000, 100}), "accepted");
  EXPECT_EQ(exchange.Send({kS, H::kAck, 900'000, 700'100, 100}), "accepted");
  EXPECT_EQ(exchange.Send({kC, H::kAck, 700'100, 900'100, 100}), "accepted");
  EXPECT_EQ(exchange.state(), "established");
  EXPECT_EQ(exchange.Send({kC, H::kAck, 100'700'000, 900'100, 100}), "out_of_window");
}

TEST(TcpTrackerTest, ReadsTheScaleAmongOtherOptionsAndStopsAtMalformedOnes) {
  using Bytes = std::vector<std::uint8_t>;
  EXPECT_EQ(ReadWindowScale(Bytes{2, 4, 5, 0xb4, 1, 3, 3, 7}), 7);
  EXPECT_EQ(ReadWindowScale(Bytes{3, 3, 15}), 14) << "RFC 7323 section 2.3";
  EXPECT_EQ(ReadWindowScale(Bytes{1, 1, 1, 0, 3, 3, 7}), std::nullopt) << "behind the end";
  EXPECT_EQ(ReadWindowScale(Bytes{2, 0, 3, 3, 7}), std::nullopt);
  EXPECT_EQ(ReadWindowScale(Bytes{2, 200}), std::nullopt);
  EXPECT_EQ(ReadWindowScale(Bytes{3}), std::nullopt);
  EXPECT_EQ(ReadWindowScale(Bytes{}), std::nullopt);
}

// Two well-behaved ends whose segments are lost, repeated and overtake each other a little.
TEST(TcpTrackerTest, NeverRejectsWhatTwoHonestEndsSend) {
  std::mt19937 random(7);
  for (unsigned round = 0; round < 50; ++round) {
    // Numbers that wrap soon.
    Exchange exchange(0xfffff000U + round, 0xffffe000U + round * 3);
    exchange.Establish();
    std::array<std::uint32_t, 2> sent{1, 1};      // next number of each end
    std::array<std::uint32_t, 2> received{1, 1};  // what each end has of the other...
    std::array<std::uint32_t, 2> said{1, 1};      // ... and has said so
    std::deque<Event> recent;
    for (unsigned i = 0; i < 400; ++i) {
      const unsigned own = random() % 2;
      const std::uint32_t room = said[1 - own] + 1000 - sent[own];
      const auto length = static_cast<std::uint32_t>(random() % (room + 1));
      const Event event{own == 0 ? kC : kS, H::kAck, sent[own], received[own], length};
      ASSERT_EQ(exchange.Send(event), "accepted") << "round " << round << ", event " << i;
      sent[own] += length;
      said[own] = received[own];
      if (random() % 4 != 0) {
        received[1 - own] = sent[own];  // it arrived
      }
      recent.push_back(event);
      if (recent.size() > 4) {
        recent.pop_front();
      }
      ASSERT_EQ(exchange.Send(recent[random() % recent.size()]), "accepted") << "a repetition";
    }
  }
}

TEST(TcpTrackerTest, RejectsWhatIsFarFromTheWindow) {
  std::mt19937 random(11);
  Exchange exchange;
  exchange.Establish();
  for (unsigned i = 0; i < 1000; ++i) {
    const std::uint32_t far = 200'000 + static_cast<std::uint32_t>(random()) % 0x7f000000U;
    const From from = random() % 2 == 0 ? kC : kS;
    ASSERT_EQ(exchange.Send({from, H::kAck, far, 1, 10}), "out_of_window") << far;
    ASSERT_EQ(exchange.Send({from, H::kAck, 1, far, 10}), "out_of_window") << far;
    ASSERT_EQ(exchange.Send({from, H::kRst, far}), "out_of_window") << far;
  }
  EXPECT_EQ(exchange.state(), "established");
}

}  // namespace
}  // namespace pollux::tables
