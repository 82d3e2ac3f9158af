#include "dataplane/tables/affinity_table.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace pollux::tables {
namespace {

net::IpAddress Ip(const char* text) { return net::IpAddress::Parse(text).value(); }
constexpr net::Nanos At(std::uint64_t seconds) { return net::Nanos(seconds * 1'000'000'000); }

constexpr std::uint64_t kHash = 0x1234;
const AffinityTable::Key kKey{.service = 1, .client = Ip("10.0.0.1")};
const AffinityTable::Target kOne{.ip = Ip("10.1.0.1"), .port = 80};
const AffinityTable::Target kTwo{.ip = Ip("10.1.0.2"), .port = 80};

struct Row {
  const char* sentence;
  AffinityTable::Key key;
  std::uint32_t timeout_seconds;
  std::uint64_t at_seconds;
  bool found;
};

// Remembered at second 1000 for 100 s.
class AffinityLookup : public testing::TestWithParam<Row> {};

TEST_P(AffinityLookup, Row) {
  AffinityTable table(64);
  table.Remember(kKey, kHash, kOne, 100, At(1000));
  const auto found =
      table.Find(GetParam().key, kHash, GetParam().timeout_seconds, At(GetParam().at_seconds));
  EXPECT_EQ(found.has_value(), GetParam().found) << GetParam().sentence;
  EXPECT_EQ(found.value_or(kOne), kOne);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, AffinityLookup,
    testing::Values(
        Row{"at once", kKey, 100, 1000, true},
        Row{"a nanosecond's second before its end", kKey, 100, 1099, true},
        Row{"at its end", kKey, 100, 1100, false},
        Row{"another worker's clock is behind", kKey, 100, 999, true},
        Row{"the service's timeout was shortened", kKey, 50, 1050, false},
        Row{"the service's timeout was lengthened: not from the dead", kKey, 200, 1150, false},
        Row{"another service", {.service = 2, .client = kKey.client}, 100, 1000, false},
        Row{"another client", {1, Ip("10.0.0.2")}, 100, 1000, false},
        Row{"the same bytes in the other family", {1, Ip("a00:1::")}, 100, 1000, false}));

TEST(AffinityTable, EveryUseRenews) {
  AffinityTable table(64);
  table.Remember(kKey, kHash, kOne, 100, At(1000));
  EXPECT_TRUE(table.Find(kKey, kHash, 100, At(1090)));
  EXPECT_TRUE(table.Find(kKey, kHash, 100, At(1180)));
  EXPECT_FALSE(table.Find(kKey, kHash, 100, At(1280)));
}

TEST(AffinityTable, LastsADay) {
  AffinityTable table(64);
  table.Remember(kKey, kHash, kOne, 86'400, At(1000));
  EXPECT_TRUE(table.Find(kKey, kHash, 86'400, At(87'399)));
  EXPECT_FALSE(table.Find(kKey, kHash, 86'400, At(87'399 + 86'400)));
}

TEST(AffinityTable, ALaterBackendReplaces) {
  AffinityTable table(64);
  table.Remember(kKey, kHash, kOne, 100, At(1000));
  table.Remember(kKey, kHash, kTwo, 100, At(1001));
  EXPECT_EQ(table.Find(kKey, kHash, 100, At(1002)), kTwo);
  EXPECT_EQ(table.Read(At(1002)).entries, 1U);
  EXPECT_EQ(table.Read(At(1002)).evictions, 0U);
}

TEST(AffinityTable, AFullSetGivesUpWhatExpiredElseTheOldest) {
  AffinityTable table(AffinityTable::kWays);
  ASSERT_EQ(table.Read(At(0)).capacity, AffinityTable::kWays);
  const auto key = [](std::uint32_t service) { return AffinityTable::Key{service, kKey.client}; };
  for (std::uint32_t service = 1; service <= 4; ++service) {
    table.Remember(key(service), service, kOne, service == 3 ? 5 : 100, At(1000 + service));
  }
  EXPECT_TRUE(table.Find(key(1), 1, 100, At(1007))) << "now 2 is the oldest";
  table.Remember(key(5), 5, kOne, 100, At(1009));
  EXPECT_EQ(table.Read(At(1009)).evictions, 0U) << "3 had expired";
  EXPECT_FALSE(table.Find(key(3), 3, 5, At(1009)));
  table.Remember(key(6), 6, kOne, 100, At(1010));
  EXPECT_EQ(table.Read(At(1010)).evictions, 1U);
  EXPECT_EQ(table.Read(At(1010)).entries, 4U);
  EXPECT_FALSE(table.Find(key(2), 2, 100, At(1010)));
  for (const std::uint32_t service : {1U, 4U, 5U, 6U}) {
    EXPECT_TRUE(table.Find(key(service), service, 100, At(1010))) << service;
  }
}

TEST(AffinityTable, WorkersShareIt) {
  AffinityTable table(8);
  const auto work = [&](const AffinityTable::Target& mine) {
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      const AffinityTable::Key key{1 + i % 16, kKey.client};
      table.Remember(key, i % 16, mine, 100, At(1000));
      const auto found = table.Find(key, i % 16, 100, At(1000));
      ASSERT_TRUE(!found || *found == kOne || *found == kTwo) << "torn";
    }
  };
  std::thread other(work, kOne);
  work(kTwo);
  other.join();
  EXPECT_EQ(table.Read(At(1000)).entries, 8U);
}

}  // namespace
}  // namespace pollux::tables
