#include "control/vswitchctl/units.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>

#include <array>
#include <cmath>
#include <ctime>

namespace pollux::ctl {
namespace {

constexpr double kThousand = 1000;
constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

struct Unit {
  std::string_view name;
  double milliseconds;
};
// "ms" before "s" and "m": the longest name wins.
constexpr std::array<Unit, 4> kUnits = {{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr double kMaxMilliseconds = 1e9;  // 11 days

}  // namespace

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  for (const Unit& unit : kUnits) {
    double value = 0;
    if (text.ends_with(unit.name) &&
        absl::SimpleAtod(std::string(text.substr(0, text.size() - unit.name.size())), &value)) {
      const double milliseconds = value * unit.milliseconds;
      return milliseconds >= 0 && milliseconds <= kMaxMilliseconds
                 ? std::optional(std::chrono::milliseconds(std::llround(milliseconds)))
                 : std::nullopt;
    }
  }
  return std::nullopt;
}

std::string WithPrefix(double value, std::string_view unit) {
  constexpr std::array kPrefixes = {"", "k", "M", "G", "T", "P"};
  constexpr double kRoundsUp = 999.5;
  std::size_t prefix = 0;
  while (value >= kRoundsUp && prefix + 1 < kPrefixes.size()) {
    value /= kThousand;
    ++prefix;
  }
  return absl::StrFormat("%.3g %s%s", value, kPrefixes[prefix], unit);
}

std::string FormatSeconds(double seconds) {
  constexpr long kMinute = 60;
  constexpr long kHour = 60 * kMinute;
  constexpr long kDay = 24 * kHour;
  const long whole = std::lround(seconds);
  if (whole < kMinute) {
    return absl::StrFormat("%.3g s", seconds);
  }
  if (whole < kHour) {
    return absl::StrFormat("%d min %d s", whole / kMinute, whole % kMinute);
  }
  if (whole < kDay) {
    return absl::StrFormat("%d h %d min", whole / kHour, whole % kHour / kMinute);
  }
  return absl::StrFormat("%d d %d h", whole / kDay, whole % kDay / kHour);
}

std::string FormatNanos(std::uint64_t nanos) {
  constexpr std::array kNames = {"ns", "us", "ms"};
  auto value = static_cast<double>(nanos);
  for (const char* name : kNames) {
    if (value < kThousand) {
      return absl::StrFormat("%.3g %s", value, name);
    }
    value /= kThousand;
  }
  return absl::StrFormat("%.1f s", value);
}

std::string FormatShare(double share) {
  constexpr double kPercent = 100;
  return absl::StrFormat("%.1f %%", share * kPercent);
}

std::string FormatTimeOfDay(std::uint64_t nanos) {
  const auto seconds = static_cast<std::time_t>(nanos / kNanosPerSecond);
  std::tm local{};
  localtime_r(&seconds, &local);
  return absl::StrFormat("%02d:%02d:%02d.%09d", local.tm_hour, local.tm_min, local.tm_sec,
                         nanos % kNanosPerSecond);
}

}  // namespace pollux::ctl
