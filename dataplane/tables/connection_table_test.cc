#include "dataplane/tables/connection_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "dataplane/core/test_eal.h"

namespace pollux::tables {
namespace {

using Result = ConnectionTable::Result;

net::IpAddress Ip(std::string_view text) { return net::IpAddress::Parse(text).value(); }

constexpr net::PortId kClient{1};
constexpr net::PortId kServer{2};
constexpr net::Nanos kNow{std::uint64_t{5} << 30};

net::FlowTuple Tuple(std::string_view from, std::uint16_t from_port, std::string_view to,
                     std::uint16_t to_port) {
  return {.source = Ip(from),
          .destination = Ip(to),
          .source_port = net::Be16(from_port),
          .destination_port = net::Be16(to_port),
          .protocol = net::IpProtocol::kUdp,
          .zone = {}};
}

ConnectionDraft Draft(const net::FlowTuple& original, const net::FlowTuple& translated) {
  return {.original = original,
          .translated = translated,
          .ingress = kClient,
          .egress = kServer,
          .freshness = 7,
          .adjacency = 3,
          .reply_adjacency = 4};
}

class ConnectionTableTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kCapacity = 64;

  ConnectionTableTest() : rcu_(1) {
    core::InitTestEal();
    table_ = ConnectionTable::Create({.capacity = kCapacity, .quota_per_port = 48}, rcu_).value();
    rcu_.Register(net::WorkerId{0});
    rcu_.Online(net::WorkerId{0});
  }
  ~ConnectionTableTest() override {
    rcu_.Offline(net::WorkerId{0});
    rcu_.Unregister(net::WorkerId{0});
  }

  // A connection from a port of its own number, untranslated.
  ConnectionTable::Inserted InsertNumber(std::uint16_t number, net::PortId ingress = kClient) {
    const net::FlowTuple tuple = Tuple("10.0.0.1", number, "10.0.0.2", 53);
    ConnectionDraft draft = Draft(tuple, tuple);
    draft.ingress = ingress;
    return table_->Insert(draft, kNow);
  }

