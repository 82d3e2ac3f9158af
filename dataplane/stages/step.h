// How the steps of the journey are run: the batch loop, the counting and the observing, once.
//
// A step is a struct with
//   static constexpr core::StepId kId;
//   static core::Verdict Decide(Context&, core::Packet&);
// Decide looks at one packet and says what becomes of it; RunSteps<A, B, C> runs several steps over
// a burst, joined at compile time: each packet goes through all of them before the next one.
// Threading: one worker.
#pragma once

#include <array>
#include <span>

#include "dataplane/core/batch.h"
#include "dataplane/core/verdict.h"
#include "dataplane/stages/context.h"

namespace pollux::stages {

// The packets of one burst on their way: those still being decided, and the answers to others.
class Burst {
 public:
  [[nodiscard]] std::span<core::Packet*> live() { return {live_.data(), live_count_}; }
  void KeepLive(unsigned count) { live_count_ = count; }
  [[nodiscard]] core::Packet*& live_slot(unsigned index) { return live_[index]; }
  void AddAnswer(core::Packet* packet) { answers_[answer_count_++] = packet; }
  // What Send takes: the packets that passed every step, then the answers.
  [[nodiscard]] std::span<core::Packet*> ready() {
    for (unsigned i = 0; i < answer_count_; ++i) {
      live_[live_count_++] = answers_[i];  // each packet is in one of the two
    }
    answer_count_ = 0;
    return live();
  }

 private:
  unsigned live_count_ = 0;
  unsigned answer_count_ = 0;
  std::array<core::Packet*, core::kBurst> live_;
  std::array<core::Packet*, core::kBurst> answers_;
};

// Counts a packet whose journey ends before Send, or makes its answer ready. Out of line: rare.
void Conclude(Context& ctx, Burst& burst, core::Packet& packet, core::Verdict verdict);

namespace internal {

template <bool kObserved, typename Step>
inline bool Run(Context& ctx, Burst& burst, core::Packet& packet) {
  const core::Verdict verdict = Step::Decide(ctx, packet);
  if constexpr (kObserved) {
    ctx.Observe(Step::kId, packet, verdict);
  }
  if (verdict.continues()) [[likely]] {
    return true;
  }
  Conclude(ctx, burst, packet, verdict);
  return false;
}

template <bool kObserved, typename... Steps, typename Packets, typename Get>
inline void RunOver(Context& ctx, Burst& burst, Packets packets, Get get) {
  unsigned kept = 0;
  for (auto& element : packets) {
    core::Packet& packet = get(element);
    if ((Run<kObserved, Steps>(ctx, burst, packet) && ...)) [[likely]] {
      burst.live_slot(kept++) = &packet;
    }
  }
  burst.KeepLive(kept);
}

// Twice, so that a burst that nobody observes pays one test, not one per packet and step.
template <typename... Steps, typename Packets, typename Get>
inline void RunMaybeObserved(Context& ctx, Burst& burst, Packets packets, Get get) {
  if (ctx.observers == nullptr) [[likely]] {
    RunOver<false, Steps...>(ctx, burst, packets, get);
  } else {
    [&]() __attribute__((noinline, cold)) { RunOver<true, Steps...>(ctx, burst, packets, get); }
    ();
  }
}

template <bool kObserved, typename... Steps>
inline void RunOverUnknown(Context& ctx, Burst& burst) {
  unsigned kept = 0;
  for (core::Packet* packet : burst.live()) {
    // A step may find the connection: the rest is decided then.
    if (((packet->direction != nullptr || Run<kObserved, Steps>(ctx, burst, *packet)) && ...)) {
      burst.live_slot(kept++) = packet;
    }
  }
  burst.KeepLive(kept);
}

}  // namespace internal

// The first steps, over all that was received.
template <typename... Steps>
inline void BeginSteps(Context& ctx, core::Batch& batch, Burst& burst) {
  internal::RunMaybeObserved<Steps...>(ctx, burst, batch.packets(),
                                       [](core::Packet& p) -> core::Packet& { return p; });
}

// The next ones, over those that are still there.
template <typename... Steps>
inline void RunSteps(Context& ctx, Burst& burst) {
  internal::RunMaybeObserved<Steps...>(ctx, burst, burst.live(),
                                       [](core::Packet* p) -> core::Packet& { return *p; });
}

// Those of the first packet's path, over those whose connection is not known, as long as it is not.
template <typename... Steps>
inline void RunStepsOnUnknown(Context& ctx, Burst& burst) {
  if (ctx.observers == nullptr) [[likely]] {
    internal::RunOverUnknown<false, Steps...>(ctx, burst);
  } else {
    internal::RunOverUnknown<true, Steps...>(ctx, burst);
  }
}

}  // namespace pollux::stages
