// vswitchd as the agent needs it: the one who is told what should be there.
// Threading: one thread.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "control/proto/vswitch/v1/vswitch.pb.h"

namespace pollux::agent {

namespace api = ::vswitch::v1;

class SwitchClient {
 public:
  SwitchClient() = default;
  SwitchClient(const SwitchClient&) = delete;
  SwitchClient& operator=(const SwitchClient&) = delete;
  virtual ~SwitchClient() = default;

  virtual absl::StatusOr<api::ApplyReply> Apply(const api::ApplyRequest& request) = 0;
  virtual absl::StatusOr<api::ApplyReply> Sync(const api::SyncRequest& request) = 0;
  // Revision and process: another process has forgotten nothing, but may have another state file.
  virtual absl::StatusOr<api::GetStatusReply> GetStatus() = 0;
};

// On vswitchd's socket. Connects again by itself; Unavailable meanwhile.
std::unique_ptr<SwitchClient> MakeSwitchClient(const std::string& socket);

}  // namespace pollux::agent
