// The agent's loop: what the directory says becomes what the switch has.
// Threading: Run() one thread; Stop() any thread.
#pragma once

#include <string>

#include "control/agent/desired.h"
#include "control/agent/flags.h"
#include "control/agent/health_server.h"
#include "control/agent/status.h"
#include "control/agent/switch_client.h"
#include "control/agent/switch_keeper.h"
#include "control/kubernetes/directory_watch.h"
#include "control/kubernetes/manifest_directory.h"

namespace pollux::agent {

class Agent {
 public:
  // All outlive the agent.
  Agent(const Options& options, SwitchClient& client, StatusBoard& board);

  // Until Stop().
  void Run();
  void Stop() { watch_.Stop(); }

 private:
  void Step();
  void Read();
  // What the switch did about it.
  [[nodiscard]] std::string Bring();
  void Tell(const std::string& switch_state);

  const Options options_;
  StatusBoard& board_;
  SwitchKeeper keeper_;
  kubernetes::DirectoryWatch watch_;
  kubernetes::ManifestDirectory directory_;
  Desired desired_;
  HealthServer health_server_;
  std::string told_;  // last of the switch's state, in the log
};

}  // namespace pollux::agent
