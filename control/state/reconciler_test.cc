#include "control/state/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/state/fake_switch.h"
#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Object kWeb = Tap("web");
const Object kWebPod = Pod("web", "web", {"10.0.0.1"});
const Object kDb = Tap("db");
const Object kDbPod = Pod("db", "db", {"10.0.0.2"});
const absl::Status kNoDevice = absl::UnavailableError("no such device");

class ReconcilerTest : public testing::Test {
 protected:
  absl::Status Transit(const std::vector<Object>& objects) {
    return reconciler_.Transit(StateOf(objects), Next());
  }
  absl::Status Converge(const std::vector<Object>& objects) {
    return reconciler_.Converge(StateOf(objects), Next());
  }
  // The switch at revision 1 with these objects, and the calls that made it forgotten.
  void Begin(const std::vector<Object>& objects) {
    ASSERT_TRUE(Converge(objects).ok());
    switch_.TakeCalls();
  }
  [[nodiscard]] net::Revision Next() const {
    return net::Revision{reconciler_.installed().revision.value() + 1};
  }
  // What the reconciler believes is what the switch has.
  void ExpectConsistent() {
    std::map<std::string, net::PortId> ids;
    for (const PortInfo& info : switch_.Ports()) {
      ids[info.spec.name] = info.id;
    }
    EXPECT_EQ(reconciler_.installed().ids, ids);
    EXPECT_EQ(reconciler_.installed().revision, switch_.revision());
    for (const auto& [name, port] : reconciler_.installed().state.ports) {
      EXPECT_TRUE(ids.contains(name)) << name;
    }
  }
  void TearDown() override { ExpectConsistent(); }

  FakeSwitch switch_;
  Reconciler reconciler_{switch_};
};

TEST_F(ReconcilerTest, FirstPublishesEvenNothing) {
  ASSERT_TRUE(Converge({}).ok());
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("publish 1: "));
}

TEST_F(ReconcilerTest, StartsWithEverythingInOneSwap) {
  ASSERT_TRUE(Converge({kWeb, kWebPod, kDb, kDbPod}).ok());
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("add db", "add web", "publish 1: db@db web@web"));
}

TEST_F(ReconcilerTest, TellsThePacketSideEverythingAboutAnObject) {
  Endpoint pod = Pod("web", "web", {"10.0.0.1", "fd00::1"});
  ASSERT_TRUE(Transit({kWeb, pod, Via("10.9.0.0/16", "10.0.0.1", "web")}).ok());
  const net::PortId id = reconciler_.installed().ids.at("web");
  const EndpointConfig endpoint{
      .name = "web", .port = id, .mac = pod.mac, .addresses = pod.addresses, .open = true};
  EXPECT_THAT(switch_.config().endpoints, ElementsAre(endpoint));
  EXPECT_THAT(
      switch_.config().routes,
      ElementsAre(RouteConfig{.prefix = Prefix("10.9.0.0/16"), .via = Ip("10.0.0.1"), .port = id}));
}

TEST_F(ReconcilerTest, WhatAPolicyMaySelectIsClosed) {
  Endpoint named = Pod("a", "web", {"10.0.0.1"});
  named.pod = "ns/a";
  Endpoint known = Pod("b", "web", {"10.0.0.2"});
  known.pod = "ns/b";
  Workload workload;
  workload.config = std::make_shared<const WorkloadConfig>(
      WorkloadConfig{.name = "ns/b", .profile = {}, .addresses = {}});
  const Endpoint bare = Pod("c", "web", {"10.0.0.3"}, Owner::kAgent);
  ASSERT_TRUE(Transit({kWeb, named, known, bare, workload}).ok());
  for (const EndpointConfig& endpoint : switch_.config().endpoints) {
    EXPECT_EQ(endpoint.open, endpoint.name != "a") << endpoint.name;
  }
}

TEST_F(ReconcilerTest, TheSameAgainIsARevisionAndNothingElse) {
  Begin({kWeb, kWebPod});
  ASSERT_TRUE(Transit({kWeb, kWebPod}).ok());
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("publish 2: web@web"));
}

