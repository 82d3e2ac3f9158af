#include "dataplane/tables/sctp_tracker.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "dataplane/tables/connection_timeouts.h"
#include "dataplane/tables/shared_side.h"

namespace pollux::tables {
namespace {

using Chunk = net::SctpChunk;

enum class From : std::uint8_t { kClient, kServer };
constexpr From kC = From::kClient;
constexpr From kS = From::kServer;

// The tags that both ends chose, first and after they lost their memory.
constexpr std::uint32_t kClientTag = 0xc1;
constexpr std::uint32_t kServerTag = 0x51;
constexpr std::uint32_t kNewClientTag = 0xc2;
constexpr std::uint32_t kNewServerTag = 0x52;
constexpr std::uint32_t kGuess = 0x99;

struct Event {
  From from;
  std::vector<Chunk> chunks;
  std::uint32_t tag = 0;       // that the packet bears
  std::uint32_t initiate = 0;  // of INIT and INIT ACK
  const char* outcome = "accepted";
  bool reflected = false;
};

using Events = std::vector<Event>;

Events operator+(Events a, const Events& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Exchange {
 public:
  std::string Send(const Event& event) {
    net::SctpPacket packet{.verification_tag = event.tag,
                           .initiate_tag = event.initiate,
                           .first = event.chunks.front(),
                           .reflected = event.reflected};
    for (const Chunk chunk : event.chunks) {
      packet.chunks |= net::SctpPacket::Bit(chunk);
    }
    const unsigned own = event.from == kC ? 0 : 1;
    // As workers keep them.
    auto side = shared_[own].Load<SctpSide>();
    const SctpOutcome outcome = Track(packet, side, shared_[1 - own].Load<SctpSide>());
    shared_[own].Store(side);
    return std::string(Name(outcome));
  }
  void PickUp() {
    shared_[0].Store(SctpSide::PickedUp());
    shared_[1].Store(SctpSide::PickedUp());
  }
  [[nodiscard]] SctpSide side(unsigned i) const { return shared_[i].Load<SctpSide>(); }
  [[nodiscard]] SctpState state() const { return StateOf(side(0), side(1)); }

 private:
  std::array<SharedSide, 2> shared_;
};

const Event kInit{kC, {Chunk::kInit}, 0, kClientTag};
const Event kInitAck{kS, {Chunk::kInitAck}, kClientTag, kServerTag};
const Event kCookieEcho{kC, {Chunk::kCookieEcho, Chunk::kData}, kServerTag};
const Event kCookieAck{kS, {Chunk::kCookieAck, Chunk::kSack}, kClientTag};
const Events kHandshake{kInit, kInitAck, kCookieEcho, kCookieAck};
// Data in both directions, and nobody else's.
Events Talk(std::uint32_t client, std::uint32_t server) {
  return {{kC, {Chunk::kData}, server},
          {kS, {Chunk::kSack, Chunk::kData}, client},
          {kC, {Chunk::kData}, kGuess, 0, "wrong_tag"},
          {kS, {Chunk::kData}, kGuess, 0, "wrong_tag"},
          {kC, {Chunk::kData}, 0, 0, "wrong_tag"}};
}
const Events kOldTalk = Talk(kClientTag, kServerTag);

struct Row {
  const char* sentence;
  Events events;
  const char* state;
};

class SctpTracker : public ::testing::TestWithParam<Row> {};

void Play(Exchange& exchange, const Row& row) {
  for (std::size_t i = 0; i < row.events.size(); ++i) {
    EXPECT_EQ(exchange.Send(row.events[i]), row.events[i].outcome) << "event " << i;
  }
  EXPECT_EQ(Name(exchange.state()), row.state);
}

TEST_P(SctpTracker, Row) {
  Exchange exchange;
  Play(exchange, GetParam());
}

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.sentence; }

INSTANTIATE_TEST_SUITE_P(
    Opening, SctpTracker,
    ::testing::ValuesIn(std::vector<Row>{
        {"nothing", {}, "none"},
        {"an_init", {kInit}, "cookie_wait"},
        {"an_init_and_its_answer", {kInit, kInitAck}, "cookie_wait"},
        {"a_cookie", {kInit, kInitAck, kCookieEcho}, "cookie_echoed"},
        {"the_handshake", kHandshake, "established"},
        {"talking", kHandshake + kOldTalk, "established"},
        {"an_init_with_a_tag", {{kC, {Chunk::kInit}, kClientTag, kClientTag, "wrong_tag"}}, "none"},
        {"an_answer_to_another_init",
         {kInit, {kS, {Chunk::kInitAck}, kGuess, kServerTag, "wrong_tag"}, kInitAck},
         "cookie_wait"},
        {"a_cookie_with_another_tag",
         {kInit, kInitAck, {kC, {Chunk::kCookieEcho}, kGuess, 0, "wrong_tag"}},
         "cookie_wait"},
        {"a_cookie_acknowledged_with_another_tag",
         {kInit, kInitAck, kCookieEcho, {kS, {Chunk::kCookieAck}, kGuess, 0, "wrong_tag"}},
         "cookie_echoed"},
        {"an_answer_with_no_tag",
         {kInit, {kS, {Chunk::kInitAck}, 0, kServerTag, "wrong_tag"}},
         "cookie_wait"},
        {"a_cookie_with_no_tag",
         {kInit, kInitAck, {kC, {Chunk::kCookieEcho}, 0, 0, "wrong_tag"}},
         "cookie_wait"},
        {"an_answer_to_no_heartbeat",
         {kInit, {kS, {Chunk::kHeartbeatAck}, kClientTag}},
         "cookie_wait"},
        {"an_acknowledgement_of_no_cookie",
         {kInit, kInitAck, {kS, {Chunk::kCookieAck}, kClientTag}},
         "cookie_wait"},
        {"everything_repeated",
         {kInit, kInit, kInitAck, kInitAck, kCookieEcho, kCookieEcho, kCookieAck, kCookieAck},
         "established"},
        {"both_ends_at_once",
         {kInit,
          {kS, {Chunk::kInit}, 0, kServerTag},
          {kC, {Chunk::kInitAck}, kServerTag, kClientTag},
          kInitAck,
          kCookieEcho,
          {kS, {Chunk::kCookieEcho}, kClientTag},
          kCookieAck,
          {kC, {Chunk::kCookieAck}, kServerTag}},
         "established"},
        {"refused", {kInit, {kS, {Chunk::kAbort}, kClientTag}}, "closed"},
        {"a_guessed_refusal",
         {kInit, {kS, {Chunk::kAbort}, kGuess, 0, "wrong_tag"}},
         "cookie_wait"},
        {"a_guessed_reflected_refusal",
         {kInit, {kS, {Chunk::kAbort}, kClientTag, 0, "not_opening", true}},
         "cookie_wait"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    NotOpening, SctpTracker,
    ::testing::ValuesIn(std::vector<Row>{
        {"data", {{kC, {Chunk::kData}, kServerTag, 0, "not_opening"}}, "none"},
        {"an_init_ack", {{kC, {Chunk::kInitAck}, kServerTag, kClientTag, "not_opening"}}, "none"},
        {"a_cookie_echo", {{kC, {Chunk::kCookieEcho}, kServerTag, 0, "not_opening"}}, "none"},
        {"a_cookie_before_its_tag",
         {kInit, {kC, {Chunk::kCookieEcho}, kServerTag, 0, "not_opening"}},
         "cookie_wait"},
        {"data_before_the_answer",
         {kInit, {kC, {Chunk::kData}, kServerTag, 0, "not_opening"}},
         "cookie_wait"},
        {"an_abort", {{kC, {Chunk::kAbort}, kServerTag, 0, "not_opening"}}, "none"},
        {"a_reflected_abort", {{kC, {Chunk::kAbort}, kServerTag, 0, "not_opening", true}}, "none"},
        {"a_heartbeat_with_no_tag", {{kC, {Chunk::kHeartbeat}, 0, 0, "not_opening"}}, "none"},
        {"an_answer_to_no_heartbeat",
         {{kC, {Chunk::kHeartbeatAck}, kServerTag, 0, "not_opening"}},
         "none"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Closing, SctpTracker,
    ::testing::ValuesIn(std::vector<Row>{
        {"a_shutdown", kHandshake + Events{{kC, {Chunk::kShutdown}, kServerTag}}, "shutdown_sent"},
        {"a_shutdown_with_a_sack",
         kHandshake + Events{{kC, {Chunk::kSack, Chunk::kShutdown}, kServerTag}}, "shutdown_sent"},
        {"still_sending", kHandshake + Events{{kC, {Chunk::kShutdown}, kServerTag}} + kOldTalk,
         "shutdown_sent"},
        {"acknowledged",
         kHandshake +
             Events{{kC, {Chunk::kShutdown}, kServerTag}, {kS, {Chunk::kShutdownAck}, kClientTag}},
         "shutdown_ack_sent"},
        {"complete",
         kHandshake + Events{{kC, {Chunk::kShutdown}, kServerTag},
                             {kS, {Chunk::kShutdownAck}, kClientTag},
                             {kC, {Chunk::kShutdownComplete}, kServerTag}},
         "closed"},
        {"complete_by_one_that_forgot",
         kHandshake + Events{{kC, {Chunk::kShutdown}, kServerTag},
                             {kS, {Chunk::kShutdownAck}, kClientTag},
                             {kC, {Chunk::kShutdownComplete}, kClientTag, 0, "accepted", true}},
         "closed"},
        {"complete_with_the_other_ends_tag",
         kHandshake + Events{{kC, {Chunk::kShutdown}, kServerTag},
                             {kS, {Chunk::kShutdownAck}, kClientTag},
                             {kC, {Chunk::kShutdownComplete}, kClientTag, 0, "wrong_tag"},
                             {kC, {Chunk::kShutdownComplete}, kServerTag, 0, "wrong_tag", true}},
         "shutdown_ack_sent"},
        {"complete_out_of_the_blue",
         kHandshake + Events{{kC, {Chunk::kShutdownComplete}, kServerTag}}, "established"},
        {"guessed",
         kHandshake + Events{{kC, {Chunk::kShutdown}, kGuess, 0, "wrong_tag"},
                             {kC, {Chunk::kShutdownAck}, kGuess, 0, "wrong_tag"}},
         "established"},
        {"aborted", kHandshake + Events{{kS, {Chunk::kAbort}, kClientTag}}, "closed"},
        {"aborted_behind_an_error",
         kHandshake + Events{{kS, {Chunk::kError, Chunk::kAbort}, kClientTag}}, "closed"},
        {"aborted_by_one_that_forgot",
         kHandshake + Events{{kS, {Chunk::kAbort}, kServerTag, 0, "accepted", true}}, "closed"},
        {"aborted_with_the_other_ends_tag",
         kHandshake + Events{{kS, {Chunk::kAbort}, kServerTag, 0, "wrong_tag"},
                             {kS, {Chunk::kAbort}, kClientTag, 0, "wrong_tag", true}},
         "established"},
        {"the_t_bit_means_nothing_elsewhere",
         kHandshake + Events{{kS, {Chunk::kData}, kServerTag, 0, "wrong_tag", true},
                             {kS, {Chunk::kData}, kClientTag, 0, "accepted", true}},
         "established"},
        {"an_init_after_an_abort",
         kHandshake + Events{{kS, {Chunk::kAbort}, kClientTag},
                             {kC, {Chunk::kInit}, 0, kNewClientTag, "reopen"}},
         "closed"},
        {"an_init_after_the_end",
         kHandshake + Events{{kS, {Chunk::kShutdown}, kClientTag},
                             {kC, {Chunk::kShutdownAck}, kServerTag},
                             {kS, {Chunk::kShutdownComplete}, kClientTag},
                             {kC, {Chunk::kInit}, 0, kNewClientTag, "reopen"}},
         "closed"},
    }),
    NameOf);

const Event kNewInit{kC, {Chunk::kInit}, 0, kNewClientTag};
const Event kNewInitAck{kS, {Chunk::kInitAck}, kNewClientTag, kNewServerTag};
const Event kNewCookieEcho{kC, {Chunk::kCookieEcho}, kNewServerTag};
const Event kNewCookieAck{kS, {Chunk::kCookieAck}, kNewClientTag};
const Events kNewHandshake{kNewInit, kNewInitAck, kNewCookieEcho, kNewCookieAck};
const Events kNewTalk =
    Talk(kNewClientTag, kNewServerTag) + Events{{kC, {Chunk::kData}, kServerTag, 0, "wrong_tag"},
                                                {kS, {Chunk::kData}, kClientTag, 0, "wrong_tag"}};

INSTANTIATE_TEST_SUITE_P(
    Restart, SctpTracker,
    ::testing::ValuesIn(std::vector<Row>{
        {"by_the_client", kHandshake + kNewHandshake + kNewTalk, "established"},
        {"an_init_alone_changes_nothing", kHandshake + Events{kNewInit} + kOldTalk, "established"},
        {"nor_does_its_answer", kHandshake + Events{kNewInit, kNewInitAck} + kOldTalk,
         "established"},
        {"nor_a_guessed_cookie",
         kHandshake +
             Events{kNewInit, kNewInitAck, {kC, {Chunk::kCookieEcho}, kGuess, 0, "wrong_tag"}} +
             kOldTalk,
         "established"},
        {"nor_the_old_cookie_again",
         kHandshake + Events{kNewInit, kNewInitAck, kCookieEcho, kCookieAck} + kOldTalk,
         "established"},
        {"an_answer_to_neither_init",
         kHandshake + Events{kNewInit, {kS, {Chunk::kInitAck}, kGuess, kNewServerTag, "wrong_tag"}},
         "established"},
        {"the_servers_tag_changes_with_its_acknowledgement",
         kHandshake + Events{kNewInit,
                             kNewInitAck,
                             kNewCookieEcho,
                             {kC, {Chunk::kData}, kServerTag},
                             {kC, {Chunk::kData}, kNewServerTag, 0, "wrong_tag"},
                             kNewCookieAck,
                             {kC, {Chunk::kData}, kNewServerTag}},
         "established"},
        {"the_cookie_repeated",
         kHandshake + kNewHandshake + Events{kNewCookieEcho, kNewCookieAck} + kNewTalk,
         "established"},
        {"by_the_server",
         kHandshake +
             Events{{kS, {Chunk::kInit}, 0, kNewServerTag},
                    {kC, {Chunk::kInitAck}, kNewServerTag, kNewClientTag},
                    {kS, {Chunk::kCookieEcho}, kNewClientTag},
                    {kC, {Chunk::kCookieAck}, kNewServerTag}} +
             kNewTalk,
         "established"},
        {"refused", kHandshake + Events{kNewInit, {kS, {Chunk::kAbort}, kNewClientTag}} + kOldTalk,
         "established"},
        {"refused_with_a_guess",
         kHandshake + Events{kNewInit, {kS, {Chunk::kAbort}, kGuess, 0, "wrong_tag"}},
         "established"},
        {"twice",
         kHandshake + kNewHandshake +
             Events{{kC, {Chunk::kInit}, 0, 0xc3},
                    {kS, {Chunk::kInitAck}, 0xc3, 0x53},
                    {kC, {Chunk::kCookieEcho}, 0x53},
                    {kS, {Chunk::kCookieAck}, 0xc3}} +
             Talk(0xc3, 0x53),
         "established"},
        {"shut_down_and_its_acknowledgement_repeated",
         kHandshake + kNewHandshake +
             Events{{kS, {Chunk::kShutdown}, kNewClientTag}, kNewCookieAck},
         "shutdown_sent"},
        {"amid_a_shutdown",
         kHandshake + Events{{kC, {Chunk::kShutdown}, kServerTag}} + kNewHandshake + kNewTalk,
         "established"},
        {"of_a_client_whose_last_packet_was_lost",
         kHandshake + Events{{kC, {Chunk::kShutdown}, kServerTag},
                             {kS, {Chunk::kShutdownAck}, kClientTag},
                             kNewInit,
                             {kS, {Chunk::kShutdownAck}, kClientTag},
                             {kC, {Chunk::kShutdownComplete}, kClientTag, 0, "accepted", true},
                             {kC, {Chunk::kInit}, 0, kNewClientTag, "reopen"}},
         "closed"},
    }),
    NameOf);

// A server remembers nothing of an INIT that it answered.
INSTANTIATE_TEST_SUITE_P(SecondAttempt, SctpTracker,
                         ::testing::ValuesIn(std::vector<Row>{
                             {"the_first_was_lost",
                              Events{kInit,
                                     kNewInit,
                                     {kS, {Chunk::kInitAck}, kNewClientTag, kServerTag},
                                     kCookieEcho,
                                     kNewCookieAck} +
                                  Talk(kNewClientTag, kServerTag),
                              "established"},
                             {"the_first_answer_was_lost",
                              Events{kInit, kInitAck} + kNewHandshake + kNewTalk, "established"},
                             {"the_answer_that_counts_is_the_first",
                              Events{kInit,
                                     kInitAck,
                                     kInit,
                                     {kS, {Chunk::kInitAck}, kClientTag, kNewServerTag},
                                     kCookieEcho,
                                     kCookieAck} +
                                  kOldTalk,
                              "established"},
                             {"the_answer_that_counts_is_the_second",
                              Events{kInit,
                                     kInitAck,
                                     kInit,
                                     {kS, {Chunk::kInitAck}, kClientTag, kNewServerTag},
                                     kNewCookieEcho,
                                     kCookieAck} +
                                  Talk(kClientTag, kNewServerTag),
                              "established"},
                             {"a_strangers_init_amid_the_handshake",
                              Events{kInit,
                                     kInitAck,
                                     {kC, {Chunk::kInit}, 0, kGuess},
                                     {kS, {Chunk::kInitAck}, kGuess, kNewServerTag},
                                     kCookieEcho,
                                     kCookieAck,
                                     {kC, {Chunk::kData}, kServerTag},
                                     {kS, {Chunk::kData}, kClientTag}},
                              "established"},
                             {"the_answer_that_counts_has_the_first_ones_tag",
                              Events{kInit,
                                     kInitAck,
                                     {kC, {Chunk::kInit}, 0, kGuess},
                                     {kS, {Chunk::kInitAck}, kGuess, kNewServerTag},
                                     kNewInit,
                                     {kS, {Chunk::kInitAck}, kNewClientTag, kServerTag},
                                     kCookieEcho,
                                     kNewCookieAck} +
                                  Talk(kNewClientTag, kServerTag),
                              "established"},
                             {"a_strangers_init_and_the_own_again",
                              Events{kInit,
                                     {kC, {Chunk::kInit}, 0, kGuess},
                                     {kS, {Chunk::kInitAck}, kGuess, kNewServerTag},
                                     kInit,
                                     kInitAck,
                                     kCookieEcho,
                                     kCookieAck} +
                                  kOldTalk,
                              "established"},
                         }),
                         NameOf);

const Event kHeartbeat{kC, {Chunk::kHeartbeat}, kServerTag};
const Event kHeartbeatAck{kS, {Chunk::kHeartbeatAck}, kClientTag};

INSTANTIATE_TEST_SUITE_P(
    OtherPaths, SctpTracker,
    ::testing::ValuesIn(std::vector<Row>{
        {"a_heartbeat", {kHeartbeat, kHeartbeat}, "heartbeat_sent"},
        {"answered", Events{kHeartbeat, kHeartbeatAck} + kOldTalk, "established"},
        {"by_both_ends",
         Events{kHeartbeat,
                {kS, {Chunk::kHeartbeat}, kClientTag},
                {kC, {Chunk::kHeartbeatAck}, kServerTag},
                kHeartbeatAck} +
             kOldTalk,
         "established"},
        {"with_another_tag",
         {kHeartbeat, {kC, {Chunk::kHeartbeat}, kGuess, 0, "wrong_tag"}},
         "heartbeat_sent"},
        {"answered_by_data",
         {kHeartbeat, {kS, {Chunk::kData}, kClientTag, 0, "not_opening"}},
         "heartbeat_sent"},
        {"of_nothing",
         {kHeartbeat, {kS, {Chunk::kAbort}, kServerTag, 0, "accepted", true}},
         "closed"},
        {"of_nothing_and_guessed",
         {kHeartbeat, {kS, {Chunk::kAbort}, kGuess, 0, "wrong_tag", true}},
         "heartbeat_sent"},
        {"shut_down",
         {kHeartbeat, kHeartbeatAck, {kC, {Chunk::kShutdown}, kServerTag}},
         "shutdown_sent"},
        {"begun_anew", Events{kHeartbeat, kHeartbeatAck} + kNewHandshake + kNewTalk, "established"},
        {"begun_after_all", Events{kHeartbeat} + kHandshake + kOldTalk, "established"},
        {"a_heartbeat_in_an_association_is_nothing_special",
         kHandshake + Events{kHeartbeat, {kC, {Chunk::kShutdown}, kServerTag}, kHeartbeatAck},
         "shutdown_sent"},
    }),
    NameOf);

class PickedUpSctp : public ::testing::TestWithParam<Row> {};

TEST_P(PickedUpSctp, Row) {
  Exchange exchange;
  exchange.PickUp();
  Play(exchange, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    PickedUp, PickedUpSctp,
    ::testing::ValuesIn(std::vector<Row>{
        {"each_directions_first_packet_teaches", kOldTalk, "established"},
        {"not_without_a_tag", {{kC, {Chunk::kData}, 0, 0, "not_opening"}}, "established"},
        {"a_reflected_abort_teaches_nothing",
         Events{{kS, {Chunk::kAbort}, kServerTag, 0, "not_opening", true}} + kOldTalk,
         "established"},
        {"amid_its_handshake", Events{kInitAck, kCookieEcho, kCookieAck} + kOldTalk, "established"},
        {"with_its_cookie", Events{kCookieEcho, kCookieAck} + kOldTalk, "established"},
        {"closing", {{kC, {Chunk::kShutdown}, kServerTag}}, "shutdown_sent"},
        {"aborted",
         {{kC, {Chunk::kData}, kServerTag}, {kS, {Chunk::kAbort}, kClientTag}},
         "closed"},
        {"begun_anew", kOldTalk + kNewHandshake + kNewTalk, "established"},
        {"an_init_alone_changes_nothing", kOldTalk + Events{kNewInit} + kOldTalk, "established"},
        {"nor_does_its_answer", kOldTalk + Events{kNewInit, kNewInitAck} + kOldTalk, "established"},
    }),
    NameOf);

TEST(SctpTrackerTest, NoGuessTeachesAnything) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  Exchange exchange;
  for (const Event& event : kHandshake) {
    exchange.Send(event);
  }
  const SctpSide client = exchange.side(0);
  const SctpSide server = exchange.side(1);
  for (unsigned i = 0; i < 20'000; ++i) {
    const auto chunk = static_cast<Chunk>(random() % 16);
    const Event event{random() % 2 == 0 ? kC : kS,
                      {chunk},
                      static_cast<std::uint32_t>(random()) | 0x100,
                      chunk == Chunk::kInit || chunk == Chunk::kInitAck ? kGuess : 0,
                      "wrong_tag",
                      random() % 2 == 0};
    ASSERT_NE(exchange.Send(event), "accepted") << "chunk " << static_cast<unsigned>(chunk);
    ASSERT_TRUE(exchange.side(0) == client && exchange.side(1) == server);
  }
}

TEST(SctpTrackerTest, OnlyInitsAndHeartbeatsOpen) {
  for (unsigned type = 0; type < 256; ++type) {
    const auto chunk = static_cast<Chunk>(type);
    EXPECT_EQ(Opens({.first = chunk}), chunk == Chunk::kInit || chunk == Chunk::kHeartbeat) << type;
  }
}

// As Linux's nf_conntrack_sctp has them.
TEST(SctpTrackerTest, TimeoutsByState) {
  struct {
    SctpState state;
    std::uint32_t seconds;
  } const rows[] = {{SctpState::kHeartbeatSent, 30}, {SctpState::kCookieWait, 3},
                    {SctpState::kCookieEchoed, 3},   {SctpState::kEstablished, 210},
                    {SctpState::kShutdownSent, 3},   {SctpState::kShutdownAckSent, 3},
                    {SctpState::kClosed, 10},        {SctpState::kNone, 10}};
  for (const auto& row : rows) {
    EXPECT_EQ(SecondsOf(row.state, ConnectionTimeouts{}), row.seconds) << Name(row.state);
  }
}

}  // namespace
}  // namespace pollux::tables
