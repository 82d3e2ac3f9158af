// How the steps of the journey are run: the batch loop, the counting and the observing, once.
//
// A step is a struct with
//   static constexpr core::StepId kId;
//   static core::Verdict Decide(Context&, core::Packet&);
// Decide looks at one packet and says what becomes of it; RunSteps<A, B, C> runs several steps over
// a burst, joined at compile time.
// Threading: one worker.
#pragma once

#include <array>
#include <span>

#include "dataplane/core/batch.h"
#include "dataplane/core/verdict.h"
#include "dataplane/stages/context.h"

namespace pollux::stages {

// The packets of one burst on their way: those still being decided and those ready to be sent.
class Burst {
 public:
  explicit Burst(core::Batch& batch) {
    for (core::Packet& packet : batch.packets()) {
      live_[live_count_++] = &packet;
    }
  }

  [[nodiscard]] std::span<core::Packet*> live() { return {live_.data(), live_count_}; }
  void KeepLive(unsigned count) { live_count_ = count; }
  void AddReady(core::Packet* packet) { ready_[ready_count_++] = packet; }
  // What Send takes: answers first, then the packets that passed every step.
  [[nodiscard]] std::span<core::Packet*> ready() { return {ready_.data(), ready_count_}; }
  void FinishLive() {
    for (core::Packet* packet : live()) {
      AddReady(packet);
    }
    live_count_ = 0;
  }

 private:
  unsigned live_count_ = 0;
  unsigned ready_count_ = 0;
  std::array<core::Packet*, core::kBurst> live_;
  std::array<core::Packet*, core::kBurst> ready_;
};

// Counts a packet whose journey ends before Send, or makes its answer ready. Out of line: rare.
void Conclude(Context& ctx, Burst& burst, core::Packet& packet, core::Verdict verdict);

namespace internal {

template <typename Step>
inline bool Run(Context& ctx, Burst& burst, core::Packet& packet) {
  const core::Verdict verdict = Step::Decide(ctx, packet);
  if (ctx.observers != nullptr) [[unlikely]] {
    ctx.Observe(Step::kId, packet, verdict);
  }
  if (verdict.continues()) [[likely]] {
    return true;
  }
  Conclude(ctx, burst, packet, verdict);
  return false;
}

}  // namespace internal

template <typename... Steps>
inline void RunSteps(Context& ctx, Burst& burst) {
  unsigned kept = 0;
  const std::span<core::Packet*> live = burst.live();
  for (core::Packet* packet : live) {
    if ((internal::Run<Steps>(ctx, burst, *packet) && ...)) [[likely]] {
      live[kept++] = packet;
    }
  }
  burst.KeepLive(kept);
}

}  // namespace pollux::stages
