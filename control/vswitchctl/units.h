// Quantities as people write and read them.
// Threading: pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pollux::ctl {

// "500ms", "10s", "1.5m", "2h"; nothing for anything else, a number without a unit included.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

// Three digits and a prefix of the SI: (14880952, "pkt/s") is "14.9 Mpkt/s".
std::string WithPrefix(double value, std::string_view unit);
std::string FormatSeconds(double seconds);     // "3 h 2 min", "12.5 s"
std::string FormatNanos(std::uint64_t nanos);  // "12.3 us"
std::string FormatShare(double share);         // 0.123 is "12.3 %"
// Nanoseconds since 1970 as the time of day here: "17:04:05.123456789".
std::string FormatTimeOfDay(std::uint64_t nanos);

}  // namespace pollux::ctl
