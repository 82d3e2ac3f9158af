#include "control/rpc/api.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "control/state/fake_switch.h"
#include "control/state/test_directory.h"
#include "control/state/test_objects.h"
#include "control/state/translate.h"

namespace pollux::control {
namespace {

using absl::StatusCode;
using testing::ElementsAre;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// An endpoint with its port.
const char kWeb[] =
    "put {port {name: 'web' tap {netns: '/run/netns/web'}}}"
    "put {endpoint {name: 'web' port: 'web' mac: '02:00:00:00:00:01' ip: '10.0.0.1'}}";

// "added port "web"", ...
std::vector<std::string> Words(const google::protobuf::RepeatedPtrField<api::Change>& changes) {
  std::vector<std::string> words;
  for (const api::Change& change : changes) {
    const api::Object& object = change.has_after() ? change.after() : change.before();
    words.push_back(change.action() + " " + NameOf(FromProto(object, Owner::kCli).value()));
  }
  return words;
}

class ApiTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(controller_.Start({HostPort()}).ok()); }

  static core::PortSpec HostPort() {
    core::PortSpec spec = PortOn("pollux0", core::TapSpec{"", "pollux0"}).spec;
    spec.role = core::PortRole::kHost;
    return spec;
  }
  absl::Status Apply(const std::string& request) {
    apply_.Clear();
    return api_.Apply(Parse<api::ApplyRequest>(request), &apply_);
  }
  absl::Status Sync(const std::string& request) {
    apply_.Clear();
    return api_.Sync(Parse<api::SyncRequest>(request), &apply_);
  }

  FakeSwitch switch_;
  Controller controller_{switch_, std::nullopt};
  Api api_{controller_, "1.2.3", Api::Clock::now()};
  api::ApplyReply apply_;  // of the last Apply or Sync
};

TEST_F(ApiTest, ApplyAnswersWithRevisionAndChanges) {
  ASSERT_TRUE(Apply(kWeb).ok());
  EXPECT_EQ(apply_.revision(), 2U);
  EXPECT_THAT(Words(apply_.items()), ElementsAre("added port \"web\"", "added endpoint \"web\""));
  ASSERT_TRUE(Apply("put {port {name: 'web' mtu: 9000 tap {netns: '/run/netns/web'}}}").ok());
  EXPECT_THAT(Words(apply_.items()), ElementsAre("changed port \"web\""));
  EXPECT_EQ(apply_.items(0).before().port().mtu(), 1500U);
  EXPECT_EQ(apply_.items(0).after().port().mtu(), 9000U);
  ASSERT_TRUE(Apply("remove {endpoint: 'web'} remove {port: 'web'}").ok());
  EXPECT_THAT(Words(apply_.items()),
              ElementsAre("removed port \"web\"", "removed endpoint \"web\""));
  EXPECT_EQ(apply_.revision(), 4U);
  ASSERT_TRUE(Apply("remove {port: 'web'}").ok());
  EXPECT_EQ(apply_.items_size(), 0);
  EXPECT_EQ(apply_.revision(), 4U) << "nothing changed";
}

TEST_F(ApiTest, BadRequestsNameWhatIsWrongAndChangeNothing) {
  ASSERT_TRUE(Apply(std::string(kWeb) + "owner: 'agent'").ok());
  const struct {
    std::string request;
    StatusCode code;
    std::string error;
  } rows[] = {
      {"owner: 'root'", StatusCode::kInvalidArgument,
       "owner: \"root\" is neither \"cli\" nor \"agent\""},
      {"put {}", StatusCode::kInvalidArgument,
       "object: one of port, endpoint, route, service, workload, policy, cluster must be given"},
      {"remove {}", StatusCode::kInvalidArgument,
       "key: one of port, endpoint, route, service, workload, policy, cluster must be given"},
      {"remove {route: 'x'}", StatusCode::kInvalidArgument,
       "key.route: \"x\" is not a prefix (ADDRESS/LENGTH, host bits zero) (route \"x\")"},
      {"put {port {name: 'a' tap {}}} put {port {name: 'b' mtu: 1 tap {}}}",
       StatusCode::kInvalidArgument, "port.mtu: 1 is outside 68..9216 (port \"b\")"},
      {"put {port {name: 'a' role: 'host' tap {}}}", StatusCode::kInvalidArgument,
       "port.role: \"host\" is reserved for vswitchd's own interface (port \"a\")"},
      {"remove {port: 'web'}", StatusCode::kFailedPrecondition,
       "port \"web\" belongs to owner \"agent\""},
      {"remove {port: 'pollux0'}", StatusCode::kFailedPrecondition,
       "port \"pollux0\" is the switch's own (vswitchd --host-interface)"},
      {"put {endpoint {name: 'a' port: 'web' mac: '02:00:00:00:00:02' ip: '10.0.0.1'}}",
       StatusCode::kFailedPrecondition,
       "endpoint.ip[0]: 10.0.0.1 belongs to endpoint \"web\" of owner \"agent\" (endpoint \"a\")"},
      {"create_only: true owner: 'agent' "
       "put {endpoint {name: 'web' port: 'web' mac: '02:00:00:00:00:02' ip: '10.0.0.1'}}",
       StatusCode::kAlreadyExists,
       "endpoint \"web\" exists with other settings: remove it first, or replace it"},
  };
  const State before = controller_.snapshot()->desired;
  for (const auto& row : rows) {
    SCOPED_TRACE(row.request);
    const absl::Status status = Apply(row.request);
    EXPECT_EQ(status.code(), row.code);
    EXPECT_EQ(status.message(), row.error);
    EXPECT_EQ(controller_.snapshot()->desired, before);
  }
}