  core::Rcu rcu_;
  std::unique_ptr<ConnectionTable> table_;
};

TEST_F(ConnectionTableTest, BothDirectionsAreFoundByTheirOwnKeys) {
  struct Row {
    const char* what;
    net::FlowTuple original, translated;
  };
  const Row rows[] = {
      {"IPv4, as it is", Tuple("10.0.0.1", 1000, "10.0.0.2", 53),
       Tuple("10.0.0.1", 1000, "10.0.0.2", 53)},
      {"IPv6, as it is", Tuple("fd00::1", 1000, "fd00::2", 53),
       Tuple("fd00::1", 1000, "fd00::2", 53)},
      {"IPv4, to a backend", Tuple("10.0.0.1", 1001, "10.96.0.10", 53),
       Tuple("10.0.0.1", 1001, "10.0.0.2", 5353)},
      {"IPv6, to a backend from another source", Tuple("fd00::1", 1001, "fd00:96::a", 53),
       Tuple("fd00:1::9", 61000, "fd00::2", 5353)},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    const auto inserted = table_->Insert(Draft(row.original, row.translated), kNow);
    ASSERT_EQ(inserted.result, Result::kInserted);
    Direction* original = table_->Find(row.original);
    Direction* reply = table_->Find(row.translated.Reversed());
    ASSERT_EQ(original, inserted.original);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(&OppositeOf(*original), reply);
    EXPECT_EQ(&OppositeOf(*reply), original);
    const Connection& connection = ConnectionOf(*reply);
    EXPECT_EQ(&ConnectionOf(*original), &connection);
    EXPECT_EQ(KeyOf(connection, false), row.original);
    EXPECT_EQ(TranslatedOf(connection, false), row.translated);
    EXPECT_EQ(KeyOf(connection, true), row.translated.Reversed());
    EXPECT_EQ(TranslatedOf(connection, true), row.original.Reversed());
    EXPECT_EQ(original->ingress, kClient);
    EXPECT_EQ(reply->ingress, kServer);
    EXPECT_EQ(original->translates, !(row.original == row.translated));
  }
  EXPECT_EQ(table_->size(), 4U);
}

TEST_F(ConnectionTableTest, AWholeBurstIsFoundAtOnce) {
  std::vector<net::FlowKey4> keys;
  std::vector<const net::FlowKey4*> pointers;
  std::vector<std::uint32_t> hashes;
  for (std::uint16_t number = 0; number < core::kBurst; ++number) {
    if (number % 3 != 0) {
      ASSERT_EQ(InsertNumber(number).result, Result::kInserted);
    }
    keys.push_back(Tuple("10.0.0.1", number, "10.0.0.2", 53).key4());
  }
  for (const net::FlowKey4& key : keys) {
    pointers.push_back(&key);
    hashes.push_back(table_->Hash(key));
  }
  std::vector<Direction*> found(keys.size());
  table_->Find(pointers, hashes, found);
  for (std::uint16_t number = 0; number < core::kBurst; ++number) {
    EXPECT_EQ(found[number], table_->Find(Tuple("10.0.0.1", number, "10.0.0.2", 53))) << number;
    EXPECT_EQ(found[number] == nullptr, number % 3 == 0) << number;
  }
}

TEST_F(ConnectionTableTest, ASecondFirstPacketFindsTheFirstOnesConnection) {
  const auto first = InsertNumber(1);
  const auto second = InsertNumber(1);
  EXPECT_EQ(second.result, Result::kExists);
  EXPECT_EQ(second.original, first.original);
  EXPECT_EQ(table_->size(), 1U);
}

TEST_F(ConnectionTableTest, TheReplyOfAnotherConnectionIsAClash) {
  const net::FlowTuple direct = Tuple("10.0.0.1", 1000, "10.0.0.2", 53);
  ASSERT_EQ(table_->Insert(Draft(direct, direct), kNow).result, Result::kInserted);
  const net::FlowTuple to_service = Tuple("10.0.0.1", 1000, "10.96.0.10", 53);
  EXPECT_EQ(table_->Insert(Draft(to_service, direct), kNow).result, Result::kClash);
  const net::FlowTuple to_itself = Tuple("10.0.0.1", 53, "10.0.0.1", 53);
  EXPECT_EQ(table_->Insert(Draft(to_itself, to_itself), kNow).result, Result::kClash);
  EXPECT_EQ(table_->size(), 1U);
}

TEST_F(ConnectionTableTest, APortHasItsQuotaAndTheTableItsEnd) {
  for (std::uint16_t number = 0; number < 48; ++number) {
    ASSERT_EQ(InsertNumber(number).result, Result::kInserted);
  }
  EXPECT_EQ(InsertNumber(1000).result, Result::kQuota);
  EXPECT_EQ(table_->size_of(kClient), 48U);
  for (std::uint16_t number = 100; number < 116; ++number) {
    ASSERT_EQ(InsertNumber(number, kServer).result, Result::kInserted);
  }
  EXPECT_EQ(InsertNumber(1001, kServer).result, Result::kFull);
  EXPECT_NE(table_->Find(Tuple("10.0.0.1", 47, "10.0.0.2", 53)), nullptr)
      << "those that exist stay";
}

TEST_F(ConnectionTableTest, MemoryIsUsedAgainOnlyAfterAGracePeriod) {
  std::set<Direction*> seen;
  for (std::uint16_t number = 0; number < 16; ++number) {
    seen.insert(InsertNumber(number).original);
  }
  for (std::uint16_t number = 100; number < 148; ++number) {
    ASSERT_EQ(InsertNumber(number, kServer).result, Result::kInserted);
  }
  for (Direction* direction : seen) {
    table_->Remove(ConnectionOf(*direction));
    table_->Remove(ConnectionOf(*direction));  // somebody else was first
  }
  EXPECT_EQ(table_->size(), 48U);
  EXPECT_EQ(table_->size_of(kClient), 0U);
  EXPECT_EQ(table_->Find(Tuple("10.0.0.1", 3, "10.0.0.2", 53)), nullptr);
  EXPECT_EQ(table_->Find(Tuple("10.0.0.2", 53, "10.0.0.1", 3)), nullptr);
  EXPECT_EQ(InsertNumber(200).result, Result::kFull) << "a worker may still look at them";
  rcu_.Quiescent(net::WorkerId{0});
  for (std::uint16_t number = 200; number < 216; ++number) {
    const auto inserted = InsertNumber(number);
    ASSERT_EQ(inserted.result, Result::kInserted);
    EXPECT_TRUE(seen.contains(inserted.original));
  }
}

TEST_F(ConnectionTableTest, ASweepRemovesWhatIsOverAndSharesTheWork) {
  for (std::uint16_t number = 0; number < 40; ++number) {
    ASSERT_EQ(InsertNumber(number).result, Result::kInserted);
  }
  std::vector<unsigned> looks(2);
  for (unsigned share = 0; share < 2; ++share) {
    table_->Sweep(share, 2, 20, [&](const Connection& connection) {
      ++looks[share];
      return KeyOf(connection, false).source_port.value() % 4 == 0;
    });
  }
  EXPECT_EQ(looks, (std::vector<unsigned>{20, 20}));
  EXPECT_EQ(table_->size(), 30U);
  unsigned left = 0;
  table_->ForEach(0, kCapacity, [&](const Connection& connection) {
    EXPECT_NE(KeyOf(connection, false).source_port.value() % 4, 0);
    ++left;
  });
  EXPECT_EQ(left, 30U);
}

TEST_F(ConnectionTableTest, TooLargeATableSaysWhatItNeeds) {
  const auto table = ConnectionTable::Create({.capacity = 1U << 24, .quota_per_port = 1}, rcu_);
  ASSERT_FALSE(table.ok());
  EXPECT_NE(table.status().message().find("--flow-entries: a table of 16777216 connections"),
            std::string::npos)
      << table.status();
  EXPECT_NE(table.status().message().find("raise --memory-mb"), std::string::npos);
}

}  // namespace
}  // namespace pollux::tables
