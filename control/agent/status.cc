#include "control/agent/status.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "control/proto/vswitch/v1/agent.grpc.pb.h"

namespace pollux::agent {
namespace {

class AgentService final : public api::Agent::Service {
 public:
  explicit AgentService(const StatusBoard& board) : board_(board) {}

  grpc::Status GetAgentStatus(grpc::ServerContext*, const api::GetAgentStatusRequest*,
                              api::GetAgentStatusReply* reply) override {
    *reply = board_.Read();
    const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - started_;
    for (api::AgentStatus& status : *reply->mutable_items()) {
      status.set_uptime_seconds(uptime.count());
    }
    return grpc::Status::OK;
  }

 private:
  const StatusBoard& board_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAgentService(const StatusBoard& board) {
  return std::make_unique<AgentService>(board);
}

}  // namespace pollux::agent
