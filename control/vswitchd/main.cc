// vswitchd: the switch of one node. Wiring only.
#include <glog/logging.h>
#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <utility>

#include "control/daemon/run_dir.h"
#include "control/rpc/api.h"
#include "control/rpc/server.h"
#include "control/state/controller.h"
#include "control/vswitchd/dataplane_switch.h"
#include "control/vswitchd/flags.h"
#include "dataplane/cpu_check.h"
#include "dataplane/dataplane.h"
#include "dataplane/eal.h"

namespace pollux::control {
namespace {

// Of the switch towards every pod, the same on every node and after every start: a pod that was
// told once need not be told again. Locally administered (IEEE 802, U/L bit).
constexpr net::MacAddress kGatewayMac = {{0x02, 'p', 'l', 'x', 0x00, 0x01}};
constexpr timespec kRetryPeriod = {.tv_sec = 2, .tv_nsec = 0};

// Signals that end the program, blocked in every thread and awaited by the main one.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

std::vector<core::PortSpec> OwnPorts(const Options& options) {
  if (options.host_interface.empty()) {
    return {};
  }
  core::PortSpec host;
  host.name = options.host_interface;
  host.role = core::PortRole::kHost;
  host.backend = core::TapSpec{.netns = "", .ifname = options.host_interface};
  return {host};
}

absl::Status Serve(const Options& options, const RunDir& run_dir, const sigset_t& signals,
                   Api::Clock::time_point started) {
  absl::StatusOr<std::unique_ptr<Dataplane>> dataplane =
      Dataplane::Start({.worker_cores = options.cores,
                        .gateway_mac = kGatewayMac,
                        .flow_entries = options.flow_entries,
                        .pickup_seconds = options.pickup_seconds,
                        .timeouts = options.flow_timeouts,
                        .on_policy_change = options.on_policy_change});
  if (!dataplane.ok()) {
    return dataplane.status();
  }
  DataplaneSwitch packet_side(*std::move(dataplane));
  absl::StatusOr<StateFile> file = StateFile::Open(options.state_dir);
  if (!file.ok()) {
    return file.status();
  }
  Controller controller(packet_side, *std::move(file));
  if (const absl::Status status = controller.Start(OwnPorts(options)); !status.ok()) {
    return status;
  }
  Api api(controller, POLLUX_VERSION, started);
  api.SetForwarding();
  const auto server = Server::Start({.socket = run_dir.socket(),
                                     .listen = options.listen,
                                     .tls_cert = options.tls_cert,
                                     .tls_key = options.tls_key,
                                     .tls_ca = options.tls_ca},
                                    api);
  if (!server.ok()) {
    return server.status();
  }
  LOG(INFO) << "serving on " << run_dir.socket() << "; forwarding after "
            << api.seconds_to_forwarding() << " s, with revision "
            << controller.snapshot()->revision.value();
  int signal = 0;
  while ((signal = sigtimedwait(&signals, nullptr, &kRetryPeriod)) <= 0) {
    controller.RetryFailed();
  }
  LOG(INFO) << "ending on " << sigabbrev_np(signal);
  return absl::OkStatus();
}

absl::Status Run(const Options& options, Api::Clock::time_point started) {
  const sigset_t signals = BlockSignals();
  const absl::StatusOr<RunDir> run_dir = RunDir::Lock(options.run_dir, "vswitchd");
  if (!run_dir.ok()) {
    return run_dir.status();
  }
  const absl::Status eal = InitEal({.worker_cores = options.cores,
                                    .main_core = options.main_core,
                                    .no_huge = options.no_huge,
                                    .memory_mb = options.memory_mb,
                                    .file_prefix = run_dir->file_prefix()});
  return eal.ok() ? Serve(options, *run_dir, signals, started) : eal;
}

}  // namespace
}  // namespace pollux::control

int main(int argc, char** argv) {
  const auto started = pollux::control::Api::Clock::now();
  CHECK(pollux::MissingCpuFeature() == nullptr);  // links the check in, which ran before main
  const auto line = pollux::control::ParseCommandLine(argc, argv);
  if (!line.run) {
    std::fputs(line.text.c_str(), line.exit_code == 0 ? stdout : stderr);
    return line.exit_code;
  }
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  if (const absl::Status status = pollux::control::Run(line.options, started); !status.ok()) {
    LOG(ERROR) << status.message();
    return 1;
  }
  return 0;
}
