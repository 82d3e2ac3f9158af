// The command line of vswitchd.
//
// gflags holds the values; reading the line is ours, because flags are spelled --x-y, --help and
// --version exit 0 and bad usage exits 2 (gflags does none of that).
// Threading: main thread, before anything else.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

namespace pollux::control {

struct Options {
  std::string run_dir;
  std::string state_dir;
  std::vector<unsigned> cores;
  unsigned main_core = 0;
  bool no_huge = false;
  unsigned memory_mb = 0;
  unsigned flow_entries = 0;
  unsigned pickup_seconds = 0;
  std::string host_interface;  // empty: none
  std::string listen;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_ca;
};

// What the line asks for. `text` is to be printed before the program ends with `exit_code`.
struct CommandLine {
  bool run = false;
  int exit_code = 0;
  std::string text;
  Options options;
};

CommandLine ParseCommandLine(int argc, const char* const* argv);

// "1,3-5" to {1, 3, 4, 5}; InvalidArgument on doubt.
absl::StatusOr<std::vector<unsigned>> ParseCores(const std::string& list);

}  // namespace pollux::control
