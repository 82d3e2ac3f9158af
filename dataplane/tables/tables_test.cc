#include "dataplane/tables/tables.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

#include "dataplane/tables/address_map.h"

namespace pollux::tables {
namespace {

using net::IpAddress;

IpAddress Ip(const char* text) { return IpAddress::Parse(text).value(); }

constexpr net::MacAddress kMac = {{2, 0, 0, 0, 0, 1}};
constexpr net::MacAddress kOtherMac = {{2, 0, 0, 0, 0, 2}};
constexpr net::PortId kPort{1};
constexpr net::PortId kOtherPort{2};

// --- AddressMap

template <typename Address>
Address Random(std::mt19937& random) {
  // Neighbouring addresses, as pods have them, and some from anywhere.
  Address address{};
  std::array<std::uint8_t, sizeof(Address)> bytes{};
  bytes[0] = 10;
  bytes[sizeof(Address) - 2] = static_cast<std::uint8_t>(random() % 16);
  bytes[sizeof(Address) - 1] = static_cast<std::uint8_t>(random());
  if (random() % 4 == 0) {
    for (std::uint8_t& byte : bytes) {
      byte = static_cast<std::uint8_t>(random());
    }
  }
  std::memcpy(&address, bytes.data(), sizeof address);
  return address;
}

template <typename Address>
class AddressMapTest : public ::testing::Test {};
using Families = ::testing::Types<net::Ipv4Address, net::Ipv6Address>;
TYPED_TEST_SUITE(AddressMapTest, Families);

TYPED_TEST(AddressMapTest, AgreesWithAMap) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  for (const std::size_t count : {0U, 1U, 2U, 3U, 100U, 5000U}) {
    std::unordered_map<IpAddress, std::uint32_t> model;
    std::vector<typename AddressMap<TypeParam>::Entry> entries;
    for (std::size_t i = 0; i < count; ++i) {
      const auto address = Random<TypeParam>(random);
      const auto index = static_cast<std::uint32_t>(i + 1);
      entries.push_back({address, index});
      model.emplace(address, index);  // of equal addresses the first wins
    }
    const AddressMap<TypeParam> map(entries);
    for (const auto& [address, index] : entries) {
      ASSERT_EQ(map.Find(address), model.at(address));
    }
    for (int i = 0; i < 5000; ++i) {
      const auto address = Random<TypeParam>(random);
      const auto found = model.find(address);
      ASSERT_EQ(map.Find(address), found == model.end() ? 0 : found->second);
    }
  }
}

TYPED_TEST(AddressMapTest, TheUnspecifiedAddressIsOneAsAnyOther) {
  EXPECT_EQ(AddressMap<TypeParam>().Find(TypeParam{}), 0U);
  const std::vector<typename AddressMap<TypeParam>::Entry> entries = {{TypeParam{}, 7}};
  EXPECT_EQ(AddressMap<TypeParam>(entries).Find(TypeParam{}), 7U);
}

// --- Tables

TEST(EndpointTable, EveryAddressLeadsToItsEndpoint) {
  const EndpointTable table(
      {{{net::EndpointId(1), kPort, kMac}, {Ip("10.0.0.1"), Ip("fd00::1")}},
       {{net::EndpointId(2), kPort, kOtherMac}, {}},
       {{.id = net::EndpointId(3), .port = kOtherPort, .mac = kOtherMac, .open = false},
        {Ip("10.0.0.2"), Ip("10.0.0.3"), Ip("fd00::2")}}});
  EXPECT_EQ(table.Find(Ip("10.0.0.1")), table.Find(Ip("fd00::1")));
  EXPECT_EQ(table.Find(Ip("10.0.0.1"))->mac, kMac);
  for (const char* address : {"10.0.0.2", "10.0.0.3", "fd00::2"}) {
    ASSERT_NE(table.Find(Ip(address)), nullptr) << address;
    EXPECT_EQ(table.Find(Ip(address))->id, net::EndpointId(3));
    EXPECT_EQ(table.Find(Ip(address))->port, kOtherPort);
    EXPECT_FALSE(table.Find(Ip(address))->open);
  }
  for (const char* address : {"10.0.0.4", "0.0.0.0", "fd00::3", "::"}) {
    EXPECT_EQ(table.Find(Ip(address)), nullptr) << address;
  }
}

TEST(RouteTable, GivesTheNextHop) {
  const RouteTable table({{net::IpPrefix::Parse("10.0.0.0/8").value(), {.port = kPort}},
                          {net::IpPrefix::Parse("10.1.0.0/16").value(),
                           {.port = kOtherPort, .has_via = true, .via = Ip("192.0.2.9")}}});
  EXPECT_EQ(table.Find(Ip("10.2.0.1"))->port, kPort);
  EXPECT_FALSE(table.Find(Ip("10.2.0.1"))->has_via);
  EXPECT_EQ(table.Find(Ip("10.1.0.1"))->via, Ip("192.0.2.9"));
  EXPECT_EQ(table.Find(Ip("11.0.0.1")), nullptr);
}

TEST(PortTable, UnknownIdsHaveNoPort) {
  std::vector<PortEntry> entries(3);
  entries[2].mtu = 9000;
  const PortTable table(entries);
  EXPECT_EQ(table[net::PortId(2)].mtu, 9000);
  EXPECT_EQ(table[net::PortId(3)].port, nullptr);
  EXPECT_EQ(table[net::PortId(65535)].port, nullptr);
  EXPECT_EQ(PortTable({})[net::kNoPort].port, nullptr);
}

TEST(NeighbourTable, APortHasItsOwnNeighbours) {
  const NeighbourTable table({{kOtherPort, Ip("192.0.2.9"), kOtherMac},
                              {kPort, Ip("fd00::9"), kMac},
                              {kPort, Ip("192.0.2.9"), kMac},
                              {kPort, Ip("192.0.2.10"), {}, true}});
  EXPECT_EQ(table.Find(kPort, Ip("192.0.2.9"))->mac, kMac);
  EXPECT_EQ(table.Find(kOtherPort, Ip("192.0.2.9"))->mac, kOtherMac);
  EXPECT_EQ(table.Find(kPort, Ip("fd00::9"))->mac, kMac);
  EXPECT_TRUE(table.Find(kPort, Ip("192.0.2.10"))->failed);
  EXPECT_EQ(table.Find(kOtherPort, Ip("fd00::9")), nullptr);
  EXPECT_EQ(table.Find(kPort, Ip("192.0.2.11")), nullptr);
  EXPECT_EQ(NeighbourTable().Find(kPort, Ip("192.0.2.9")), nullptr);
}

TEST(NeighbourTable, UseIsMarkedPerNeighbour) {
  const NeighbourTable table({{kPort, Ip("192.0.2.9"), kMac}, {kPort, Ip("192.0.2.10"), kMac}});
  table.MarkUsed(*table.Find(kPort, Ip("192.0.2.9")));
  EXPECT_FALSE(table.TakeUsed(kPort, Ip("192.0.2.10")));
  EXPECT_TRUE(table.TakeUsed(kPort, Ip("192.0.2.9")));
  EXPECT_FALSE(table.TakeUsed(kPort, Ip("192.0.2.9"))) << "taken";
  EXPECT_FALSE(table.TakeUsed(kOtherPort, Ip("192.0.2.9")));
}

}  // namespace
}  // namespace pollux::tables
