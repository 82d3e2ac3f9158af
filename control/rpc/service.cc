#include "control/rpc/service.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <string>

#include "control/proto/vswitch/v1/vswitch.grpc.pb.h"

namespace pollux::control {
namespace {

// Each stream holds a thread of the server; the rest is kept for ordinary calls.
constexpr int kMaxStreams = 32;
// Messages travel as HTTP/2 headers.
constexpr std::size_t kMaxMessageBytes = 2048;

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(status.message().substr(0, kMaxMessageBytes))};
}

class StreamSlot {
 public:
  explicit StreamSlot(std::atomic<int>& open) : open_(open), granted_(++open <= kMaxStreams) {}
  StreamSlot(const StreamSlot&) = delete;
  StreamSlot& operator=(const StreamSlot&) = delete;
  ~StreamSlot() { --open_; }
  [[nodiscard]] bool granted() const { return granted_; }

 private:
  std::atomic<int>& open_;
  const bool granted_;
};

class VswitchService final : public api::Vswitch::Service {
 public:
  explicit VswitchService(Api& implementation) : api_(implementation) {}

// One line per call: the method of the same name, with gRPC's signature around it.
#define POLLUX_UNARY(Method, Request, Reply)                                         \
  grpc::Status Method(grpc::ServerContext* /*context*/, const api::Request* request, \
                      api::Reply* reply) override {                                  \
    return ToGrpc(api_.Method(*request, reply));                                     \
  }
#define POLLUX_STREAM(Method, Request, Message)                                  \
  grpc::Status Method(grpc::ServerContext* context, const api::Request* request, \
                      grpc::ServerWriter<api::Message>* writer) override {       \
    return Run(&Api::Method, context, *request, writer);                         \
  }

  POLLUX_UNARY(Apply, ApplyRequest, ApplyReply)
  POLLUX_UNARY(Sync, SyncRequest, ApplyReply)
  POLLUX_UNARY(ListPorts, ListRequest, ListPortsReply)
  POLLUX_UNARY(ListEndpoints, ListRequest, ListEndpointsReply)
  POLLUX_UNARY(ListRoutes, ListRequest, ListRoutesReply)
  POLLUX_UNARY(ListServices, ListRequest, ListServicesReply)
  POLLUX_UNARY(ListPolicies, ListRequest, ListPoliciesReply)
  POLLUX_UNARY(ListNeighbours, ListNeighboursRequest, ListNeighboursReply)
  POLLUX_UNARY(GetConfig, GetConfigRequest, GetConfigReply)
  POLLUX_UNARY(GetStatus, GetStatusRequest, GetStatusReply)
  POLLUX_UNARY(MoveQueue, MoveQueueRequest, MoveQueueReply)
  POLLUX_UNARY(Explain, ExplainRequest, ExplainReply)
  POLLUX_UNARY(ListFlows, ListFlowsRequest, ListFlowsReply)
  POLLUX_UNARY(FlushFlows, FlushFlowsRequest, FlushFlowsReply)
  POLLUX_STREAM(Watch, WatchRequest, WatchReply)
  POLLUX_STREAM(Stats, StatsRequest, StatsReply)
  POLLUX_STREAM(Drops, DropsRequest, DropsReply)
  POLLUX_STREAM(Trace, ObserveRequest, ObservationBatch)
  POLLUX_STREAM(Capture, ObserveRequest, ObservationBatch)

#undef POLLUX_UNARY
#undef POLLUX_STREAM

 private:
  template <typename Request, typename Message>
  grpc::Status Run(absl::Status (Api::*method)(const Request&, const Stream<Message>&),
                   grpc::ServerContext* context, const Request& request,
                   grpc::ServerWriter<Message>* writer) {
    const StreamSlot slot(open_streams_);
    if (!slot.granted()) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              "too many open streams (" + std::to_string(kMaxStreams) + "): end another one"};
    }
    const Stream<Message> stream{
        .send = [&](const Message& message) { return writer->Write(message); },
        .cancelled = [&] { return context->IsCancelled(); }};
    return ToGrpc((api_.*method)(request, stream));
  }

  Api& api_;
  std::atomic<int> open_streams_{0};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeService(Api& api) {
  return std::make_unique<VswitchService>(api);
}

}  // namespace pollux::control
