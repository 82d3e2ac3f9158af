#include "dataplane/core/fair_share.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace pollux::core {
namespace {

// Runs passes of a worker whose queues always have work; returns the cycles that each was given.
std::vector<std::uint64_t> Share(const std::vector<std::uint64_t>& burst_cycles, int passes) {
  std::vector<FairShare> shares(burst_cycles.size());
  std::vector<std::uint64_t> spent(burst_cycles.size());
  for (int pass = 0; pass < passes; ++pass) {
    for (std::size_t i = 0; i < shares.size(); ++i) {
      shares[i].Earn();
      if (!shares[i].InDebt()) {
        shares[i].Charge(burst_cycles[i]);
        spent[i] += burst_cycles[i];
      }
    }
  }
  return spent;
}

TEST(FairShare, AQueueOfDearBurstsGetsNoMoreCyclesThanItsShare) {
  // One queue's bursts cost 20 quanta, the other's one: both busy for ever.
  const std::uint64_t quantum = FairShare::kQuantumCycles;
  const auto spent = Share({20 * quantum, quantum}, 10'000);
  EXPECT_LE(spent[0], spent[1] * 11 / 10);
  EXPECT_GE(spent[0], spent[1] * 9 / 10);
}

TEST(FairShare, CheapQueuesNeverSitOut) {
  const auto spent = Share({1000, 2000}, 100);
  EXPECT_EQ(spent[0], 100 * 1000);
  EXPECT_EQ(spent[1], 100 * 2000);
}

TEST(FairShare, DebtIsBounded) {
  FairShare share;
  share.Charge(~std::uint64_t{0});
  std::int64_t passes = 0;
  while (share.InDebt()) {
    share.Earn();
    ++passes;
  }
  EXPECT_LE(passes, FairShare::kMaxDebtCycles / FairShare::kQuantumCycles);
}

TEST(FairShare, NothingIsSavedUpWhileIdle) {
  FairShare share;
  for (int i = 0; i < 1000; ++i) {
    share.Earn();
  }
  share.Charge(FairShare::kQuantumCycles + 1);
  EXPECT_TRUE(share.InDebt());
}

}  // namespace
}  // namespace pollux::core
