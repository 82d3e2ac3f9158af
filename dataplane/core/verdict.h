// What a step says about a packet.
// Threading: plain values.
#pragma once

#include <cstdint>

#include "dataplane/core/drop_reason.h"

namespace pollux::core {

enum class VerdictKind : std::uint8_t {
  kContinue,    // on to the next step
  kSend,        // the packet is finished (an answer made in place): straight to its egress
  kDrop,        // ends here
  kDropAnswer,  // ends here, and its bytes became the answer about it (an ICMP error) for its
                // egress
  kConsumed,    // the switch keeps what it needs of it (a neighbour's reply, a packet that waits)
};

constexpr const char* VerdictName(VerdictKind kind) {
  constexpr const char* kNames[] = {"continue", "send", "drop", "drop_answer", "consumed"};
  return kNames[static_cast<unsigned>(kind)];
}

class Verdict {
 public:
  static constexpr Verdict Continue() { return Verdict(VerdictKind::kContinue); }
  static constexpr Verdict Send() { return Verdict(VerdictKind::kSend); }
  static constexpr Verdict Consumed() { return Verdict(VerdictKind::kConsumed); }
  static constexpr Verdict Drop(DropReason reason) { return {VerdictKind::kDrop, reason}; }
  static constexpr Verdict DropAnswer(DropReason reason) {
    return {VerdictKind::kDropAnswer, reason};
  }

  [[nodiscard]] constexpr VerdictKind kind() const { return kind_; }
  [[nodiscard]] constexpr DropReason reason() const { return reason_; }
  [[nodiscard]] constexpr bool continues() const { return kind_ == VerdictKind::kContinue; }
  friend constexpr bool operator==(Verdict, Verdict) = default;

 private:
  // NOLINTNEXTLINE(google-explicit-constructor): internal
  constexpr Verdict(VerdictKind kind, DropReason reason = DropReason::kNone)
      : kind_(kind), reason_(reason) {}

  VerdictKind kind_;
  DropReason reason_;
};

// The steps of the journey, in order: the names that traces, captures and drop reasons use.
enum class StepId : std::uint8_t {
  kReceive,
  kParse,
  kFindConnection,  // of what is known; the next eight are of first packets
  kSourceGuard,
  kTrack,
  kService,
  kAnswer,
  kRoute,
  kPolicy,
  kSnat,
  kConnect,
  kFollow,
  kForward,
  kSend,
  kCount,
};

constexpr const char* StepName(StepId step) {
  constexpr const char* kNames[] = {"receive", "parse",  "find_connection", "source_guard", "track",
                                    "service", "answer", "route",           "policy",       "snat",
                                    "connect", "follow", "forward",         "send"};
  return step < StepId::kCount ? kNames[static_cast<unsigned>(step)] : "unknown";
}

}  // namespace pollux::core
