// vswitch-agent: keeps the switch equal to Kubernetes' objects. Wiring only.
#include <glog/logging.h>
#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "control/agent/agent.h"
#include "control/agent/flags.h"
#include "control/agent/status.h"
#include "control/daemon/run_dir.h"
#include "control/rpc/server.h"

namespace pollux::agent {
namespace {

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

absl::Status Run(const Options& options) {
  const sigset_t signals = BlockSignals();
  const absl::StatusOr<control::RunDir> run_dir = control::RunDir::Lock(options.run_dir, "agent");
  if (!run_dir.ok()) {
    return run_dir.status();
  }
  StatusBoard board;
  const auto client = MakeSwitchClient(options.run_dir + "/vswitchd.sock");
  Agent agent(options, *client, board);
  const auto server =
      control::Server::Start({.socket = run_dir->socket()}, MakeAgentService(board));
  if (!server.ok()) {
    return server.status();
  }
  LOG(INFO) << "node " << options.node_name << ", manifests of " << options.manifests;
  std::thread loop([&] { agent.Run(); });
  int signal = 0;
  sigwait(&signals, &signal);
  LOG(INFO) << "ending on " << sigabbrev_np(signal);
  agent.Stop();
  loop.join();
  return absl::OkStatus();
}

}  // namespace
}  // namespace pollux::agent

int main(int argc, char** argv) {
  const auto line = pollux::agent::ParseCommandLine(argc, argv);
  if (!line.run) {
    std::fputs(line.text.c_str(), line.exit_code == 0 ? stdout : stderr);
    return line.exit_code;
  }
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  if (const absl::Status status = pollux::agent::Run(line.options); !status.ok()) {
    LOG(ERROR) << status.message();
    return 1;
  }
  return 0;
}
