// Errors that name the field that is wrong and the object it belongs to, the same everywhere:
//   endpoint.ip[1]: "10.0.0.300" is not an IP address (endpoint "web")
// Threading: pure functions.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace pollux::control {

// A value that can never be right.
inline absl::Status FieldError(std::string_view field, std::string_view what,
                               std::string_view object) {
  return absl::InvalidArgumentError(absl::StrFormat("%s: %s (%s)", field, what, object));
}

// A value that clashes with what else is there.
inline absl::Status FieldConflict(std::string_view field, std::string_view what,
                                  std::string_view object) {
  return absl::FailedPreconditionError(absl::StrFormat("%s: %s (%s)", field, what, object));
}

// A value from outside as it may stand in a message: bounded, without control characters.
inline std::string Quoted(std::string_view text) {
  constexpr std::size_t kMaxBytes = 128;
  const std::string escaped =
      absl::Utf8SafeCEscape({text.data(), std::min(text.size(), kMaxBytes)});
  return '"' + escaped + (text.size() > kMaxBytes ? "...\"" : "\"");
}

}  // namespace pollux::control
