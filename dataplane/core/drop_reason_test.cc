#include "dataplane/core/drop_reason.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dataplane/core/verdict.h"

namespace pollux::core {
namespace {

std::vector<DropReason> AllReasons() {
  std::vector<DropReason> reasons;
  for (unsigned i = 1; i < kDropReasonCount; ++i) {
    reasons.push_back(static_cast<DropReason>(i));
  }
  return reasons;
}

TEST(DropReason, NamesLeadBackToTheirReasons) {
  for (const DropReason reason : AllReasons()) {
    EXPECT_EQ(DropReasonFromName(Describe(reason).name), reason) << Describe(reason).name;
  }
  for (const char* name : {"", "none", "kNoRoute", "no_rout", "NO_ROUTE"}) {
    EXPECT_EQ(DropReasonFromName(name), std::nullopt) << name;
  }
  EXPECT_EQ(Describe(DropReason::kNoRoute).name, "no_route");
  EXPECT_EQ(Describe(DropReason::kNone).name, "none");
}

TEST(DropReason, NamesAreUniqueIdentifiers) {
  std::set<std::string_view> names;
  for (const DropReason reason : AllReasons()) {
    const std::string_view name = Describe(reason).name;
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(!name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    })) << name;
  }
}

TEST(DropReason, EveryReasonHasAStepAndATextForAPerson) {
  std::set<std::string_view> steps;
  for (unsigned i = 0; i < static_cast<unsigned>(StepId::kCount); ++i) {
    steps.insert(StepName(static_cast<StepId>(i)));
  }
  EXPECT_EQ(steps.size(), static_cast<std::size_t>(StepId::kCount));
  for (const DropReason reason : AllReasons()) {
    const DropReasonRow& row = Describe(reason);
    EXPECT_TRUE(steps.contains(row.step)) << row.name << ": " << row.step;
    EXPECT_GT(row.text.size(), 10U) << row.name;
    EXPECT_NE(row.text.back(), '.') << row.name;
  }
}

// Reasons of one step stand together, in the order of the journey.
TEST(DropReason, TheTableFollowsThePacket) {
  unsigned last = 0;
  for (const DropReason reason : AllReasons()) {
    unsigned step = 0;
    while (StepName(static_cast<StepId>(step)) != Describe(reason).step) {
      ++step;
      ASSERT_LT(step, static_cast<unsigned>(StepId::kCount));
    }
    EXPECT_GE(step, last) << Describe(reason).name;
    last = step;
  }
}

}  // namespace
}  // namespace pollux::core
