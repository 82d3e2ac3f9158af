#include "control/agent/switch_client.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "control/proto/vswitch/v1/vswitch.grpc.pb.h"

namespace pollux::agent {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr int kMaxReplyBytes = 256 << 20;
constexpr int kLongestRetryMs = 1000;

class GrpcSwitchClient final : public SwitchClient {
 public:
  explicit GrpcSwitchClient(const std::string& socket) : socket_(socket) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
    arguments.SetMaxSendMessageSize(kMaxReplyBytes);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestRetryMs);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kLongestRetryMs / 10);
    stub_ = api::Vswitch::NewStub(
        grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments));
  }

  absl::StatusOr<api::ApplyReply> Apply(const api::ApplyRequest& request) override {
    return Call(&api::Vswitch::Stub::Apply, request);
  }
  absl::StatusOr<api::ApplyReply> Sync(const api::SyncRequest& request) override {
    return Call(&api::Vswitch::Stub::Sync, request);
  }
  absl::StatusOr<api::GetStatusReply> GetStatus() override {
    return Call(&api::Vswitch::Stub::GetStatus, api::GetStatusRequest());
  }

 private:
  template <typename Request, typename Reply>
  absl::StatusOr<Reply> Call(grpc::Status (api::Vswitch::Stub::*method)(grpc::ClientContext*,
                                                                        const Request&, Reply*),
                             const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    Reply reply;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &reply);
    if (status.ok()) {
      return reply;
    }
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      return absl::UnavailableError(
          absl::StrCat("cannot reach vswitchd at ", socket_, ": ", status.error_message()));
    }
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }

  const std::string socket_;
  std::unique_ptr<api::Vswitch::Stub> stub_;
};

}  // namespace

std::unique_ptr<SwitchClient> MakeSwitchClient(const std::string& socket) {
  return std::make_unique<GrpcSwitchClient>(socket);
}

}  // namespace pollux::agent
