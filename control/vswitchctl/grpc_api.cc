#include "control/vswitchctl/grpc_api.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <future>
#include <iterator>
#include <thread>
#include <utility>

#include "control/proto/vswitch/v1/agent.grpc.pb.h"
#include "control/proto/vswitch/v1/vswitch.grpc.pb.h"

namespace pollux::ctl {
namespace {

using Clock = std::chrono::system_clock;  // gRPC's deadlines

// What a switch that is well needs at most: to answer, and to make a thousand ports.
constexpr std::chrono::seconds kAnswerPatience{15};
constexpr std::chrono::seconds kApplyPatience{120};
constexpr std::chrono::seconds kConnectPatience{5};
constexpr std::chrono::milliseconds kRetryPause{50};
constexpr int kMaxReplyBytes = 256 << 20;

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return absl::UnimplementedError("this vswitchd does not know that call: is it older?");
  }
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

// Nothing, or why nobody can be reached at a unix socket.
std::string SocketProblem(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return absl::StrCat("the path is longer than ", sizeof address.sun_path - 1, " bytes");
  }
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return std::strerror(errno);
  }
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int cause = errno;
  close(fd);
  return connected ? "" : std::strerror(cause);
}

absl::StatusOr<std::string> ReadPem(const char* flag, const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || text.find("-----BEGIN") == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", path, " cannot be read as a PEM file"));
  }
  return text;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(const Address& address) {
  if (!address.socket.empty()) {
    return grpc::InsecureChannelCredentials();
  }
  const absl::StatusOr<std::string> cert = ReadPem("--tls-cert", address.tls_cert);
  const absl::StatusOr<std::string> key = ReadPem("--tls-key", address.tls_key);
  const absl::StatusOr<std::string> ca = ReadPem("--tls-ca", address.tls_ca);
  for (const auto* pem : {&cert, &key, &ca}) {
    if (!pem->ok()) {
      return pem->status();
    }
  }
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = *ca;
  options.pem_private_key = *key;
  options.pem_cert_chain = *cert;
  return grpc::SslCredentials(options);
}

class GrpcApi final : public Api {
 public:
  GrpcApi(Address address, Interrupt& interrupt)
      : address_(std::move(address)), interrupt_(interrupt) {}

  absl::Status WaitUntilServing(std::chrono::milliseconds patience) override {
    const auto deadline = Clock::now() + patience;
    while (true) {
      absl::Status status = Connect(deadline);
      if (status.ok()) {
        status = CheckHealth(deadline);
      }
      if (status.ok() || absl::IsInvalidArgument(status)) {
        return status;
      }
      if (Clock::now() + kRetryPause > deadline) {
        return absl::DeadlineExceededError(absl::StrCat("not ready: ", status.message()));
      }
      std::this_thread::sleep_for(kRetryPause);
    }
  }

