// The API on the wire: gRPC's own client against the server, on a unix socket.
#include "control/rpc/server.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "control/proto/vswitch/v1/vswitch.grpc.pb.h"
#include "control/rpc/test_grpc_client.h"
#include "control/state/fake_switch.h"
#include "control/state/test_directory.h"
#include "control/state/test_objects.h"
#include "control/state/translate.h"

namespace pollux::control {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

constexpr int kMaxStreams = 32;  // vswitch.proto

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(controller_.Start({}).ok());
    auto server = Server::Start({.socket = socket()}, api_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel("unix:" + socket(), grpc::InsecureChannelCredentials());
    stub_ = api::Vswitch::NewStub(channel_);
  }

  [[nodiscard]] std::string socket() const { return directory_.path("vswitchd.sock"); }

  grpc::Status Apply(const api::ApplyRequest& request) {
    TestCallContext context;
    api::ApplyReply reply;
    return stub_->Apply(&context, request, &reply);
  }
  static api::ApplyRequest Put(const Object& object) {
    api::ApplyRequest request;
    *request.add_put() = ToProto(object);
    return request;
  }

  TestDirectory directory_;
  FakeSwitch switch_;
  Controller controller_{switch_, std::nullopt};
  Api api_{controller_, "1.2.3", Api::Clock::now()};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<api::Vswitch::Stub> stub_;
};

// A Watch whose first message has come.
struct OpenWatch {
  explicit OpenWatch(api::Vswitch::Stub& stub) : reader(stub.Watch(&context, {})) {
    api::WatchReply reply;
    is_open = reader->Read(&reply);
  }
  // Drains what is left.
  grpc::Status Finish() {
    api::WatchReply reply;
    while (reader->Read(&reply)) {
    }
    return reader->Finish();
  }
  TestCallContext context;
  std::unique_ptr<grpc::ClientReader<api::WatchReply>> reader;
  bool is_open = false;
};

TEST_F(ServerTest, IsHealthyFromTheStart) {
  // grpc.health.v1.HealthCheckResponse: field 1, SERVING.
  EXPECT_EQ(CallUnary(channel_, "/grpc.health.v1.Health/Check", ""), "\x08\x01");
}

TEST_F(ServerTest, ReflectionListsTheService) {
  // grpc.reflection.v1alpha.ServerReflectionRequest: field 7, list_services, "".
  EXPECT_THAT(CallStream(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                         std::string("\x3a\0", 2)),
              HasSubstr("vswitch.v1.Vswitch"));
}

TEST_F(ServerTest, TheSocketIsTheSwitchsUsersOnlyAndGoesWithTheServer) {
  EXPECT_EQ(ModeOf(socket()), "0600");
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(ServerTest, CallsAndTheirErrors) {
  EXPECT_TRUE(Apply(Put(Tap("web"))).ok());
  EXPECT_TRUE(controller_.snapshot()->desired.ports.contains("web"));

  const grpc::Status invalid = Apply(Put(Resized(Tap("web"), 67)));
  EXPECT_EQ(invalid.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(invalid.error_message(), "port.mtu: 67 is outside 68..9216 (port \"web\")");

  api::ApplyRequest create = Put(Resized(Tap("web")));
  create.set_create_only(true);
  EXPECT_EQ(Apply(create).error_code(), StatusCode::ALREADY_EXISTS);
  create.set_owner("agent");
  EXPECT_EQ(Apply(create).error_code(), StatusCode::FAILED_PRECONDITION);

  switch_.Refuse("add db", absl::UnavailableError("no such device"));
  const grpc::Status unavailable = Apply(Put(Tap("db")));
  EXPECT_EQ(unavailable.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(unavailable.error_message(), "port \"db\": no such device");

  switch_.Refuse("add db", absl::InternalError("?"));
  EXPECT_EQ(Apply(Put(Tap("db"))).error_code(), StatusCode::INTERNAL);

  TestCallContext context;
  api::ListRequest request;
  request.set_name("db");
  api::ListPortsReply reply;
  const grpc::Status not_found = stub_->ListPorts(&context, request, &reply);
  EXPECT_EQ(not_found.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(not_found.error_message(), "there is no port \"db\"");
}

TEST_F(ServerTest, LongMessagesAreCut) {
  switch_.Refuse("add web", absl::InternalError(std::string(1 << 20, 'x')));
  const grpc::Status status = Apply(Put(Tap("web")));
  EXPECT_EQ(status.error_code(), StatusCode::INTERNAL) << status.error_message();
  EXPECT_EQ(status.error_message().size(), 2048U);
}

TEST_F(ServerTest, RequestsBeyondTheLimitAreRefused) {
  api::ApplyRequest request;
  request.mutable_owner()->assign(33 << 20, 'x');
  EXPECT_EQ(Apply(request).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Apply(Put(Tap("web"))).ok()) << "and the server lives on";
}

TEST_F(ServerTest, TheThirtyThirdStreamIsRefused) {
  std::vector<std::unique_ptr<OpenWatch>> streams;
  for (int i = 0; i < kMaxStreams; ++i) {
    streams.push_back(std::make_unique<OpenWatch>(*stub_));
    ASSERT_TRUE(streams.back()->is_open) << i;
  }
  const grpc::Status refused = OpenWatch(*stub_).Finish();
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused.error_message(), "too many open streams (32): end another one");
  EXPECT_TRUE(Apply(Put(Tap("web"))).ok()) << "ordinary calls are served";

  streams.back()->context.TryCancel();
  EXPECT_EQ(streams.back()->Finish().error_code(), StatusCode::CANCELLED);
  // The server notices within one wait of the stream's.
  bool granted = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!granted && std::chrono::steady_clock::now() < deadline) {
    granted = OpenWatch(*stub_).is_open;
  }
  EXPECT_TRUE(granted);
  for (auto& stream : streams) {
    stream->context.TryCancel();
  }
}

TEST_F(ServerTest, WatchCarriesChanges) {
  OpenWatch watch(*stub_);
  ASSERT_TRUE(watch.is_open);
  ASSERT_TRUE(Apply(Put(Tap("web"))).ok());
  api::WatchReply reply;
  ASSERT_TRUE(watch.reader->Read(&reply));
  EXPECT_EQ(reply.revision(), 2U);
  EXPECT_EQ(reply.items(0).action(), "added");
  watch.context.TryCancel();
  EXPECT_EQ(watch.Finish().error_code(), StatusCode::CANCELLED);
}

TEST_F(ServerTest, EndsWithOpenStreams) {
  std::vector<std::unique_ptr<OpenWatch>> streams;
  for (int i = 0; i < 8; ++i) {
    streams.push_back(std::make_unique<OpenWatch>(*stub_));
    ASSERT_TRUE(streams.back()->is_open);
  }
  const auto start = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  for (auto& stream : streams) {
    EXPECT_FALSE(stream->Finish().ok());
  }
}

TEST_F(ServerTest, ASocketInUseIsNamed) {
  const absl::Status status = Server::Start({.socket = socket()}, api_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--run-dir: cannot listen on " + socket()));
  EXPECT_TRUE(Apply(Put(Tap("web"))).ok()) << "the first one serves on";
}

}  // namespace
}  // namespace pollux::control
