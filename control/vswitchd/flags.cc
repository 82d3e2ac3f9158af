#include "control/vswitchd/flags.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <gflags/gflags.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <utility>

DEFINE_string(run_dir, "/run/pollux", "DIR: sockets and the lock of this switch");
DEFINE_string(state_dir, "/var/lib/pollux", "DIR: the applied state, which survives restarts");
DEFINE_string(cores, "",
              "LIST: CPUs of the workers, one each, such as 2,4-7 (default: the last CPU that "
              "vswitchd may use)");
DEFINE_int32(main_core, -1,
             "N: CPU of the control threads (default: the first that vswitchd may use)");
DEFINE_bool(no_huge, false, "run without hugepages");
DEFINE_int32(memory_mb, 256,
             "N: megabytes of DPDK's memory, for the connection table and devices' buffers");
DEFINE_string(host_interface, "pollux0", "pollux0|none: the node's own interface into the switch");
DEFINE_int32(flow_entries, 262144,
             "N: connections, at most; each takes about 250 bytes, and 300 of DPDK's memory");
DEFINE_int32(pickup_seconds, 60,
             "N: after a start, how long established TCP connections are picked up");
DEFINE_string(flow_timeouts, "",
              "NAME=SECONDS,..: how long connections may be silent before they are forgotten, "
              "such as tcp-established=3600,udp-answered=60; docs/operations.md lists the names");
DEFINE_string(policy_on_established, "judge",
              "judge|keep: what becomes of established connections when policies change: judged "
              "again at their next packet, or kept until they end");
DEFINE_string(listen, "", "HOST:PORT: serve the API on TCP as well, with mutual TLS only");
DEFINE_string(tls_cert, "", "FILE: certificate of this switch (PEM)");
DEFINE_string(tls_key, "", "FILE: its private key (PEM)");
DEFINE_string(tls_ca, "", "FILE: authority whose clients are let in (PEM)");

namespace pollux::control {
namespace {

constexpr std::string_view kUsage =
    "Usage: vswitchd [flags]\n"
    "The switch of one node: moves packets between ports, is told what to do over gRPC on\n"
    "RUN_DIR/vswitchd.sock (vswitchctl). Logs to stderr; SIGTERM and SIGINT end it.\n\n";

constexpr std::array kFlags = {"run_dir",
                               "state_dir",
                               "cores",
                               "main_core",
                               "no_huge",
                               "memory_mb",
                               "host_interface",
                               "flow_entries",
                               "pickup_seconds",
                               "flow_timeouts",
                               "policy_on_established",
                               "listen",
                               "tls_cert",
                               "tls_key",
                               "tls_ca"};
constexpr Program kProgram{
    .name = "vswitchd", .version = POLLUX_VERSION, .usage = kUsage, .flags = kFlags};

std::vector<unsigned> AllowedCores() {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<unsigned> cores;
  for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) {
      cores.push_back(core);
    }
  }
  return cores;
}

absl::Status CheckCores(const Options& options) {
  const std::vector<unsigned> allowed = AllowedCores();
  const auto is_allowed = [&](unsigned core) {
    return std::find(allowed.begin(), allowed.end(), core) != allowed.end();
  };
  for (const unsigned core : options.cores) {
    if (!is_allowed(core)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("--cores: CPU %d does not exist or vswitchd may not use it", core));
    }
  }
  return is_allowed(options.main_core)
             ? absl::OkStatus()
             : absl::InvalidArgumentError(
                   absl::StrFormat("--main-core: CPU %d does not exist or vswitchd may not use it",
                                   options.main_core));
}

absl::Status CheckNumbers() {
  if (FLAGS_memory_mb <= 0) {
    return absl::InvalidArgumentError("--memory-mb: must be above 0");
  }
  if (FLAGS_main_core < -1) {
    return absl::InvalidArgumentError("--main-core: must not be below 0");
  }
  // rte_hash takes 2^30 keys, of which each connection has two, and some stay free.
  constexpr int kMostFlowEntries = 400'000'000;
  if (FLAGS_flow_entries <= 0 || FLAGS_flow_entries > kMostFlowEntries) {
    return absl::InvalidArgumentError(
        absl::StrFormat("--flow-entries: must be above 0 and at most %d", kMostFlowEntries));
  }
  return FLAGS_pickup_seconds >= 0
             ? absl::OkStatus()
             : absl::InvalidArgumentError("--pickup-seconds: must not be below 0");
}

absl::StatusOr<OnPolicyChange> ReadOnPolicyChange() {
  if (FLAGS_policy_on_established == "judge") {
    return OnPolicyChange::kJudgeEstablished;
  }
  if (FLAGS_policy_on_established == "keep") {
    return OnPolicyChange::kKeepEstablished;
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "--policy-on-established: \"%s\" is neither judge nor keep", FLAGS_policy_on_established));
}

