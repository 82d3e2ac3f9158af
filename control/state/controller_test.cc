#include "control/state/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "control/state/fake_switch.h"
#include "control/state/test_directory.h"
#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Object kWeb = Tap("web");
const Object kWebPod = Pod("web", "web", {"10.0.0.1"});
const absl::Status kNoDevice = absl::UnavailableError("no such device");
constexpr std::chrono::milliseconds kNow{0};

core::PortSpec HostPort() {
  core::PortSpec spec = PortOn("pollux0", core::TapSpec{"", "pollux0"}).spec;
  spec.role = core::PortRole::kHost;
  return spec;
}

// A daemon's life: switch, controller and, in between, what is on disk.
struct Daemon {
  explicit Daemon(const std::string& directory)
      : controller(packet_side, StateFile::Open(directory).value()) {}

  absl::StatusOr<Outcome> Put(const std::vector<Object>& objects) {
    return controller.Apply({.put = objects}, false);
  }
  [[nodiscard]] std::uint64_t revision() const { return controller.snapshot()->revision.value(); }

  FakeSwitch packet_side;
  Controller controller;
};

class ControllerTest : public testing::Test {
 protected:
  [[nodiscard]] std::string state_dir() const { return directory_.path("state"); }
  // A new process on the same disk.
  Daemon& Restart() {
    daemon_.reset();
    daemon_ = std::make_unique<Daemon>(state_dir());
    EXPECT_TRUE(daemon_->controller.Start({}).ok());
    daemon_->packet_side.TakeCalls();
    return *daemon_;
  }

  TestDirectory directory_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(ControllerTest, RestoresEverythingInOneSwapBeforeThePacketPathStarts) {
  ASSERT_TRUE(Restart().Put({kWeb, kWebPod, Uplink("wire"), OnLink("0.0.0.0/0", "wire")}).ok());
  daemon_.reset();
  Daemon next(state_dir());
  ASSERT_TRUE(next.controller.Start({HostPort()}).ok());
  EXPECT_THAT(next.packet_side.TakeCalls(), ElementsAre("add pollux0", "add web", "add wire",
                                                        "publish 3: web@web 0.0.0.0/0@wire"));
  EXPECT_EQ(next.controller.snapshot()->desired.ports.at("pollux0").owner, Owner::kSwitch);
}

TEST_F(ControllerTest, TheFirstStartPublishesAnEmptySwitch) {
  Daemon daemon(state_dir());
  EXPECT_EQ(daemon.revision(), 0U);
  ASSERT_TRUE(daemon.controller.Start({}).ok());
  EXPECT_THAT(daemon.packet_side.TakeCalls(), ElementsAre("publish 1: "));
  EXPECT_EQ(daemon.revision(), 1U);
}

TEST_F(ControllerTest, ARevisionIsInTheAnswerTheWorkersAndTheSnapshot) {
  Daemon& daemon = Restart();
  const auto outcome = daemon.Put({kWeb});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->revision.value(), 2U);
  EXPECT_EQ(outcome->changes.size(), 1U);
  EXPECT_EQ(daemon.packet_side.revision().value(), 2U);
  EXPECT_EQ(daemon.revision(), 2U);
}

TEST_F(ControllerTest, WhatChangesNothingHasNoRevisionOfItsOwn) {
  Daemon& daemon = Restart();
  ASSERT_TRUE(daemon.Put({kWeb}).ok());
  daemon.packet_side.TakeCalls();
  const auto again = daemon.Put({kWeb});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->revision.value(), 2U);
  EXPECT_THAT(again->changes, IsEmpty());
  EXPECT_THAT(daemon.packet_side.TakeCalls(), IsEmpty());
}

TEST_F(ControllerTest, ADryRunSaysWhatItWouldDo) {
  Daemon& daemon = Restart();
  const auto outcome = daemon.controller.Apply({.put = {kWeb}}, true);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->changes.size(), 1U);
  EXPECT_EQ(outcome->revision.value(), 1U);
  EXPECT_THAT(daemon.packet_side.TakeCalls(), IsEmpty());
  EXPECT_THAT(daemon.controller.snapshot()->desired.ports, IsEmpty());
  EXPECT_EQ(daemon.controller.Apply({.put = {kWebPod}}, true).status().code(),
            StatusCode::kFailedPrecondition)
      << "checked all the same";
}

