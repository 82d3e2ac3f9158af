#include "policy/verdict_map.h"

#include <gtest/gtest.h>

namespace pollux::policy {
namespace {

TEST(VerdictMap, EmptyAllowsNothing) {
  EXPECT_EQ(VerdictMap().Find({1, 2, 3, 4}).enforced, VerdictMap::kNoRule);
}

// As many as ten thousand policies may make, with the dense numbers that the compiler gives out.
TEST(VerdictMap, FindsAllAndOnlyThoseInFewSteps) {
  std::vector<VerdictMap::Entry> entries;
  for (std::uint32_t set = 1; set <= 100; ++set) {
    for (std::uint32_t pod = 0; pod < 1000; ++pod) {
      entries.push_back({{set, pod, set % 7, pod % 5}, {set * 1000 + pod, VerdictMap::kNoRule}});
    }
  }
  const VerdictMap map(entries);
  EXPECT_EQ(map.size(), entries.size());
  EXPECT_LT(map.longest_probe(), 64U);
  for (const VerdictMap::Entry& entry : entries) {
    ASSERT_EQ(map.Find(entry.key).enforced, entry.value.enforced);
    VerdictKey other = entry.key;
    other.cidr += 7;
    ASSERT_EQ(map.Find(other).enforced, VerdictMap::kNoRule);
  }
}

}  // namespace
}  // namespace pollux::policy
