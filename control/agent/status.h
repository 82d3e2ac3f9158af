// What the agent tells about itself: written by its loop, read by the API.
// Threading: any thread.
#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "control/proto/vswitch/v1/agent.pb.h"

namespace pollux::agent {

namespace api = ::vswitch::v1;

class StatusBoard {
 public:
  void Change(const std::function<void(api::GetAgentStatusReply&)>& change) {
    const std::lock_guard lock(mutex_);
    change(reply_);
  }
  [[nodiscard]] api::GetAgentStatusReply Read() const {
    const std::lock_guard lock(mutex_);
    return reply_;
  }

 private:
  mutable std::mutex mutex_;
  api::GetAgentStatusReply reply_;
};

// The agent's API. `board` outlives the service.
std::unique_ptr<grpc::Service> MakeAgentService(const StatusBoard& board);

}  // namespace pollux::agent