TEST_F(ControllerTest, ABadRequestChangesNothing) {
  Daemon& daemon = Restart();
  ASSERT_TRUE(daemon.Put({kWeb, kWebPod}).ok());
  daemon.packet_side.TakeCalls();
  const State before = daemon.controller.snapshot()->desired;
  EXPECT_EQ(daemon.Put({Tap("db"), Pod("db", "nowhere", {"10.0.0.2"})}).status(),
            absl::FailedPreconditionError(
                "endpoint.port: there is no port \"nowhere\" (endpoint \"db\")"));
  EXPECT_EQ(daemon.controller.Apply({.remove = {PortKey{"web"}}}, false).status(),
            absl::FailedPreconditionError("port \"web\" is still used by endpoint \"web\" of owner "
                                          "\"cli\": remove that first"));
  EXPECT_EQ(daemon.controller.snapshot()->desired, before);
  EXPECT_THAT(daemon.packet_side.TakeCalls(), IsEmpty());
  EXPECT_EQ(Restart().controller.snapshot()->desired, before);
}

TEST_F(ControllerTest, ANewcomerIsToldWhomHeCollidesWith) {
  Daemon& daemon = Restart();
  ASSERT_TRUE(daemon.controller
                  .Sync(Owner::kAgent,
                        {Tap("web", Owner::kAgent), Pod("web", "web", {"10.0.0.1"}, Owner::kAgent)},
                        false)
                  .ok());
  Endpoint newcomer = Pod("a", "web", {"10.0.0.1"});
  newcomer.mac = Mac("02:00:00:00:00:0a");
  EXPECT_EQ(daemon.Put({newcomer}).status(),
            absl::FailedPreconditionError("endpoint.ip[0]: 10.0.0.1 belongs to endpoint \"web\" of "
                                          "owner \"agent\" (endpoint \"a\")"));
}

TEST_F(ControllerTest, WhatTheSwitchRefusesIsNotDesired) {
  Daemon& daemon = Restart();
  daemon.packet_side.Refuse("add web", kNoDevice);
  EXPECT_EQ(daemon.Put({kWeb}).status(), absl::UnavailableError("port \"web\": no such device"));
  EXPECT_THAT(daemon.controller.snapshot()->desired.ports, IsEmpty());
  EXPECT_EQ(daemon.revision(), 1U);
  EXPECT_THAT(Restart().controller.snapshot()->desired.ports, IsEmpty());
}

TEST_F(ControllerTest, AfterARollBackTheSnapshotIsWhatTheSwitchHas) {
  Daemon& daemon = Restart();
  ASSERT_TRUE(daemon.Put({Tap("a")}).ok());
  ASSERT_TRUE(daemon.Put({kWeb, kWebPod}).ok());
  // "web" comes back with the number that this frees.
  ASSERT_TRUE(daemon.controller.Apply({.remove = {PortKey{"a"}}}, false).ok());
  daemon.packet_side.Refuse("publish 5", absl::InternalError("no memory"));
  EXPECT_EQ(daemon.Put({Resized(Tap("web"))}).status().code(), StatusCode::kInternal);
  const auto snapshot = daemon.controller.snapshot();
  for (const PortInfo& info : daemon.packet_side.Ports()) {
    EXPECT_EQ(snapshot->installed.ids.at(info.spec.name), info.id) << info.spec.name;
  }
  EXPECT_EQ(snapshot->desired, StateOf({kWeb, kWebPod}));
  EXPECT_EQ(snapshot->revision.value(), 4U);
}

TEST_F(ControllerTest, APortThatARollBackLosesIsReportedAndRetried) {
  Daemon& daemon = Restart();
  ASSERT_TRUE(daemon.Put({kWeb, kWebPod}).ok());
  daemon.packet_side.Refuse("add web", kNoDevice);
  EXPECT_FALSE(daemon.Put({Resized(Tap("web"))}).ok());
  EXPECT_EQ(daemon.controller.snapshot()->installed.failures.at("web").cause,
            "port \"web\": no such device");
  daemon.packet_side.Refuse("add web", absl::OkStatus());
  daemon.controller.RetryFailed();
  EXPECT_EQ(daemon.packet_side.forwarding(), "web@web");
  EXPECT_THAT(daemon.controller.snapshot()->installed.failures, IsEmpty());
}

