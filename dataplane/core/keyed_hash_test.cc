#include "dataplane/core/keyed_hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

namespace pollux::core {
namespace {

KeyedHash::Seed SeedOf(std::uint8_t value) {
  KeyedHash::Seed seed;
  for (std::size_t i = 0; i < seed.size(); ++i) {
    seed[i] = static_cast<std::uint8_t>(value * 31 + i * 7);
  }
  return seed;
}

template <typename Key>
void FlipBit(Key& key, unsigned bit) {
  reinterpret_cast<std::uint8_t*>(&key)[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
}

// Each bit of a key changes about half of the bits of its hash.
template <typename Key>
void ExpectDiffusion() {
  const KeyedHash hash(SeedOf(1));
  for (unsigned bit = 0; bit < sizeof(Key) * 8; ++bit) {
    unsigned changed = 0;
    for (unsigned i = 0; i < 64; ++i) {
      Key key{};
      reinterpret_cast<std::uint8_t*>(&key)[i % sizeof key] = static_cast<std::uint8_t>(i + 1);
      Key flipped = key;
      FlipBit(flipped, bit);
      changed += static_cast<unsigned>(std::popcount(hash(key) ^ hash(flipped)));
    }
    EXPECT_NEAR(changed / 64.0, 16.0, 3.0) << "bit " << bit;
  }
}

TEST(KeyedHashTest, EveryBitOfAKeyMatters) {
  ExpectDiffusion<net::FlowKey4>();
  ExpectDiffusion<net::FlowKey6>();
}

// What collides under one seed does not under another: the attack that a bare CRC allows.
TEST(KeyedHashTest, CollisionsDependOnTheSeed) {
  const KeyedHash one(SeedOf(1));
  const KeyedHash other(SeedOf(2));
  constexpr std::uint32_t kBuckets = 0xfff;
  const net::FlowKey4 first{};
  unsigned collide = 0;
  unsigned collide_again = 0;
  for (std::uint32_t i = 1; i < 1'000'000; ++i) {
    net::FlowKey4 key{};
    key.source.be = net::Be32(i);
    if ((one(key) & kBuckets) == (one(first) & kBuckets)) {
      ++collide;
      collide_again += (other(key) & kBuckets) == (other(first) & kBuckets) ? 1U : 0U;
    }
  }
  EXPECT_GT(collide, 150U);
  EXPECT_LT(collide_again, 10U);
}

TEST(KeyedHashTest, EachBootHasASeedOfItsOwn) {
  EXPECT_NE(KeyedHash::Random()(1, 2), KeyedHash::Random()(1, 2));
  EXPECT_EQ(KeyedHash(SeedOf(3))(1, 2), KeyedHash(SeedOf(3))(1, 2));
  EXPECT_NE(KeyedHash(SeedOf(3))(1, 2), KeyedHash(SeedOf(3))(2, 1));
}

}  // namespace
}  // namespace pollux::core
