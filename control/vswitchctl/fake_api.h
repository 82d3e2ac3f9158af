// An API for tests of commands: notes what it is asked, answers what it is told to.
// Threading: one thread.
#pragma once

#include <absl/strings/str_cat.h>

#include <string>
#include <utility>
#include <vector>

#include "control/vswitchctl/api.h"

namespace pollux::ctl {

class FakeApi final : public Api {
 public:
  // What was asked: "ListPorts", "Apply put { port { name: "a" } }", one line each.
  std::vector<std::string> asked;
  // Of every call; OK: the answers below.
  absl::Status status;
  api::ApplyReply apply_reply;
  api::GetConfigReply config_reply;
  api::GetStatusReply status_reply;
  api::ExplainReply explain_reply;
  api::ListFlowsReply flows_reply;
  api::GetAgentStatusReply agent_reply;
  std::vector<api::ObservationBatch> observations;

  absl::Status WaitUntilServing(std::chrono::milliseconds patience) override {
    asked.push_back(absl::StrCat("wait ", patience.count(), " ms"));
    return status;
  }

  absl::StatusOr<api::ApplyReply> Apply(const api::ApplyRequest& request) override {
    return Answer("Apply", request, apply_reply);
  }
  absl::StatusOr<api::ApplyReply> Sync(const api::SyncRequest& request) override {
    return Answer("Sync", request, apply_reply);
  }
  absl::StatusOr<api::ListPortsReply> ListPorts(const api::ListRequest& request) override {
    return Answer("ListPorts", request, api::ListPortsReply());
  }
  absl::StatusOr<api::ListEndpointsReply> ListEndpoints(const api::ListRequest& request) override {
    return Answer("ListEndpoints", request, api::ListEndpointsReply());
  }
  absl::StatusOr<api::ListRoutesReply> ListRoutes(const api::ListRequest& request) override {
    return Answer("ListRoutes", request, api::ListRoutesReply());
  }
  absl::StatusOr<api::GetAgentStatusReply> GetAgentStatus(
      const api::GetAgentStatusRequest& request) override {
    return Answer("GetAgentStatus", request, agent_reply);
  }
  absl::StatusOr<api::ListServicesReply> ListServices(const api::ListRequest& request) override {
    return Answer("ListServices", request, api::ListServicesReply());
  }
  absl::StatusOr<api::ListPoliciesReply> ListPolicies(const api::ListRequest& request) override {
    return Answer("ListPolicies", request, api::ListPoliciesReply());
  }
  absl::StatusOr<api::ListNeighboursReply> ListNeighbours(
      const api::ListNeighboursRequest& request) override {
    return Answer("ListNeighbours", request, api::ListNeighboursReply());
  }
  absl::StatusOr<api::GetConfigReply> GetConfig(const api::GetConfigRequest& request) override {
    return Answer("GetConfig", request, config_reply);
  }
  absl::StatusOr<api::GetStatusReply> GetStatus(const api::GetStatusRequest& request) override {
    return Answer("GetStatus", request, status_reply);
  }
  absl::StatusOr<api::MoveQueueReply> MoveQueue(const api::MoveQueueRequest& request) override {
    return Answer("MoveQueue", request, api::MoveQueueReply());
  }
  absl::StatusOr<api::ExplainReply> Explain(const api::ExplainRequest& request) override {
    return Answer("Explain", request, explain_reply);
  }
  absl::StatusOr<api::ListFlowsReply> ListFlows(const api::ListFlowsRequest& request) override {
    return Answer("ListFlows", request, flows_reply);
  }
  absl::StatusOr<api::FlushFlowsReply> FlushFlows(const api::FlushFlowsRequest& request) override {
    return Answer("FlushFlows", request, api::FlushFlowsReply());
  }
  absl::Status Watch(const api::WatchRequest& request, const Each<api::WatchReply>& each) override {
    return Send("Watch", request, {api::WatchReply()}, each);
  }
  absl::Status Stats(const api::StatsRequest& request, const Each<api::StatsReply>& each) override {
    return Send("Stats", request, {api::StatsReply()}, each);
  }
  absl::Status Drops(const api::DropsRequest& request, const Each<api::DropsReply>& each) override {
    return Send("Drops", request, {api::DropsReply()}, each);
  }
  absl::Status Trace(const api::ObserveRequest& request,
                     const Each<api::ObservationBatch>& each) override {
    return Send("Trace", request, observations, each);
  }
  absl::Status Capture(const api::ObserveRequest& request,
                       const Each<api::ObservationBatch>& each) override {
    return Send("Capture", request, observations, each);
  }

 private:
  void Note(const char* method, const google::protobuf::Message& request) {
    const std::string text = request.ShortDebugString();
    asked.push_back(absl::StrCat(method, text.empty() ? "" : " ", text));
  }

  template <typename Reply>
  absl::StatusOr<Reply> Answer(const char* method, const google::protobuf::Message& request,
                               const Reply& reply) {
    Note(method, request);
    return status.ok() ? absl::StatusOr<Reply>(reply) : status;
  }

  template <typename Message>
  absl::Status Send(const char* method, const google::protobuf::Message& request,
                    const std::vector<Message>& messages, const Each<Message>& each) {
    Note(method, request);
    for (const Message& message : messages) {
      if (!status.ok() || !each(message)) {
        break;
      }
    }
    return status;
  }
};

}  // namespace pollux::ctl
