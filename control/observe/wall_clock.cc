#include "control/observe/wall_clock.h"

#include <ctime>
#include <limits>

namespace pollux::control {
namespace {

std::int64_t Read(clockid_t clock) {
  constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
  timespec t{};
  clock_gettime(clock, &t);
  return t.tv_sec * kNanosPerSecond + t.tv_nsec;
}

}  // namespace

WallClock WallClock::Measure() {
  // The reading that was interrupted least.
  constexpr int kReadings = 8;
  std::int64_t ahead = 0;
  std::int64_t narrowest = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < kReadings; ++i) {
    const std::int64_t before = Read(CLOCK_MONOTONIC);
    const std::int64_t wall = Read(CLOCK_REALTIME);
    const std::int64_t width = Read(CLOCK_MONOTONIC) - before;
    if (width < narrowest) {
      narrowest = width;
      ahead = wall - (before + width / 2);
    }
  }
  return WallClock(ahead);
}

}  // namespace pollux::control
