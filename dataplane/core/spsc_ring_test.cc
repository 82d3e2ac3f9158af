#include "dataplane/core/spsc_ring.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace pollux::core {
namespace {

TEST(SpscRing, HoldsAtLeastWhatWasAskedForAndThenRefuses) {
  SpscRing<int> ring(5);
  int accepted = 0;
  while (ring.TryPush(accepted)) {
    ++accepted;
  }
  EXPECT_GE(accepted, 5);
  int value = -1;
  ASSERT_TRUE(ring.TryPop(value));
  EXPECT_EQ(value, 0);
  EXPECT_TRUE(ring.TryPush(accepted)) << "a popped slot is free again";
  EXPECT_FALSE(ring.TryPush(0));
}

TEST(SpscRing, AnEmptyRingGivesNothing) {
  SpscRing<int> ring(4);
  int value = 7;
  EXPECT_FALSE(ring.TryPop(value));
  EXPECT_EQ(value, 7);
}

// Larger than a word, so that a slot seen before it was filled shows.
struct Entry {
  std::uint64_t number = 0;
  std::uint64_t check = 0;
};

TEST(SpscRing, TwoThreadsLoseAndReorderNothing) {
  constexpr std::uint64_t kEntries = 50'000;
  SpscRing<Entry> ring(64);
  std::thread producer([&] {
    for (std::uint64_t n = 0; n < kEntries;) {
      if (ring.TryPush({.number = n, .check = ~n})) {
        ++n;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (std::uint64_t expected = 0; expected < kEntries;) {
    Entry entry;
    if (!ring.TryPop(entry)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(entry.number, expected);
    ASSERT_EQ(entry.check, ~expected);
    ++expected;
  }
  producer.join();
}

}  // namespace
}  // namespace pollux::core
