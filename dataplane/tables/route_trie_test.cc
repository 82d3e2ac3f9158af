#include "dataplane/tables/route_trie.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace pollux::tables {
namespace {

using net::IpAddress;
using net::IpPrefix;
using Routes = std::vector<RouteTrie::Route>;

IpAddress Ip(const char* text) { return IpAddress::Parse(text).value(); }
RouteTrie::Route Route(const char* prefix, std::uint32_t next_hop) {
  return {IpPrefix::Parse(prefix).value(), next_hop};
}

// What longest-prefix match means.
std::uint32_t NaiveFind(const Routes& routes, const IpAddress& address) {
  const RouteTrie::Route* best = nullptr;
  for (const RouteTrie::Route& route : routes) {
    if (route.prefix.Contains(address) &&
        (best == nullptr || route.prefix.length() >= best->prefix.length())) {
      best = &route;
    }
  }
  return best == nullptr ? 0 : best->next_hop;
}

// Addresses whose bits are mostly the same, so that prefixes nest and fork everywhere.
class Generator {
 public:
  IpAddress Address(bool v6) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::uint8_t& byte : bytes) {
      constexpr std::uint8_t kCommon[] = {0, 0, 0xff, 0x80, 1};
      byte = random() % 8 == 0 ? static_cast<std::uint8_t>(random()) : kCommon[random() % 5];
    }
    return v6 ? IpAddress(net::Ipv6Address{bytes})
              : IpAddress(net::Ipv4Address::FromHost(
                    static_cast<std::uint32_t>(bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8) |
                    bytes[3]));
  }
  Routes UniqueRoutes(std::size_t count) {
    std::vector<IpPrefix> prefixes;
    while (prefixes.size() < count) {
      const IpAddress address = Address(random() % 2 == 0);
      prefixes.emplace_back(address, static_cast<unsigned>(random() % (address.bits() + 1)));
    }
    std::sort(prefixes.begin(), prefixes.end());
    prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
    Routes routes;
    for (const IpPrefix& prefix : prefixes) {
      routes.push_back({prefix, static_cast<std::uint32_t>(routes.size() + 1)});
    }
    return routes;
  }
  // Where matches change: at the edges of a prefix, and anywhere.
  IpAddress Probe(const Routes& routes) {
    if (routes.empty() || random() % 3 == 0) {
      return Address(random() % 2 == 0);
    }
    const IpPrefix& prefix = routes[random() % routes.size()].prefix;
    auto bytes = prefix.address().bytes();
    const unsigned bit = static_cast<unsigned>(random() % prefix.address().bits());
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (0x80U >> bit % 8));
    if (prefix.address().is_v6()) {
      return net::Ipv6Address{bytes};
    }
    return std::bit_cast<net::Ipv4Address>(
        std::array<std::uint8_t, 4>{bytes[0], bytes[1], bytes[2], bytes[3]});
  }

  std::mt19937 random{1};  // NOLINT(cert-msc51-cpp): the same every time
};

TEST(RouteTrie, AgreesWithTheDefinition) {
  Generator generator;
  for (const std::size_t count : {0U, 1U, 2U, 10U, 100U, 3000U}) {
    Routes routes = generator.UniqueRoutes(count);
    std::shuffle(routes.begin(), routes.end(), generator.random);
    const RouteTrie trie(routes);
    for (int i = 0; i < 3000; ++i) {
      const IpAddress address = generator.Probe(routes);
      ASSERT_EQ(trie.Find(address), NaiveFind(routes, address))
          << address.ToString() << " among " << count;
    }
    for (const RouteTrie::Route& route : routes) {
      ASSERT_EQ(trie.Find(route.prefix.address()), NaiveFind(routes, route.prefix.address()));
    }
  }
}

TEST(RouteTrie, TheOrderOfRoutesDoesNotMatter) {
  Generator generator;
  Routes routes = generator.UniqueRoutes(200);
  const RouteTrie first(routes);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(routes.begin(), routes.end(), generator.random);
    const RouteTrie shuffled(routes);
    for (int i = 0; i < 500; ++i) {
      const IpAddress address = generator.Probe(routes);
      ASSERT_EQ(shuffled.Find(address), first.Find(address)) << address.ToString();
    }
  }
}

TEST(RouteTrie, OfEqualPrefixesTheLastWins) {
  const RouteTrie trie(Routes{Route("10.0.0.0/8", 1), Route("10.0.0.0/8", 2), Route("0.0.0.0/0", 3),
                              Route("0.0.0.0/0", 4)});
  EXPECT_EQ(trie.Find(Ip("10.1.1.1")), 2U);
  EXPECT_EQ(trie.Find(Ip("11.1.1.1")), 4U);
}

TEST(RouteTrie, DefaultRoutesAndHostRoutes) {
  const RouteTrie trie(Routes{Route("0.0.0.0/0", 1), Route("::/0", 2), Route("10.0.0.1", 3),
                              Route("255.255.255.255", 4), Route("fd00::1", 5)});
  EXPECT_EQ(trie.Find(Ip("10.0.0.1")), 3U);
  EXPECT_EQ(trie.Find(Ip("10.0.0.2")), 1U);
  EXPECT_EQ(trie.Find(Ip("255.255.255.255")), 4U);
  EXPECT_EQ(trie.Find(Ip("fd00::1")), 5U);
  EXPECT_EQ(trie.Find(Ip("::")), 2U);
}

TEST(RouteTrie, TheFamiliesDoNotSeeEachOther) {
  const RouteTrie trie(Routes{Route("0.0.0.0/0", 1)});
  EXPECT_EQ(trie.Find(Ip("::")), 0U);
  EXPECT_EQ(RouteTrie().Find(Ip("0.0.0.0")), 0U);
}

}  // namespace
}  // namespace pollux::tables
