#include "control/state/edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

using absl::StatusCode;

const Object kWeb = Tap("web");
const Object kWebPod = Pod("web", "web", {"10.0.0.1"});
const Object kAgentPod = Pod("web", "web", {"10.0.0.1"}, Owner::kAgent);
const Object kRoute = OnLink("10.9.0.0/16", "web");
const Object kOwn = Tap("pollux0", Owner::kSwitch);

struct ApplyRow {
  std::string sentence;
  std::vector<Object> before;
  Edit edit;
  std::vector<Object> after;  // as before on an error
  StatusCode code = StatusCode::kOk;
  std::string error{};
};

std::vector<ApplyRow> ApplyRows() {
  const Object moved = Pod("web", "web", {"10.0.0.9"});
  return {
      {"nothing", {kWeb}, {}, {kWeb}},
      {"adds", {kWeb}, {.put = {kWebPod, kRoute}}, {kWeb, kWebPod, kRoute}},
      {"replaces", {kWeb, kWebPod}, {.put = {moved}}, {kWeb, moved}},
      {"an equal object is left alone", {kWeb}, {.put = {kWeb}}, {kWeb}},
      {"an equal object is left alone with create_only",
       {kWeb},
       {.put = {kWeb}, .create_only = true},
       {kWeb}},
      {"create_only replaces nothing",
       {kWeb, kWebPod},
       {.put = {moved}, .create_only = true},
       {kWeb, kWebPod},
       StatusCode::kAlreadyExists,
       "endpoint \"web\" exists with other settings: remove it first, or replace it"},
      {"removes each kind",
       {kWeb, kWebPod, kRoute},
       {.remove = {RouteKey{Prefix("10.9.0.0/16")}, EndpointKey{"web"}, PortKey{"web"}}},
       {}},
      {"what is not there is removed already",
       {kWeb},
       {.remove = {RouteKey{Prefix("10.9.0.0/16")}, EndpointKey{"web"}, PortKey{"db"}}},
       {kWeb}},
      {"removal comes before put, so create_only replaces",
       {kWeb, kWebPod},
       {.remove = {EndpointKey{"web"}}, .put = {moved}, .create_only = true},
       {kWeb, moved}},
      {"another owner's object is not replaced",
       {kWeb, kAgentPod},
       {.put = {moved}},
       {kWeb, kAgentPod},
       StatusCode::kFailedPrecondition,
       "endpoint \"web\" belongs to owner \"agent\""},
      {"another owner's object is not adopted, however equal",
       {kWeb, kAgentPod},
       {.put = {kWebPod}},
       {kWeb, kAgentPod},
       StatusCode::kFailedPrecondition,
       "endpoint \"web\" belongs to owner \"agent\""},
      {"another owner comes before create_only",
       {kWeb, kAgentPod},
       {.put = {moved}, .create_only = true},
       {kWeb, kAgentPod},
       StatusCode::kFailedPrecondition,
       "endpoint \"web\" belongs to owner \"agent\""},
      {"another owner's object is not removed",
       {kWeb, OnLink("10.9.0.0/16", "web", Owner::kAgent)},
       {.remove = {RouteKey{Prefix("10.9.0.0/16")}}},
       {kWeb, OnLink("10.9.0.0/16", "web", Owner::kAgent)},
       StatusCode::kFailedPrecondition,
       "route \"10.9.0.0/16\" belongs to owner \"agent\""},
      {"the switch's own port is nobody's",
       {kOwn},
       {.remove = {PortKey{"pollux0"}}},
       {kOwn},
       StatusCode::kFailedPrecondition,
       "port \"pollux0\" is the switch's own (vswitchd --host-interface)"},
      {"all or nothing: the good half of a bad request is not there",
       {kWeb, kAgentPod},
       {.remove = {PortKey{"web"}}, .put = {Tap("db"), moved}},
       {kWeb, kAgentPod},
       StatusCode::kFailedPrecondition,
       "endpoint \"web\" belongs to owner \"agent\""},
      {"an object given twice with two meanings",
       {},
       {.put = {kWeb, Resized(Tap("web"))}},
       {},
       StatusCode::kInvalidArgument,
       "port \"web\" is given twice"},
  };
}

TEST(ApplyTest, Rows) {
  for (const ApplyRow& row : ApplyRows()) {
    SCOPED_TRACE(row.sentence);
    const State before = StateOf(row.before);
    const absl::StatusOr<State> after = Apply(before, row.edit);
    EXPECT_EQ(after.status().code(), row.code);
    EXPECT_EQ(after.status().message(), row.error);
    EXPECT_EQ(after.value_or(before), StateOf(row.after));
    if (after.ok() && row.edit.remove.empty()) {
      EXPECT_EQ(Apply(*after, row.edit).value_or(State{}), *after) << "not idempotent";
    }
  }
}

struct SyncRow {
  std::string sentence;
  std::vector<Object> before;
  Owner owner;
  std::vector<Object> objects;
  std::vector<Object> after;
  StatusCode code = StatusCode::kOk;
  std::string error{};
};

TEST(SyncTest, Rows) {
  const Object agent_port = Tap("pod", Owner::kAgent);
  const SyncRow rows[] = {
      {"what is not given goes", {kWeb, kWebPod, kRoute}, Owner::kCli, {kWeb}, {kWeb}},
      {"nothing given, nothing left", {kWeb, kWebPod}, Owner::kCli, {}, {}},
      {"others' objects stay", {kWeb, agent_port, kOwn}, Owner::kCli, {}, {agent_port, kOwn}},
      {"the other owner's way round", {kWeb, agent_port}, Owner::kAgent, {}, {kWeb}},
      {"adds, changes and removes at once",
       {kWeb, kWebPod},
       Owner::kCli,
       {Resized(Tap("web")), kRoute},
       {Resized(Tap("web")), kRoute}},
      {"another owner's object is not taken",
       {kWeb, kAgentPod},
       Owner::kCli,
       {kWeb, kWebPod},
       {kWeb, kAgentPod},
       StatusCode::kFailedPrecondition,
       "endpoint \"web\" belongs to owner \"agent\""},
      {"given twice",
       {kWeb},
       Owner::kCli,
       {kWeb, kWeb},
       {kWeb},
       StatusCode::kInvalidArgument,
       "port \"web\" is given twice"},
      {"one name for two kinds is no repetition",
       {},
       Owner::kCli,
       {kWeb, kWebPod},
       {kWeb, kWebPod}},
  };
  for (const SyncRow& row : rows) {
    SCOPED_TRACE(row.sentence);
    const State before = StateOf(row.before);
    const absl::StatusOr<State> after = Sync(before, row.owner, row.objects);
    EXPECT_EQ(after.status().code(), row.code);
    EXPECT_EQ(after.status().message(), row.error);
    EXPECT_EQ(after.value_or(before), StateOf(row.after));
    if (after.ok()) {
      EXPECT_EQ(Sync(*after, row.owner, row.objects).value_or(State{}), *after) << "not idempotent";
    }
  }
}

TEST(ObjectsOfTest, PortsFirstAndOneOwnerIfAsked) {
  const State state = StateOf({kRoute, kAgentPod, kWeb, kOwn});
  EXPECT_THAT(ObjectsOf(state), testing::ElementsAre(kOwn, kWeb, kAgentPod, kRoute));
  EXPECT_THAT(ObjectsOf(state, Owner::kAgent), testing::ElementsAre(kAgentPod));
}

}  // namespace
}  // namespace pollux::control