TEST_F(ReconcilerTest, ReplacingAPortIsMakeBeforeBreakForEverythingElse) {
  Begin({kWeb, kWebPod, kDb, kDbPod});
  ASSERT_TRUE(Transit({Resized(Tap("web")), kWebPod, kDb, kDbPod}).ok());
  // On the way the number is that of the revision before.
  EXPECT_THAT(switch_.TakeCalls(),
              ElementsAre("publish 1: db@db", "remove web", "add web", "publish 2: db@db web@web"));
}

TEST_F(ReconcilerTest, MovingAnEndpointNeverPassesThroughNone) {
  Begin({kWeb, kWebPod});
  ASSERT_TRUE(Transit({kDb, Pod("web", "db", {"10.0.0.1"})}).ok());
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("add db", "publish 2: web@db", "remove web"));
}

TEST_F(ReconcilerTest, APortThatCannotBeMadeFailsTheRequest) {
  Begin({kWeb, kWebPod});
  switch_.Refuse("add db", kNoDevice);
  EXPECT_EQ(Transit({kWeb, kWebPod, Tap("a"), kDb, kDbPod}),
            absl::UnavailableError("port \"db\": no such device"));
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("add a", "add db!", "remove a"));
  EXPECT_THAT(reconciler_.installed().failures, IsEmpty()) << "it is not desired";
}

TEST_F(ReconcilerTest, AFailedReplacementBringsTheOldPortBack) {
  Begin({kWeb, kWebPod, kDb, kDbPod});
  switch_.Refuse("publish 2", absl::InternalError("no memory"));
  EXPECT_EQ(Transit({Resized(Tap("web")), kWebPod, kDb, kDbPod}), absl::InternalError("no memory"));
  EXPECT_EQ(reconciler_.installed().state, StateOf({kWeb, kWebPod, kDb, kDbPod}));
  EXPECT_EQ(switch_.forwarding(), "db@db web@web");
  EXPECT_EQ(switch_.revision(), net::Revision{1});
}

TEST_F(ReconcilerTest, AnOldPortThatDoesNotComeBackIsAFailure) {
  Begin({kWeb, kWebPod, kDb, kDbPod});
  switch_.Refuse("add web", kNoDevice);
  EXPECT_FALSE(Transit({Resized(Tap("web")), kWebPod, kDb, kDbPod}).ok());
  EXPECT_EQ(reconciler_.installed().failures.at("web").spec, Tap("web").spec);
  EXPECT_EQ(reconciler_.installed().failures.at("web").cause, "port \"web\": no such device");
  EXPECT_EQ(switch_.forwarding(), "db@db");
  switch_.Refuse("add web", absl::OkStatus());
  EXPECT_TRUE(Converge({kWeb, kWebPod, kDb, kDbPod}).ok());
  EXPECT_EQ(switch_.forwarding(), "db@db web@web");
  EXPECT_THAT(reconciler_.installed().failures, IsEmpty());
}

TEST_F(ReconcilerTest, APortThatCannotBeRemovedKeepsEverything) {
  Begin({kWeb, kWebPod, kDb, kDbPod});
  switch_.Refuse("remove web", absl::InternalError("stuck"));
  EXPECT_EQ(Transit({}), absl::InternalError("port \"web\": stuck"));
  EXPECT_EQ(switch_.forwarding(), "db@db web@web");
  EXPECT_EQ(reconciler_.installed().state, StateOf({kWeb, kWebPod, kDb, kDbPod}));
}

TEST_F(ReconcilerTest, NoPortIsRemovedFromForwardingThatCouldNotBeReplaced) {
  Begin({kWeb, kWebPod});
  switch_.Refuse("publish", absl::InternalError("no memory"));
  EXPECT_EQ(Converge({kDb, kDbPod}), absl::InternalError("no memory"));
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("add db", "publish 2: db@db!"));
}

