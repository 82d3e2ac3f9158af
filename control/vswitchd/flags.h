// The command line of vswitchd.
// Threading: main thread, before anything else.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "control/daemon/flag_line.h"
#include "dataplane/forwarding_config.h"
#include "dataplane/tables/connection_timeouts.h"

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
  tables::ConnectionTimeouts flow_timeouts;
  OnPolicyChange on_policy_change = OnPolicyChange::kJudgeEstablished;
  std::string host_interface;  // empty: none
  std::string listen;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_ca;
};

// What the line asks for.
struct CommandLine : LineOutcome {
  Options options;
};

CommandLine ParseCommandLine(int argc, const char* const* argv);

// "1,3-5" to {1, 3, 4, 5}; InvalidArgument on doubt.
absl::StatusOr<std::vector<unsigned>> ParseCores(const std::string& list);
// "udp-answered=60,icmp=5": those, and the defaults of the others.
absl::StatusOr<tables::ConnectionTimeouts> ParseTimeouts(const std::string& list);

}  // namespace pollux::control
