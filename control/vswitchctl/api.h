// The API of vswitchd as the commands see it: messages in, messages or an error out. No gRPC here,
// so that commands build quickly and tests answer in the switch's place; grpc_api.h is the real
// one. Threading: one thread.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <functional>

#include "control/proto/vswitch/v1/agent.pb.h"
#include "control/proto/vswitch/v1/vswitch.pb.h"

namespace pollux::ctl {

namespace api = ::vswitch::v1;

class Api {
 public:
  // Takes the next message of a stream; false ends the stream.
  template <typename Message>
  using Each = std::function<bool(const Message&)>;

  virtual ~Api() = default;

  // Returns when the switch says that it serves; DeadlineExceeded says what it said instead.
  virtual absl::Status WaitUntilServing(std::chrono::milliseconds patience) = 0;

  virtual absl::StatusOr<api::ApplyReply> Apply(const api::ApplyRequest& request) = 0;
  virtual absl::StatusOr<api::ApplyReply> Sync(const api::SyncRequest& request) = 0;
  virtual absl::StatusOr<api::ListPortsReply> ListPorts(const api::ListRequest& request) = 0;
  virtual absl::StatusOr<api::ListEndpointsReply> ListEndpoints(
      const api::ListRequest& request) = 0;
  virtual absl::StatusOr<api::ListRoutesReply> ListRoutes(const api::ListRequest& request) = 0;
  // Of vswitch-agent, beside the switch.
  virtual absl::StatusOr<api::GetAgentStatusReply> GetAgentStatus(
      const api::GetAgentStatusRequest& request) = 0;
  virtual absl::StatusOr<api::ListServicesReply> ListServices(const api::ListRequest& request) = 0;
  virtual absl::StatusOr<api::ListPoliciesReply> ListPolicies(const api::ListRequest& request) = 0;
  virtual absl::StatusOr<api::ListNeighboursReply> ListNeighbours(
      const api::ListNeighboursRequest& request) = 0;
  virtual absl::StatusOr<api::GetConfigReply> GetConfig(const api::GetConfigRequest& request) = 0;
  virtual absl::StatusOr<api::GetStatusReply> GetStatus(const api::GetStatusRequest& request) = 0;
  virtual absl::StatusOr<api::MoveQueueReply> MoveQueue(const api::MoveQueueRequest& request) = 0;
  virtual absl::StatusOr<api::ExplainReply> Explain(const api::ExplainRequest& request) = 0;
  virtual absl::StatusOr<api::ListFlowsReply> ListFlows(const api::ListFlowsRequest& request) = 0;
  virtual absl::StatusOr<api::FlushFlowsReply> FlushFlows(
      const api::FlushFlowsRequest& request) = 0;

  // A stream that `each` or the user (SIGINT, SIGTERM) ended is no error.
  virtual absl::Status Watch(const api::WatchRequest& request,
                             const Each<api::WatchReply>& each) = 0;
  virtual absl::Status Stats(const api::StatsRequest& request,
                             const Each<api::StatsReply>& each) = 0;
  virtual absl::Status Drops(const api::DropsRequest& request,
                             const Each<api::DropsReply>& each) = 0;
  virtual absl::Status Trace(const api::ObserveRequest& request,
                             const Each<api::ObservationBatch>& each) = 0;
  virtual absl::Status Capture(const api::ObserveRequest& request,
                               const Each<api::ObservationBatch>& each) = 0;
};

}  // namespace pollux::ctl
