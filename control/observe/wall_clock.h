// From the workers' stamps, which are of the monotonic clock, to the time of day.
//
// Both clocks run at one rate (adjustments of the rate go to both, clock_gettime(2)), so their
// difference is measured once and nothing drifts. It changes only when the time of day is set; what
// was measured before stays as it is then, so that the stamps of one stream keep their order and
// distances.
// Threading: plain value.
#pragma once

#include <cstdint>

namespace pollux::control {

class WallClock {
 public:
  // As the clocks stand to each other now.
  static WallClock Measure();
  explicit WallClock(std::int64_t ahead_nanos) : ahead_(ahead_nanos) {}

  // Nanoseconds since 1970-01-01 UTC.
  [[nodiscard]] std::uint64_t At(std::uint64_t monotonic_nanos) const {
    return monotonic_nanos + static_cast<std::uint64_t>(ahead_);
  }

 private:
  std::int64_t ahead_;  // wall clock minus monotonic clock
};

}  // namespace pollux::control
