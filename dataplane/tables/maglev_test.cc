#include "dataplane/tables/maglev.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace pollux::tables {
namespace {

using Identities = std::vector<std::uint64_t>;

net::IpAddress Ip(const char* text) { return net::IpAddress::Parse(text).value(); }

// Backends as pods have them: neighbouring addresses, one port.
Identities Pods(std::uint32_t count) {
  Identities identities;
  for (std::uint32_t i = 0; i < count; ++i) {
    identities.push_back(
        BackendIdentity(net::Ipv4Address::FromHost(0x0a000001 + i), 8080, net::IpProtocol::kTcp));
  }
  std::sort(identities.begin(), identities.end());
  return identities;
}

// One hash per slot.
std::vector<std::uint64_t> Owners(const Maglev& maglev, const Identities& identities) {
  std::vector<std::uint64_t> owners;
  for (std::size_t hash = 0; hash < maglev.size(); ++hash) {
    owners.push_back(identities.at(maglev.Pick(hash)));
  }
  return owners;
}

// Of the slots of those that stay, how many change hands when the backend leaves.
double Disruption(const Identities& before, std::size_t leaver) {
  Identities after = before;
  after.erase(after.begin() + static_cast<std::ptrdiff_t>(leaver));
  const Maglev old_table(before);
  const Maglev new_table(after);
  if (old_table.size() != new_table.size()) {
    return 1;
  }
  std::size_t moved = 0;
  for (std::size_t hash = 0; hash < old_table.size(); ++hash) {
    const std::uint64_t owner = before[old_table.Pick(hash)];
    moved += owner != before[leaver] && owner != after[new_table.Pick(hash)] ? 1U : 0U;
  }
  return static_cast<double>(moved) / static_cast<double>(old_table.size());
}

struct SizeRow {
  std::uint32_t backends;
  std::size_t slots;
};

class MaglevOfSize : public testing::TestWithParam<SizeRow> {};

TEST_P(MaglevOfSize, GivesEveryBackendItsShareButForOneSlot) {
  const Identities identities = Pods(GetParam().backends);
  const Maglev maglev(identities);
  ASSERT_EQ(maglev.size(), GetParam().slots);
  std::vector<std::size_t> shares(identities.size());
  for (std::size_t hash = 0; hash < maglev.size(); ++hash) {
    ++shares.at(maglev.Pick(hash));
  }
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  EXPECT_EQ(*least, maglev.size() / identities.size());
  EXPECT_LE(*most, *least + 1);
}

INSTANTIATE_TEST_SUITE_P(Ladder, MaglevOfSize,
                         testing::Values(SizeRow{1, 251}, SizeRow{2, 251}, SizeRow{3, 1009},
                                         SizeRow{10, 1009}, SizeRow{11, 4093}, SizeRow{40, 4093},
                                         SizeRow{41, 16381}, SizeRow{163, 16381},
                                         SizeRow{164, 65537}, SizeRow{6000, 65537},
                                         SizeRow{6001, 655373}, SizeRow{65534, 655373},
                                         SizeRow{65535, 655373},
                                         SizeRow{Maglev::kMaxBackends, 655373}),
                         [](const auto& row) { return std::to_string(row.param.backends); });

TEST(Maglev, EverySizeIsPrime) {
  for (const std::size_t size : {251U, 1009U, 4093U, 16381U, 65537U, 655373U}) {
    for (std::size_t divisor = 2; divisor * divisor <= size; ++divisor) {
      ASSERT_NE(size % divisor, 0U) << size << " by " << divisor;
    }
  }
}

TEST(Maglev, FewConnectionsOfOthersMoveWhenABackendLeaves) {
  struct Row {
    std::uint32_t backends;
    double limit;
  };
  for (const Row& row : {Row{10, 0.05}, Row{100, 0.02}, Row{1000, 0.05}}) {
    const Identities identities = Pods(row.backends);
    double sum = 0;
    for (std::size_t leaver = 0; leaver < 10; ++leaver) {
      sum += Disruption(identities, leaver * identities.size() / 10);
    }
    RecordProperty("moved_of_" + std::to_string(row.backends), std::to_string(sum / 10));
    EXPECT_LT(sum / 10, row.limit) << row.backends << " backends";
    EXPECT_GT(sum, 0) << "the others take over the leaver's slots in turns, so some must move";
  }
}

// If one of these changes, nodes of two versions disagree, and an upgrade moves connections.
TEST(Maglev, ChoosesTheSameOnEveryNodeAndInEveryVersion) {
  EXPECT_EQ(BackendIdentity(Ip("10.0.0.1"), 8080, net::IpProtocol::kTcp), 0x37343c9bcf17d98aU);
  EXPECT_EQ(BackendIdentity(Ip("fd00::1"), 53, net::IpProtocol::kUdp), 0xddb90c000a27628fU);
  const Identities identities = Pods(10);
  std::uint64_t digest = 0;
  for (const std::uint64_t owner : Owners(Maglev(identities), identities)) {
    digest = digest * 31 + owner;
  }
  EXPECT_EQ(digest, 0x926e29516061d778U);
}

TEST(Maglev, EveryPartOfABackendIsPartOfItsIdentity) {
  const std::uint64_t one = BackendIdentity(Ip("10.0.0.1"), 80, net::IpProtocol::kTcp);
  EXPECT_NE(one, BackendIdentity(Ip("10.0.0.2"), 80, net::IpProtocol::kTcp));
  EXPECT_NE(one, BackendIdentity(Ip("10.0.0.1"), 81, net::IpProtocol::kTcp));
  EXPECT_NE(one, BackendIdentity(Ip("10.0.0.1"), 80, net::IpProtocol::kUdp));
  EXPECT_NE(one, BackendIdentity(Ip("a00:1::"), 80, net::IpProtocol::kTcp));
  EXPECT_NE(BackendIdentity(Ip("fd00::1"), 80, net::IpProtocol::kTcp),
            BackendIdentity(Ip("fd00::2"), 80, net::IpProtocol::kTcp));
}

TEST(Maglev, WithoutBackendsIsEmpty) {
  EXPECT_TRUE(Maglev().empty());
  EXPECT_TRUE(Maglev(Identities{}).empty());
  EXPECT_FALSE(Maglev(Pods(1)).empty());
}

}  // namespace
}  // namespace pollux::tables