// The start: what can be made is made.
TEST_F(ReconcilerTest, AFailedPortLeavesTheOthersForwarding) {
  switch_.Refuse("add web", kNoDevice);
  ASSERT_TRUE(Converge({kWeb, kWebPod, kDb, kDbPod, OnLink("10.9.0.0/16", "web")}).ok());
  EXPECT_EQ(switch_.forwarding(), "db@db");
  const Installed& installed = reconciler_.installed();
  EXPECT_EQ(installed.failures.at("web").cause, "port \"web\": no such device");
  EXPECT_FALSE(installed.state.forwarding.endpoints.contains("web")) << "not live";
  EXPECT_FALSE(installed.state.forwarding.routes.contains(Prefix("10.9.0.0/16"))) << "not live";
}

class FailedPortTest : public ReconcilerTest {
 protected:
  void SetUp() override {
    switch_.Refuse("add web", kNoDevice);
    Begin({kWeb, kWebPod, kDb});
  }
};

TEST_F(FailedPortTest, RetryThatFailsPublishesNothing) {
  ASSERT_TRUE(Converge({kWeb, kWebPod, kDb}).ok());
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("add web!"));
  EXPECT_EQ(reconciler_.installed().revision, net::Revision{1});
}

TEST_F(FailedPortTest, RetryTellsTheLatestCause) {
  switch_.Refuse("add web", absl::UnavailableError("busy"));
  ASSERT_TRUE(Converge({kWeb, kWebPod, kDb}).ok());
  EXPECT_EQ(reconciler_.installed().failures.at("web").cause, "port \"web\": busy");
}

TEST_F(FailedPortTest, RetryThatSucceedsPublishesItsEndpoints) {
  switch_.Refuse("add web", absl::OkStatus());
  ASSERT_TRUE(Converge({kWeb, kWebPod, kDb}).ok());
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("add web", "publish 2: web@web"));
  EXPECT_THAT(reconciler_.installed().failures, IsEmpty());
}

TEST_F(FailedPortTest, IsNoReasonToRefuseOtherChanges) {
  ASSERT_TRUE(Transit({kWeb, kWebPod, kDb, kDbPod}).ok());
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("publish 2: db@db"));
  EXPECT_TRUE(reconciler_.installed().failures.contains("web"));
}

TEST_F(FailedPortTest, AChangeOfWhatIsOnItIsARevision) {
  ASSERT_TRUE(Transit({kWeb, kDb}).ok());
  EXPECT_THAT(switch_.TakeCalls(), ElementsAre("publish 2: "));
  EXPECT_EQ(reconciler_.installed().revision, net::Revision{2});
}

TEST_F(FailedPortTest, RemovedItIsForgotten) {
  ASSERT_TRUE(Transit({kDb}).ok());
  EXPECT_THAT(reconciler_.installed().failures, IsEmpty());
  EXPECT_EQ(reconciler_.installed().revision, net::Revision{2});
}

TEST_F(FailedPortTest, ChangedItIsTriedAndFailsTheRequest) {
  EXPECT_EQ(Transit({Resized(Tap("web")), kWebPod, kDb}),
            absl::UnavailableError("port \"web\": no such device"));
  EXPECT_EQ(reconciler_.installed().failures.at("web").spec, Tap("web").spec) << "as desired";
  switch_.Refuse("add web", absl::OkStatus());
  EXPECT_TRUE(Transit({Resized(Tap("web")), kWebPod, kDb}).ok());
  EXPECT_THAT(reconciler_.installed().failures, IsEmpty());
  EXPECT_EQ(switch_.forwarding(), "web@web");
}

TEST_F(FailedPortTest, StaysFailedWhenTheChangeThatHealedItIsTakenBack) {
  switch_.Refuse("add web", absl::OkStatus());
  switch_.Refuse("publish 2", absl::InternalError("no memory"));
  EXPECT_FALSE(Transit({Resized(Tap("web")), kWebPod, kDb}).ok());
  EXPECT_EQ(reconciler_.installed().failures.at("web").spec, Tap("web").spec);
  // So it is tried again.
  switch_.Refuse("publish 2", absl::OkStatus());
  ASSERT_TRUE(Converge({kWeb, kWebPod, kDb}).ok());
  EXPECT_EQ(switch_.forwarding(), "web@web");
}

}  // namespace
}  // namespace pollux::control
