#include "dataplane/tables/fragment_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <vector>

namespace pollux::tables {
namespace {

using Result = FragmentTable::Result;
using Key = FragmentTable::Key;

net::IpAddress Ip(const char* text) { return net::IpAddress::Parse(text).value(); }
constexpr net::Nanos At(std::uint64_t milliseconds) { return net::Nanos(milliseconds * 1'000'000); }

constexpr FragmentPlace kFirst{0, 8, true};
constexpr FragmentPlace kMiddle{8, 16, true};
constexpr FragmentPlace kLast{16, 20, false};
constexpr FragmentTable::Options kRoomy{.capacity = 1024, .quota_per_port = 1024};

const Key kKey{.source = Ip("10.0.0.1"),
               .destination = Ip("10.0.0.2"),
               .identification = 7,
               .protocol = net::IpProtocol::kUdp,
               .zone = net::Zone(1),
               .ingress = net::PortId(3)};
const FragmentTable::Owner kOwner{.original = {.source = Ip("10.0.0.2"),
                                               .destination = Ip("10.0.0.1"),
                                               .source_port = net::Be16(5000),
                                               .destination_port = net::Be16(53),
                                               .protocol = net::IpProtocol::kUdp,
                                               .zone = net::Zone(1)},
                                  .reply = true};

Key Numbered(std::uint32_t identification, net::PortId ingress = kKey.ingress) {
  Key key = kKey;
  key.identification = identification;
  key.ingress = ingress;
  return key;
}

enum class Call : std::uint8_t { kAddFirst, kAddLater };

struct Event {
  Call call;
  FragmentPlace place;
  const char* result;
  std::uint64_t at = 1000;  // milliseconds
};

struct Row {
  const char* sentence;
  std::vector<Event> events;
  std::uint32_t size;  // datagrams at the end
};

class OneDatagram : public ::testing::TestWithParam<Row> {};

TEST_P(OneDatagram, Row) {
  FragmentTable table(kRoomy);
  for (std::size_t i = 0; i < GetParam().events.size(); ++i) {
    const Event& event = GetParam().events[i];
    const Result result = event.call == Call::kAddFirst
                              ? table.AddFirst(kKey, event.place, kOwner, At(event.at))
                              : table.AddLater(kKey, event.place, At(event.at)).result;
    EXPECT_EQ(Name(result), event.result) << "event " << i;
  }
  EXPECT_EQ(table.size(), GetParam().size);
  EXPECT_EQ(table.size_of(kKey.ingress), GetParam().size);
}

constexpr Call kF = Call::kAddFirst;
constexpr Call kL = Call::kAddLater;
std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.sentence; }

INSTANTIATE_TEST_SUITE_P(
    Order, OneDatagram,
    ::testing::ValuesIn(std::vector<Row>{
        {"a_later_one_alone", {{kL, kMiddle, "unknown"}}, 0},
        {"complete_and_forgotten",
         {{kF, kFirst, "known"}, {kL, kMiddle, "known"}, {kL, kLast, "known"}},
         0},
        {"the_last_overtakes",
         {{kF, kFirst, "known"}, {kL, kLast, "known"}, {kL, kMiddle, "known"}},
         0},
        {"waiting_for_the_last", {{kF, kFirst, "known"}, {kL, kMiddle, "known"}}, 1},
        {"after_the_end",
         {{kF, kFirst, "known"},
          {kL, kMiddle, "known"},
          {kL, kLast, "known"},
          {kL, kMiddle, "unknown"}},
         0},
        {"the_identification_again_after_the_end",
         {{kF, kFirst, "known"},
          {kL, {8, 16, false}, "known"},
          {kF, kFirst, "known"},
          {kL, {8, 16, false}, "known"}},
         0},
        {"overtaking_the_first",
         {{kL, kMiddle, "unknown"}, {kF, kFirst, "known"}, {kL, kMiddle, "known"}},
         1},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Refused, OneDatagram,
    ::testing::ValuesIn(std::vector<Row>{
        {"a_duplicate_does_no_harm",
         {{kF, kFirst, "known"},
          {kF, kFirst, "duplicate"},
          {kL, kMiddle, "known"},
          {kL, kMiddle, "duplicate"},
          {kL, kLast, "known"}},
         0},
        {"an_overlap_poisons",
         {{kF, kFirst, "known"}, {kL, {0, 16, true}, "overlap"}, {kL, kMiddle, "poisoned"}},
         1},
        {"a_first_that_overlaps_poisons",
         {{kF, kFirst, "known"}, {kF, {0, 16, true}, "overlap"}, {kF, kFirst, "poisoned"}},
         1},
        {"a_second_end_poisons",
         {{kF, kFirst, "known"},
          {kL, kLast, "known"},
          {kL, {16, 24, true}, "contradicts"},
          {kL, kMiddle, "poisoned"}},
         1},
        {"poison_wears_off",
         {{kF, kFirst, "known", 1000},
          {kL, {0, 16, true}, "overlap", 2000},
          {kF, kFirst, "poisoned", 30'999},
          {kF, kFirst, "known", 31'000}},
         1},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(Time, OneDatagram,
                         ::testing::ValuesIn(std::vector<Row>{
                             {"just_before_the_end_of_its_life",
                              {{kF, kFirst, "known", 1000}, {kL, kMiddle, "known", 30'999}},
                              1},
                             {"at_the_end_of_its_life",
                              {{kF, kFirst, "known", 1000}, {kL, kMiddle, "unknown", 31'000}},
                              0},
                             {"fragments_do_not_renew_it",
                              {{kF, kFirst, "known", 1000},
                               {kL, kMiddle, "known", 30'000},
                               {kL, kLast, "unknown", 31'500}},
                              0},
                             {"another_workers_clock_is_behind",
                              {{kF, kFirst, "known", 1000}, {kL, kMiddle, "known", 999}},
                              1},
                             {"begun_again_with_nothing_of_the_old",
                              {{kF, kFirst, "known", 1000},
                               {kL, kMiddle, "known", 1000},
                               {kF, kFirst, "known", 40'000},
                               {kL, kMiddle, "known", 69'999}},
                              1},
                         }),
                         NameOf);

TEST(FragmentTable, SaysWhoseDatagramItIs) {
  FragmentTable table(kRoomy);
  ASSERT_EQ(table.AddFirst(kKey, kFirst, kOwner, At(0)), Result::kKnown);
  EXPECT_EQ(table.AddLater(kKey, kMiddle, At(0)).owner, kOwner);
  EXPECT_EQ(table.AddLater(kKey, kLast, At(0)).owner, kOwner) << "and with the one that ends it";
}

// Each differs from kKey in one thing.
TEST(FragmentTable, DatagramsThatDifferAreStrangers) {
  std::vector<Key> others(7, kKey);
  others[0].source = Ip("10.0.0.3");
  others[1].destination = Ip("10.0.0.3");
  others[2].identification = 7 + (1U << 16);
  others[3].protocol = net::IpProtocol::kTcp;
  others[4].zone = net::Zone(2);
  others[5].ingress = net::PortId(4);
  others[6].source = Ip("a00:1::");  // the same bytes in the other family
  for (std::size_t i = 0; i < others.size(); ++i) {
    FragmentTable table({.capacity = 1, .quota_per_port = 8});  // one set
    ASSERT_EQ(table.AddFirst(kKey, kFirst, kOwner, At(0)), Result::kKnown);
    EXPECT_EQ(table.AddLater(others[i], kMiddle, At(0)).result, Result::kUnknown) << i;
  }
}

// Else whoever varies that part alone fills a set.
TEST(FragmentTable, EveryPartOfTheKeyChoosesTheSet) {
  using Vary = void (*)(Key&, std::uint16_t);
  const Vary parts[] = {
      [](Key& key, std::uint16_t i) { key.source = net::Ipv4Address::FromHost(i); },
      [](Key& key, std::uint16_t i) { key.destination = net::Ipv4Address::FromHost(i); },
      [](Key& key, std::uint16_t i) { key.identification = i; },
      [](Key& key, std::uint16_t i) { key.identification = std::uint32_t{i} << 16; },
      [](Key& key, std::uint16_t i) { key.protocol = static_cast<net::IpProtocol>(i); },
      [](Key& key, std::uint16_t i) { key.zone = net::Zone(i); },
      [](Key& key, std::uint16_t i) { key.ingress = net::PortId(i); }};
  for (const Vary& vary : parts) {
    FragmentTable table({.capacity = 8192, .quota_per_port = 8192});
    for (std::uint16_t i = 1; i <= 3 * FragmentTable::kWays; ++i) {
      Key key = kKey;
      vary(key, i);
      ASSERT_EQ(table.AddFirst(key, kFirst, kOwner, At(0)), Result::kKnown)
          << "part " << &vary - parts;
    }
  }
}

TEST(FragmentTable, AFullSetRefusesNewOnesUntilOneIsOver) {
  FragmentTable table({.capacity = 8, .quota_per_port = 100});
  ASSERT_EQ(table.capacity(), 8U);
  for (std::uint32_t i = 0; i < 8; ++i) {
    ASSERT_EQ(table.AddFirst(Numbered(i), kFirst, kOwner, At(i)), Result::kKnown);
  }
  EXPECT_EQ(table.AddFirst(Numbered(8), kFirst, kOwner, At(100)), Result::kFull);
  EXPECT_EQ(table.size_of(kKey.ingress), 8U) << "the refused one does not count";
  EXPECT_EQ(table.AddLater(Numbered(3), kMiddle, At(100)).result, Result::kKnown) << "goes on";
  EXPECT_EQ(table.AddLater(Numbered(3), kLast, At(100)).result, Result::kKnown);
  EXPECT_EQ(table.AddFirst(Numbered(8), kFirst, kOwner, At(100)), Result::kKnown);
  EXPECT_EQ(table.AddFirst(Numbered(9), kFirst, kOwner, At(29'999)), Result::kFull);
  EXPECT_EQ(table.AddFirst(Numbered(9), kFirst, kOwner, At(30'000)), Result::kKnown);
}

TEST(FragmentTable, APortHasItsQuotaAndNoMore) {
  constexpr net::PortId kOther(4);
  FragmentTable table({.capacity = 8, .quota_per_port = 2});
  ASSERT_EQ(table.AddFirst(Numbered(0), kFirst, kOwner, At(0)), Result::kKnown);
  ASSERT_EQ(table.AddFirst(Numbered(1), kFirst, kOwner, At(0)), Result::kKnown);
  EXPECT_EQ(table.AddFirst(Numbered(2), kFirst, kOwner, At(0)), Result::kQuota);
  EXPECT_EQ(table.AddFirst(Numbered(1), kFirst, kOwner, At(0)), Result::kDuplicate);
  EXPECT_EQ(table.AddFirst(Numbered(2, kOther), kFirst, kOwner, At(0)), Result::kKnown);
  ASSERT_EQ(table.AddLater(Numbered(0), {8, 9, false}, At(0)).result, Result::kKnown);
  EXPECT_EQ(table.AddFirst(Numbered(2), kFirst, kOwner, At(0)), Result::kKnown);
  EXPECT_EQ(table.size(), 3U);
}

TEST(FragmentTable, SweepForgetsWhatNobodyAsksFor) {
  FragmentTable table({.capacity = 1024, .quota_per_port = 100});
  for (std::uint32_t i = 0; i < 100; ++i) {
    ASSERT_EQ(table.AddFirst(Numbered(i), kFirst, kOwner, At(i)), Result::kKnown);
  }
  const unsigned sets = static_cast<unsigned>(table.capacity() / FragmentTable::kWays);
  table.Sweep(sets, At(30'049));
  EXPECT_EQ(table.size(), 50U) << "those that began at 49 or before are over";
  table.Sweep(sets / 2, At(40'000));
  EXPECT_GT(table.size(), 0U);
  table.Sweep(sets / 2, At(40'000));
  EXPECT_EQ(table.size_of(kKey.ingress), 0U);
}

// Two workers that get the same fragments: of each pair one passes.
TEST(FragmentTable, WorkersShareIt) {
  constexpr std::uint32_t kDatagrams = 2000;
  constexpr std::uint16_t kPieces = 8;
  FragmentTable table({.capacity = 16 * kDatagrams, .quota_per_port = kDatagrams});
  std::array<unsigned, 2> passed{};
  const auto work = [&](unsigned worker) {
    for (std::uint32_t i = 0; i < kDatagrams * kPieces; ++i) {
      const Key key = Numbered(i / kPieces);
      const auto first = static_cast<std::uint16_t>(i % kPieces * 8);
      const FragmentPlace place{first, static_cast<std::uint16_t>(first + 8), true};
      const FragmentTable::Found found =
          first == 0 ? FragmentTable::Found{table.AddFirst(key, place, kOwner, At(i)), kOwner}
                     : table.AddLater(key, place, At(i));
      ASSERT_TRUE(found.result == Result::kKnown || found.result == Result::kDuplicate);
      ASSERT_TRUE(found.owner == kOwner) << "torn";
      passed[worker] += found.result == Result::kKnown ? 1U : 0U;
      table.Sweep(1, At(i));
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(passed[0] + passed[1], kDatagrams * kPieces);
  EXPECT_EQ(table.size(), kDatagrams);
  EXPECT_EQ(table.size_of(kKey.ingress), kDatagrams);
}

// Both race for the only place that their port has.
TEST(FragmentTable, NoQuotaIsPassedOrLostInARace) {
  FragmentTable table({.capacity = 4096, .quota_per_port = 1});
  std::array<unsigned, 2> begun{};
  const auto work = [&](unsigned worker) {
    for (std::uint32_t i = 0; begun[worker] < 5000; ++i) {
      const Key key = Numbered(2 * i + worker);
      if (table.AddFirst(key, kFirst, kOwner, At(0)) == Result::kKnown) {
        ASSERT_EQ(table.size(), 1U);
        ASSERT_EQ(table.AddLater(key, {8, 9, false}, At(0)).result, Result::kKnown);
        ++begun[worker];
      }
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.AddFirst(Numbered(0), kFirst, kOwner, At(0)), Result::kKnown);
  EXPECT_EQ(table.AddFirst(Numbered(1), kFirst, kOwner, At(0)), Result::kQuota);
}

}  // namespace
}  // namespace pollux::tables