  absl::StatusOr<api::ApplyReply> Apply(const api::ApplyRequest& request) override {
    return Call(&Stub::Apply, request, kApplyPatience);
  }
  absl::StatusOr<api::ApplyReply> Sync(const api::SyncRequest& request) override {
    return Call(&Stub::Sync, request, kApplyPatience);
  }
  absl::StatusOr<api::ListPortsReply> ListPorts(const api::ListRequest& request) override {
    return Call(&Stub::ListPorts, request);
  }
  absl::StatusOr<api::ListEndpointsReply> ListEndpoints(const api::ListRequest& request) override {
    return Call(&Stub::ListEndpoints, request);
  }
  absl::StatusOr<api::ListRoutesReply> ListRoutes(const api::ListRequest& request) override {
    return Call(&Stub::ListRoutes, request);
  }
  absl::StatusOr<api::GetAgentStatusReply> GetAgentStatus(
      const api::GetAgentStatusRequest& request) override {
    if (address_.agent_socket.empty()) {
      return absl::InvalidArgumentError(
          "--server: the agent answers on its own machine only (--run-dir)");
    }
    if (const std::string problem = SocketProblem(address_.agent_socket); !problem.empty()) {
      return absl::UnavailableError(absl::StrCat("cannot reach vswitch-agent at ",
                                                 address_.agent_socket, ": ", problem,
                                                 "; does it run, and with this --run-dir?"));
    }
    const auto stub = api::Agent::NewStub(
        grpc::CreateChannel("unix:" + address_.agent_socket, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(Clock::now() + kAnswerPatience);
    api::GetAgentStatusReply reply;
    const grpc::Status status = stub->GetAgentStatus(&context, request, &reply);
    return status.ok() ? absl::StatusOr<api::GetAgentStatusReply>(std::move(reply))
                       : FromGrpc(status);
  }
  absl::StatusOr<api::ListServicesReply> ListServices(const api::ListRequest& request) override {
    return Call(&Stub::ListServices, request);
  }
  absl::StatusOr<api::ListPoliciesReply> ListPolicies(const api::ListRequest& request) override {
    return Call(&Stub::ListPolicies, request);
  }
  absl::StatusOr<api::ListNeighboursReply> ListNeighbours(
      const api::ListNeighboursRequest& request) override {
    return Call(&Stub::ListNeighbours, request);
  }
  absl::StatusOr<api::GetConfigReply> GetConfig(const api::GetConfigRequest& request) override {
    return Call(&Stub::GetConfig, request);
  }
  absl::StatusOr<api::GetStatusReply> GetStatus(const api::GetStatusRequest& request) override {
    return Call(&Stub::GetStatus, request);
  }
  absl::StatusOr<api::MoveQueueReply> MoveQueue(const api::MoveQueueRequest& request) override {
    return Call(&Stub::MoveQueue, request);
  }
  absl::StatusOr<api::ListFlowsReply> ListFlows(const api::ListFlowsRequest& request) override {
    return Call(&Stub::ListFlows, request);
  }
  absl::StatusOr<api::FlushFlowsReply> FlushFlows(const api::FlushFlowsRequest& request) override {
    return Call(&Stub::FlushFlows, request);
  }
  absl::StatusOr<api::ExplainReply> Explain(const api::ExplainRequest& request) override {
    return Call(&Stub::Explain, request);
  }

  absl::Status Watch(const api::WatchRequest& request, const Each<api::WatchReply>& each) override {
    return Stream(&Stub::Watch, request, each);
  }
  absl::Status Stats(const api::StatsRequest& request, const Each<api::StatsReply>& each) override {
    return Stream(&Stub::Stats, request, each);
  }
  absl::Status Drops(const api::DropsRequest& request, const Each<api::DropsReply>& each) override {
    return Stream(&Stub::Drops, request, each);
  }
  absl::Status Trace(const api::ObserveRequest& request,
                     const Each<api::ObservationBatch>& each) override {
    return Stream(&Stub::Trace, request, each);
  }
  absl::Status Capture(const api::ObserveRequest& request,
                       const Each<api::ObservationBatch>& each) override {
    return Stream(&Stub::Capture, request, each);
  }

 private:
  using Stub = api::Vswitch::Stub;

  template <typename Request, typename Reply>
  absl::StatusOr<Reply> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Reply*),
                             const Request& request,
                             std::chrono::seconds patience = kAnswerPatience) {
    if (const absl::Status status = Connect(Clock::now() + kConnectPatience); !status.ok()) {
      return status;
    }
    grpc::ClientContext context;
    context.set_deadline(Clock::now() + patience);
    Reply reply;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &reply);
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      return absl::DeadlineExceededError(
          absl::StrCat("vswitchd at ", Where(), " did not answer within ", patience.count(), " s"));
    }
    return status.ok() ? absl::StatusOr<Reply>(std::move(reply)) : FromGrpc(status);
  }

  template <typename Request, typename Message>
  absl::Status Stream(std::unique_ptr<grpc::ClientReader<Message>> (Stub::*method)(
                          grpc::ClientContext*, const Request&),
                      const Request& request, const Each<Message>& each) {
    if (const absl::Status status = Connect(Clock::now() + kConnectPatience); !status.ok()) {
      return status;
    }
    grpc::ClientContext context;
    std::atomic<bool> ended{false};
    const auto end = [&] {
      ended = true;
      context.TryCancel();
    };
    const Interrupt::Scope scope(interrupt_, end);
    const std::unique_ptr<grpc::ClientReader<Message>> reader =
        (stub_.get()->*method)(&context, request);
    for (Message message; reader->Read(&message);) {
      if (!each(message)) {
        end();
        break;
      }
    }
    const absl::Status status = FromGrpc(reader->Finish());
    return ended ? absl::OkStatus() : status;
  }

  [[nodiscard]] std::string Where() const {
    return address_.socket.empty() ? address_.host_port : address_.socket;
  }

  absl::Status NotThere(const std::string& cause) const {
    return absl::UnavailableError(absl::StrCat(
        "cannot reach vswitchd at ", Where(), ": ", cause,
        address_.socket.empty()
            ? "; does it run there with --listen, and do the TLS files fit?"
            : "; does it run, and with this --run-dir? (--run-dir or --server says where)"));
  }

  // A connection is there when this returns OK.
  absl::Status Connect(Clock::time_point deadline) {
    if (channel_ != nullptr) {
      return absl::OkStatus();
    }
    if (!address_.socket.empty()) {
      if (const std::string problem = SocketProblem(address_.socket); !problem.empty()) {
        return NotThere(problem);
      }
    }
    const auto credentials = Credentials(address_);
    if (!credentials.ok()) {
      return credentials.status();
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
    // A new channel is a new attempt, not one that waits for the last one's back-off.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt("grpc.enable_http_proxy", 0);
    auto channel = grpc::CreateCustomChannel(
        address_.socket.empty() ? address_.host_port : "unix:" + address_.socket, *credentials,
        arguments);
    if (const absl::Status status = AwaitReady(*channel, deadline); !status.ok()) {
      return status;
    }
    channel_ = std::move(channel);
    stub_ = api::Vswitch::NewStub(channel_);
    return absl::OkStatus();
  }

  absl::Status AwaitReady(grpc::Channel& channel, Clock::time_point deadline) const {
    grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
    while (state != GRPC_CHANNEL_READY) {
      if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
        return NotThere("the connection was refused or closed at once");
      }
      if (!channel.WaitForStateChange(state, deadline)) {
        return NotThere("no answer");
      }
      state = channel.GetState(/*try_to_connect=*/true);
    }
    return absl::OkStatus();
  }

  // grpc.health.v1.Health/Check. Its messages are not packaged as code; on the wire the question
  // about the whole server is empty, and the answer has the bytes of a message with one integer,
  // 1 for SERVING.
  absl::Status CheckHealth(Clock::time_point deadline) {
    constexpr int kServing = 1;
    grpc::TemplatedGenericStub<google::protobuf::Empty, google::protobuf::Int32Value> stub(
        channel_);
    grpc::ClientContext context;
    context.set_deadline(deadline);
    const google::protobuf::Empty request;
    google::protobuf::Int32Value reply;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &reply,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    const grpc::Status status = done.get_future().get();
    if (!status.ok()) {
      channel_ = nullptr;
      return absl::UnavailableError(status.error_message());
    }
    return reply.value() == kServing
               ? absl::OkStatus()
               : absl::UnavailableError(absl::StrCat("vswitchd at ", Where(), " is starting"));
  }

  const Address address_;
  Interrupt& interrupt_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
};

}  // namespace

std::unique_ptr<Api> MakeGrpcApi(Address address, Interrupt& interrupt) {
  return std::make_unique<GrpcApi>(std::move(address), interrupt);
}

}  // namespace pollux::ctl
