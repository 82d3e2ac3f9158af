// What each call of the API does, in messages: no gRPC here, so tests and the fuzzer call it as it
// is. Service (service.h) puts it on the wire.
// Threading: any thread. Streaming calls use their caller's thread until the client is gone.
#pragma once

#include <absl/status/status.h>

#include <atomic>
#include <chrono>
#include <string>

#include "control/proto/vswitch/v1/vswitch.pb.h"
#include "control/rpc/stream.h"
#include "control/state/controller.h"

namespace pollux::control {

namespace api = ::vswitch::v1;

class Api {
 public:
  using Clock = std::chrono::steady_clock;

  Api(Controller& controller, std::string version, Clock::time_point started)
      : controller_(controller), version_(std::move(version)), started_(started) {}

  // The restored state is in the workers since now.
  void SetForwarding() { seconds_to_forwarding_ = SecondsSinceStart(); }
  [[nodiscard]] double seconds_to_forwarding() const { return seconds_to_forwarding_; }

  absl::Status Apply(const api::ApplyRequest& request, api::ApplyReply* reply);
  absl::Status Sync(const api::SyncRequest& request, api::ApplyReply* reply);
  absl::Status ListPorts(const api::ListRequest& request, api::ListPortsReply* reply);
  absl::Status ListEndpoints(const api::ListRequest& request, api::ListEndpointsReply* reply);
  absl::Status ListRoutes(const api::ListRequest& request, api::ListRoutesReply* reply);
  absl::Status ListServices(const api::ListRequest& request, api::ListServicesReply* reply);
  absl::Status ListPolicies(const api::ListRequest& request, api::ListPoliciesReply* reply);
  absl::Status ListNeighbours(const api::ListNeighboursRequest& request,
                              api::ListNeighboursReply* reply);
  absl::Status GetConfig(const api::GetConfigRequest& request, api::GetConfigReply* reply);
  absl::Status GetStatus(const api::GetStatusRequest& request, api::GetStatusReply* reply);
  absl::Status MoveQueue(const api::MoveQueueRequest& request, api::MoveQueueReply* reply);
  absl::Status Explain(const api::ExplainRequest& request, api::ExplainReply* reply);

  absl::Status ListFlows(const api::ListFlowsRequest& request, api::ListFlowsReply* reply);
  absl::Status FlushFlows(const api::FlushFlowsRequest& request, api::FlushFlowsReply* reply);

  absl::Status Watch(const api::WatchRequest& request, const Stream<api::WatchReply>& stream);
  absl::Status Stats(const api::StatsRequest& request, const Stream<api::StatsReply>& stream);
  absl::Status Drops(const api::DropsRequest& request, const Stream<api::DropsReply>& stream);
  absl::Status Trace(const api::ObserveRequest& request,
                     const Stream<api::ObservationBatch>& stream);
  absl::Status Capture(const api::ObserveRequest& request,
                       const Stream<api::ObservationBatch>& stream);

 private:
  [[nodiscard]] double SecondsSinceStart() const {
    return std::chrono::duration<double>(Clock::now() - started_).count();
  }

  Controller& controller_;
  const std::string version_;
  const Clock::time_point started_;
  std::atomic<double> seconds_to_forwarding_{0};
};

}  // namespace pollux::control
