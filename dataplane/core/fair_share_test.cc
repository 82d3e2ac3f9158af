#include "dataplane/core/fair_share.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace pollux::core {
namespace {

// Runs passes of a worker whose queues always have work (or never: bursts of 0 cycles); returns the
// cycles that each was given.
std::vector<std::uint64_t> Share(const std::vector<std::uint64_t>& burst_cycles, int passes) {
  std::vector<FairShare> shares(burst_cycles.size());
  std::vector<std::uint64_t> spent(burst_cycles.size());
  unsigned busy_queues = 0;
  for (int pass = 0; pass < passes; ++pass) {
    unsigned busy = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      shares[i].Earn();
      if (!shares[i].SitsOut(busy_queues)) {
        shares[i].Charge(burst_cycles[i]);
        spent[i] += burst_cycles[i];
        shares[i].EndTurn(burst_cycles[i] > 0);
      }
      busy += shares[i].had_work() ? 1U : 0U;
    }
    busy_queues = busy;
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

TEST(FairShare, TwoQueuesOfDearBurstsShareAsWell) {
  const std::uint64_t quantum = FairShare::kQuantumCycles;
  const auto spent = Share({40 * quantum, 4 * quantum}, 100'000);
  EXPECT_LE(spent[0], spent[1] * 11 / 10);
  EXPECT_GE(spent[0], spent[1] * 9 / 10);
}

TEST(FairShare, AQueueInDebtWaitsForASingleOtherAsForMany) {
  const std::uint64_t quantum = FairShare::kQuantumCycles;
  const auto spent = Share({20 * quantum, quantum, quantum}, 10'000);
  EXPECT_LE(spent[0], spent[1] * 11 / 10);
  EXPECT_EQ(spent[1], spent[2]);
}

TEST(FairShare, AQueueWithoutCompetitionNeverSitsOut) {
  const std::uint64_t quantum = FairShare::kQuantumCycles;
  EXPECT_EQ(Share({20 * quantum, 0}, 1000)[0], 1000 * (20 * quantum));
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