TEST_F(ApiTest, ADryRunChangesNothing) {
  ASSERT_TRUE(Apply(std::string(kWeb) + "dry_run: true").ok());
  EXPECT_EQ(apply_.items_size(), 2);
  EXPECT_EQ(apply_.revision(), 1U);
  ASSERT_TRUE(Sync("items {port {name: 'web' tap {}}} dry_run: true").ok());
  EXPECT_EQ(apply_.items_size(), 1);
  EXPECT_EQ(controller_.snapshot()->desired.ports.size(), 1U) << "pollux0";
}

TEST_F(ApiTest, SyncSweepsItsOwnerOnly) {
  ASSERT_TRUE(Apply(kWeb).ok());
  ASSERT_TRUE(Sync("owner: 'agent' items {port {name: 'db' tap {}}}").ok());
  EXPECT_THAT(Words(apply_.items()), ElementsAre("added port \"db\""));
  ASSERT_TRUE(Sync("items {port {name: 'web' tap {netns: '/run/netns/web'}}}").ok());
  EXPECT_THAT(Words(apply_.items()), ElementsAre("removed endpoint \"web\""));
  EXPECT_EQ(
      Sync("items {route {prefix: '10.0.0.0/8' port: 'x'}}"),
      absl::FailedPreconditionError("route.port: there is no port \"x\" (route \"10.0.0.0/8\")"));
}

TEST_F(ApiTest, GetConfigIsWhatSyncTakes) {
  ASSERT_TRUE(Apply(kWeb).ok());
  api::GetConfigReply config;
  ASSERT_TRUE(api_.GetConfig(Parse<api::GetConfigRequest>("owner: 'cli'"), &config).ok());
  EXPECT_EQ(config.items_size(), 2);
  EXPECT_EQ(config.revision(), 2U);
  api::SyncRequest sync;
  *sync.mutable_items() = config.items();
  api::ApplyReply reply;
  ASSERT_TRUE(api_.Sync(sync, &reply).ok());
  EXPECT_EQ(reply.items_size(), 0) << "all is as it should be";
  config.Clear();
  ASSERT_TRUE(api_.GetConfig({}, &config).ok());
  EXPECT_EQ(config.items_size(), 3) << "pollux0, too";
  EXPECT_EQ(api_.GetConfig(Parse<api::GetConfigRequest>("owner: 'me'"), &config).code(),
            StatusCode::kInvalidArgument);
}

TEST_F(ApiTest, ListsWithStatus) {
  ASSERT_TRUE(Apply(std::string(kWeb) + "put {route {prefix: '10.9.0.0/16' port: 'web'}}").ok());
  api::ListPortsReply ports;
  ASSERT_TRUE(api_.ListPorts(Parse<api::ListRequest>("owner: 'cli'"), &ports).ok());
  ASSERT_EQ(ports.items_size(), 1);
  EXPECT_EQ(ports.revision(), 2U);
  EXPECT_EQ(ports.items(0).name(), "web");
  EXPECT_EQ(ports.items(0).status().id(), 2U);
  EXPECT_EQ(ports.items(0).status().state(), "connected");
  EXPECT_TRUE(ports.items(0).status().link_up());
  EXPECT_THAT(ports.items(0).status().workers(), ElementsAre(0U));
  api::ListEndpointsReply endpoints;
  ASSERT_TRUE(api_.ListEndpoints({}, &endpoints).ok());
  ASSERT_EQ(endpoints.items_size(), 1);
  EXPECT_TRUE(endpoints.items(0).status().open());
  EXPECT_TRUE(endpoints.items(0).status().live());
  api::ListRoutesReply routes;
  ASSERT_TRUE(api_.ListRoutes(Parse<api::ListRequest>("name: '10.9.0.0/16'"), &routes).ok());
  ASSERT_EQ(routes.items_size(), 1);
  EXPECT_TRUE(routes.items(0).status().live());
}

