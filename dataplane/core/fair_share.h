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

 private:
  std::int64_t credit_ = 0;
};

}  // namespace pollux::core