absl::StatusOr<Options> OptionsFromFlags() {
  const absl::StatusOr<std::string> run_dir = Directory("--run-dir", FLAGS_run_dir);
  const absl::StatusOr<std::string> state_dir = Directory("--state-dir", FLAGS_state_dir);
  const absl::StatusOr<tables::ConnectionTimeouts> timeouts = ParseTimeouts(FLAGS_flow_timeouts);
  const absl::StatusOr<OnPolicyChange> on_policy_change = ReadOnPolicyChange();
  for (const absl::Status& status : {run_dir.status(), state_dir.status(), CheckNumbers(),
                                     timeouts.status(), on_policy_change.status()}) {
    if (!status.ok()) {
      return status;
    }
  }
  const std::vector<unsigned> allowed = AllowedCores();
  Options options{
      .run_dir = *run_dir,
      .state_dir = *state_dir,
      .cores = {allowed.back()},
      .main_core = FLAGS_main_core < 0 ? allowed.front() : static_cast<unsigned>(FLAGS_main_core),
      .no_huge = FLAGS_no_huge,
      .memory_mb = static_cast<unsigned>(FLAGS_memory_mb),
      .flow_entries = static_cast<unsigned>(FLAGS_flow_entries),
      .pickup_seconds = static_cast<unsigned>(FLAGS_pickup_seconds),
      .flow_timeouts = *timeouts,
      .on_policy_change = *on_policy_change,
      .host_interface = FLAGS_host_interface == "none" ? "" : FLAGS_host_interface,
      .listen = FLAGS_listen,
      .tls_cert = FLAGS_tls_cert,
      .tls_key = FLAGS_tls_key,
      .tls_ca = FLAGS_tls_ca};
  if (!FLAGS_cores.empty()) {
    absl::StatusOr<std::vector<unsigned>> cores = ParseCores(FLAGS_cores);
    if (!cores.ok()) {
      return cores.status();
    }
    options.cores = *std::move(cores);
  }
  const absl::Status status = CheckCores(options);
  return status.ok() ? absl::StatusOr<Options>(options) : status;
}

}  // namespace

absl::StatusOr<std::vector<unsigned>> ParseCores(const std::string& list) {
  constexpr unsigned kMaxCore = 1023;
  std::vector<unsigned> cores;
  for (const std::string& item : std::vector<std::string>(absl::StrSplit(list, ','))) {
    const std::vector<std::string> ends = absl::StrSplit(item, '-');
    unsigned first = 0;
    unsigned last = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &first) ||
        !absl::SimpleAtoi(ends.back(), &last) || first > last || last > kMaxCore) {
      return absl::InvalidArgumentError(
          absl::StrFormat("--cores: \"%s\" is no list such as 2,4-7", list));
    }
    for (unsigned core = first; core <= last; ++core) {
      if (std::find(cores.begin(), cores.end(), core) != cores.end()) {
        return absl::InvalidArgumentError(absl::StrFormat("--cores: CPU %d is given twice", core));
      }
      cores.push_back(core);
    }
  }
  return cores;
}

absl::StatusOr<tables::ConnectionTimeouts> ParseTimeouts(const std::string& list) {
  tables::ConnectionTimeouts timeouts;
  const auto known = tables::NamedTimeouts();
  for (const std::string& item :
       std::vector<std::string>(absl::StrSplit(list, ',', absl::SkipEmpty()))) {
    const std::vector<std::string> parts = absl::StrSplit(item, '=');
    const auto at = std::ranges::find(known, parts.front(), &tables::NamedTimeout::name);
    if (at == known.end()) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "--flow-timeouts: \"%s\" is none of %s", parts.front(),
          absl::StrJoin(known, ", ", [](std::string* text, const tables::NamedTimeout& timeout) {
            text->append(timeout.name);
          })));
    }
    std::uint32_t seconds = 0;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &seconds) || seconds == 0 ||
        seconds > tables::kMaxTimeoutSeconds) {
      return absl::InvalidArgumentError(
          absl::StrFormat("--flow-timeouts: \"%s\" must be NAME=SECONDS, from 1 to %d", item,
                          tables::kMaxTimeoutSeconds));
    }
    timeouts.*at->seconds = seconds;
  }
  return timeouts;
}

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  LineOutcome outcome = ReadLine(kProgram, argc, argv);
  if (!outcome.run) {
    return {std::move(outcome), {}};
  }
  const absl::StatusOr<Options> options = OptionsFromFlags();
  return options.ok()
             ? CommandLine{std::move(outcome), *options}
             : CommandLine{BadUsage(kProgram, std::string(options.status().message())), {}};
}

}  // namespace pollux::control
