// The command line of a daemon.
//
// gflags holds the values; reading the line is ours, because flags are spelled --x-y, --help and
// --version exit 0 and bad usage exits 2 (gflags does none of that).
// Threading: main thread, before anything else.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>

namespace pollux::control {

// What is to be printed before the program ends with `exit_code`, unless it runs.
struct LineOutcome {
  bool run = false;
  int exit_code = 0;
  std::string text;
};

struct Program {
  std::string_view name;
  std::string_view version;
  std::string_view usage;              // with an empty line at its end
  std::span<const char* const> flags;  // as gflags knows them, in the order of --help
};

// Answers --help and --version, and sets the flags.
LineOutcome ReadLine(const Program& program, int argc, const char* const* argv);
LineOutcome BadUsage(const Program& program, std::string_view what);

// Absolute, without a slash at its end. InvalidArgument names the flag.
absl::StatusOr<std::string> Directory(std::string_view flag, const std::string& value);

}  // namespace pollux::control