TEST_F(ApiTest, ListsOfWhatIsNotThere) {
  ASSERT_TRUE(Apply(kWeb).ok());
  const auto list = [&](const std::string& request) {
    api::ListPortsReply reply;
    return api_.ListPorts(Parse<api::ListRequest>(request), &reply);
  };
  EXPECT_EQ(list("name: 'db'"), absl::NotFoundError("there is no port \"db\""));
  EXPECT_EQ(list("name: 'web' owner: 'agent'"), absl::NotFoundError("there is no port \"web\""));
  EXPECT_EQ(list("owner: 'me'"),
            absl::InvalidArgumentError("owner: \"me\" is neither \"cli\" nor \"agent\""));
  EXPECT_TRUE(list("name: 'pollux0' owner: 'switch'").ok());
  api::ListRoutesReply routes;
  EXPECT_EQ(api_.ListRoutes(Parse<api::ListRequest>("name: '10.0.0.1/8'"), &routes),
            absl::InvalidArgumentError("name: \"10.0.0.1/8\" is not a prefix"));
  EXPECT_EQ(api_.ListRoutes(Parse<api::ListRequest>("name: '10.0.0.0/8'"), &routes),
            absl::NotFoundError("there is no route \"10.0.0.0/8\""));
  api::ListEndpointsReply endpoints;
  EXPECT_EQ(api_.ListEndpoints(Parse<api::ListRequest>("name: 'db'"), &endpoints),
            absl::NotFoundError("there is no endpoint \"db\""));
}

TEST_F(ApiTest, AFailedPortIsReportedOnItselfAndInTheStatus) {
  ASSERT_TRUE(Apply(kWeb).ok());
  switch_.Refuse("add web", absl::UnavailableError("no such device"));
  EXPECT_EQ(Apply("put {port {name: 'web' mtu: 9000 tap {netns: '/run/netns/web'}}}"),
            absl::UnavailableError("port \"web\": no such device"));
  api::ListPortsReply ports;
  ASSERT_TRUE(api_.ListPorts(Parse<api::ListRequest>("name: 'web'"), &ports).ok());
  EXPECT_EQ(ports.items(0).mtu(), 1500U) << "as before";
  EXPECT_EQ(ports.items(0).status().state(), "failed: port \"web\": no such device");
  EXPECT_EQ(ports.items(0).status().id(), 0U);
  api::ListEndpointsReply endpoints;
  ASSERT_TRUE(api_.ListEndpoints({}, &endpoints).ok());
  EXPECT_FALSE(endpoints.items(0).status().live());
  api::GetStatusReply status;
  ASSERT_TRUE(api_.GetStatus({}, &status).ok());
  ASSERT_EQ(status.items(0).problems_size(), 1);
  EXPECT_EQ(status.items(0).problems(0).object(), "port \"web\"");
  EXPECT_EQ(status.items(0).problems(0).text(), "port \"web\": no such device");
}

TEST_F(ApiTest, StatusOfTheSwitch) {
  ASSERT_TRUE(Apply(kWeb).ok());
  api_.SetForwarding();
  api::GetStatusReply reply;
  ASSERT_TRUE(api_.GetStatus({}, &reply).ok());
  ASSERT_EQ(reply.items_size(), 1);
  const api::SwitchStatus& status = reply.items(0);
  EXPECT_EQ(reply.revision(), 2U);
  EXPECT_EQ(status.version(), "1.2.3");
  EXPECT_EQ(status.pid(), static_cast<std::uint32_t>(getpid()));
  EXPECT_GE(status.uptime_seconds(), status.seconds_to_forwarding());
  EXPECT_GT(status.seconds_to_forwarding(), 0);
  EXPECT_EQ(status.gateway_mac(), "02:00:00:00:00:01");
  EXPECT_EQ(status.ports(), 2U);
  EXPECT_EQ(status.endpoints(), 1U);
  EXPECT_EQ(status.routes(), 0U);
  EXPECT_EQ(status.workers_size(), 2);
  EXPECT_EQ(status.problems_size(), 0);
}

TEST_F(ApiTest, NeighboursByTheNamesOfTheirPorts) {
  switch_.SetNeighbours(
      {{.port = net::PortId{1},
        .ip = Ip("192.0.2.1"),
        .mac = Mac("02:00:00:00:00:09"),
        .state = "reachable"},
       {.port = net::PortId{77}, .ip = Ip("fe80::1"), .mac = {}, .state = "failed"}});
  api::ListNeighboursReply reply;
  ASSERT_TRUE(api_.ListNeighbours({}, &reply).ok());
  ASSERT_EQ(reply.items_size(), 2);
  EXPECT_EQ(reply.items(0).ShortDebugString(),
            "port: \"pollux0\" ip: \"192.0.2.1\" mac: \"02:00:00:00:00:09\" state: \"reachable\"");
  EXPECT_EQ(reply.items(1).ShortDebugString(), "port: \"#77\" ip: \"fe80::1\" state: \"failed\"");
}

TEST_F(ApiTest, MoveQueue) {
  api::MoveQueueReply reply;
  EXPECT_TRUE(
      api_.MoveQueue(Parse<api::MoveQueueRequest>("port: 'pollux0' worker: 1"), &reply).ok());
  EXPECT_EQ(reply.revision(), 1U);
  EXPECT_THAT(switch_.Ports()[0].workers, ElementsAre(1U));
  EXPECT_EQ(api_.MoveQueue(Parse<api::MoveQueueRequest>("port: 'web'"), &reply),
            absl::NotFoundError("port: there is no port \"web\""));
}

}  // namespace
}  // namespace pollux::control