TEST_F(ControllerTest, AFullDiskRefusesTheChangeBeforeTheSwitchSeesIt) {
  Daemon& daemon = Restart();
  std::filesystem::create_symlink("/dev/full", state_dir() + "/state.new");
  const absl::Status status = daemon.Put({kWeb}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--state-dir: nothing was changed: "));
  EXPECT_THAT(daemon.packet_side.TakeCalls(), IsEmpty());
}

TEST_F(ControllerTest, WhatCannotBeCommittedIsAProblemUntilItCan) {
  Daemon& daemon = Restart();
  ASSERT_TRUE(daemon.Put({kWeb}).ok());
  std::filesystem::create_directories(state_dir() + "/state.link/in-the-way");
  EXPECT_TRUE(daemon.Put({kWebPod}).ok()) << "the workers have it";
  EXPECT_THAT(daemon.controller.state_problem(), HasSubstr("state.link"));
  std::filesystem::remove_all(state_dir() + "/state.link");
  EXPECT_TRUE(daemon.Put({OnLink("10.9.0.0/16", "web")}).ok());
  EXPECT_EQ(daemon.controller.state_problem(), "");
}

TEST_F(ControllerTest, ADamagedStateIsAProblem) {
  ASSERT_TRUE(Restart().Put({kWeb}).ok());
  ASSERT_TRUE(daemon_->Put({kWebPod}).ok());
  WriteAll(state_dir() + "/state", "nonsense");
  Daemon& daemon = Restart();
  EXPECT_THAT(daemon.controller.state_problem(), HasSubstr("it does not begin as a state file"));
  EXPECT_EQ(daemon.controller.snapshot()->desired, StateOf({kWeb})) << "the version before";
}

TEST_F(ControllerTest, AnInvalidSavedStateDoesNotStart) {
  {
    StateFile file = StateFile::Open(state_dir()).value();
    ASSERT_TRUE(file.Stage({.revision = {}, .state = StateOf({kWebPod})}).ok());
    ASSERT_TRUE(file.Commit().ok());
  }
  Daemon daemon(state_dir());
  EXPECT_EQ(daemon.controller.Start({}),
            absl::FailedPreconditionError(
                "saved state: endpoint.port: there is no port \"web\" (endpoint \"web\")"));
  EXPECT_THAT(daemon.packet_side.TakeCalls(), IsEmpty());
}

TEST_F(ControllerTest, FailedPortsAtTheStartAreReportedAndRetried) {
  ASSERT_TRUE(Restart().Put({kWeb, kWebPod}).ok());
  daemon_.reset();
  Daemon daemon(state_dir());
  daemon.packet_side.Refuse("add web", kNoDevice);
  ASSERT_TRUE(daemon.controller.Start({}).ok());
  auto snapshot = daemon.controller.snapshot();
  EXPECT_EQ(snapshot->desired, StateOf({kWeb, kWebPod}));
  EXPECT_EQ(snapshot->installed.failures.size(), 1U);
  EXPECT_THAT(snapshot->installed.state.forwarding.endpoints, IsEmpty()) << "not live";
  const std::uint64_t revision = daemon.revision();

  daemon.controller.RetryFailed();
  EXPECT_EQ(daemon.revision(), revision) << "nothing new";
  daemon.packet_side.Refuse("add web", absl::OkStatus());
  daemon.controller.RetryFailed();
  EXPECT_EQ(daemon.revision(), revision + 1);
  EXPECT_EQ(Decode(ReadAll(state_dir() + "/state"))->revision, net::Revision{revision + 1})
      << "not given out again after a restart";
  EXPECT_EQ(daemon.packet_side.forwarding(), "web@web");
  daemon.packet_side.TakeCalls();
  daemon.controller.RetryFailed();
  EXPECT_THAT(daemon.packet_side.TakeCalls(), IsEmpty()) << "cheap if there are none";
}

TEST_F(ControllerTest, AChangeOnAFailedPortIsARevision) {
  ASSERT_TRUE(Restart().Put({kWeb}).ok());
  daemon_.reset();
  Daemon daemon(state_dir());
  daemon.packet_side.Refuse("add web", kNoDevice);
  ASSERT_TRUE(daemon.controller.Start({}).ok());
  const net::Revision before = daemon.controller.snapshot()->revision;
  const auto outcome = daemon.Put({kWebPod});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->revision.value(), before.value() + 1);
  EXPECT_NE(daemon.controller.WaitBeyond(before, kNow), nullptr) << "watchers are told";
}

TEST_F(ControllerTest, WaitBeyondReturnsAtOnceOrNotAtAll) {
  Daemon& daemon = Restart();
  EXPECT_EQ(daemon.controller.WaitBeyond(net::Revision{0}, kNow)->revision.value(), 1U);
  EXPECT_EQ(daemon.controller.WaitBeyond(net::Revision{1}, kNow), nullptr);
}

TEST_F(ControllerTest, MoveQueueKnowsPortsByName) {
  Daemon& daemon = Restart();
  ASSERT_TRUE(daemon.Put({kWeb}).ok());
  daemon.packet_side.TakeCalls();
  EXPECT_TRUE(daemon.controller.MoveQueue("web", 0, 1).ok());
  EXPECT_THAT(daemon.packet_side.TakeCalls(), ElementsAre("move web 0 to 1"));
  EXPECT_EQ(daemon.controller.MoveQueue("db", 0, 1),
            absl::NotFoundError("port: there is no port \"db\""));
  EXPECT_EQ(daemon.controller.MoveQueue("web", 7, 1),
            absl::NotFoundError("queue: port \"web\" has no queue 7"));
}

}  // namespace
}  // namespace pollux::control
