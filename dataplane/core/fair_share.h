// How the queues of one worker share its cycles: deficit round robin over cycles, not packets.
//
// Every queue earns the same quantum per pass and pays what its bursts cost. One whose packets are
// dear (first packets, large frames, a flood of errors) runs into debt and sits out passes while
// others have work, so it slows down itself and not its neighbours.
// Threading: owned by one worker.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pollux::core {

class FairShare {
 public:
  // About a full burst of small packets.
  static constexpr std::int64_t kQuantumCycles = 16'384;
  // Debt is bounded, so that one bad burst does not silence a queue for long.
  static constexpr std::int64_t kMaxDebtCycles = 64 * kQuantumCycles;

  // At every pass of the loop. Nothing is saved up while idle.
  void Earn() { credit_ = std::min(credit_ + kQuantumCycles, kQuantumCycles); }
  void Charge(std::uint64_t cycles) {
    const auto cost = static_cast<std::int64_t>(
        std::min<std::uint64_t>(cycles, static_cast<std::uint64_t>(2 * kMaxDebtCycles)));
    credit_ = std::max(credit_ - cost, -kMaxDebtCycles);
  }
  [[nodiscard]] bool InDebt() const { return credit_ < 0; }

  // Sits this pass out? `busy_queues`: how many have had_work(), this one perhaps included. What
  // sits out keeps its had_work(): when all are in debt, passes without work go by until the first
  // has paid.
  [[nodiscard]] bool SitsOut(unsigned busy_queues) const {
    return InDebt() && busy_queues > (had_work_ ? 1U : 0U);
  }
  void EndTurn(bool had_work) { had_work_ = had_work; }
  // At its last turn.
  [[nodiscard]] bool had_work() const { return had_work_; }

 private:
  std::int64_t credit_ = 0;
  bool had_work_ = false;
};

}  // namespace pollux::core
