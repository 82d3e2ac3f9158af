#include "control/vswitchd/flags.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <gflags/gflags.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

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

constexpr std::array kFlags = {"run_dir",        "state_dir", "cores",          "main_core",
                               "no_huge",        "memory_mb", "host_interface", "flow_entries",
                               "pickup_seconds", "listen",    "tls_cert",       "tls_key",
                               "tls_ca"};

std::string Spelled(const std::string& flag) {
  return "--" + absl::StrReplaceAll(flag, {{"_", "-"}});
}

std::string Help() {
  std::string text(kUsage);
  for (const char* name : kFlags) {
    const gflags::CommandLineFlagInfo info = gflags::GetCommandLineFlagInfoOrDie(name);
    const bool has_default =
        info.type != "bool" && !info.default_value.empty() && info.default_value != "-1";
    absl::StrAppend(&text, "  ", absl::StrFormat("%-17s", Spelled(name)), info.description,
                    has_default ? absl::StrCat(" (default: ", info.default_value, ")") : "", "\n");
  }
  return text + "  --help, --version\n";
}

CommandLine BadUsage(const std::string& what) {
  return {.run = false,
          .exit_code = 2,
          .text = "vswitchd: " + what + "; see vswitchd --help\n",
          .options = {}};
}

// One flag of the line: its name, and its value if it came as --name=value.
struct Argument {
  explicit Argument(const std::string& text) {
    const std::size_t equals = text.find('=');
    name = absl::StrReplaceAll(text.substr(2, equals == std::string::npos ? equals : equals - 2),
                               {{"-", "_"}});
    if (equals != std::string::npos) {
      value = text.substr(equals + 1);
    }
  }
  std::string name;
  std::optional<std::string> value;
};

// Sets the flags; an error says what is wrong with which.
absl::Status SetFlags(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].rfind("--", 0) != 0) {
      return absl::InvalidArgumentError(absl::StrCat("unexpected argument ", arguments[i]));
    }
    Argument argument(arguments[i]);
    if (std::find(kFlags.begin(), kFlags.end(), argument.name) == kFlags.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown flag ", Spelled(argument.name)));
    }
    const bool is_bool = gflags::GetCommandLineFlagInfoOrDie(argument.name.c_str()).type == "bool";
    if (!argument.value && !is_bool && i + 1 == arguments.size()) {
      return absl::InvalidArgumentError(Spelled(argument.name) + " needs a value");
    }
    const std::string value = argument.value ? *argument.value : is_bool ? "true" : arguments[++i];
    if (gflags::SetCommandLineOption(argument.name.c_str(), value.c_str()).empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Spelled(argument.name), ": ", value, " is not of its type"));
    }
  }
  return absl::OkStatus();
}

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
  if (FLAGS_flow_entries <= 0) {
    return absl::InvalidArgumentError("--flow-entries: must be above 0");
  }
  return FLAGS_pickup_seconds >= 0
             ? absl::OkStatus()
             : absl::InvalidArgumentError("--pickup-seconds: must not be below 0");
}

// Absolute, without a slash at its end.
absl::StatusOr<std::string> Directory(const char* flag, const std::string& value) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(value, error).lexically_normal();
  if (value.empty() || error) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", value.empty() ? "must not be empty" : error.message()));
  }
  return path.has_filename() ? path.string() : path.parent_path().string();
}

absl::StatusOr<Options> OptionsFromFlags() {
  const absl::StatusOr<std::string> run_dir = Directory("--run-dir", FLAGS_run_dir);
  const absl::StatusOr<std::string> state_dir = Directory("--state-dir", FLAGS_state_dir);
  for (const absl::Status& status : {run_dir.status(), state_dir.status(), CheckNumbers()}) {
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

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto has = [&](const char* flag) {
    return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
  };
  if (has("--help") || has("-h")) {
    return {.run = false, .exit_code = 0, .text = Help(), .options = {}};
  }
  if (has("--version")) {
    return {.run = false, .exit_code = 0, .text = "vswitchd " POLLUX_VERSION "\n", .options = {}};
  }
  if (const absl::Status status = SetFlags(arguments); !status.ok()) {
    return BadUsage(std::string(status.message()));
  }
  const absl::StatusOr<Options> options = OptionsFromFlags();
  return options.ok() ? CommandLine{.run = true, .exit_code = 0, .text = {}, .options = *options}
                      : BadUsage(std::string(options.status().message()));
}

}  // namespace pollux::control
