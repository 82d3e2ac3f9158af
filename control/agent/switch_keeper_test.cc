#include "control/agent/switch_keeper.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace pollux::agent {
namespace {

using testing::ElementsAre;

class FakeClient final : public SwitchClient {
 public:
  absl::StatusOr<api::ApplyReply> Apply(const api::ApplyRequest& request) override {
    std::string text = "apply";
    for (const api::Object& object : request.put()) {
      absl::StrAppend(&text, " put ", NameOf(object));
    }
    for (const api::Key& key : request.remove()) {
      absl::StrAppend(&text, " remove ", key.has_service() ? key.service() : key.workload());
    }
    return Answer(text);
  }
  absl::StatusOr<api::ApplyReply> Sync(const api::SyncRequest& request) override {
    std::string text = "sync";
    for (const api::Object& object : request.items()) {
      absl::StrAppend(&text, " ", NameOf(object));
    }
    return Answer(text);
  }
  absl::StatusOr<api::GetStatusReply> GetStatus() override {
    api::GetStatusReply reply;
    reply.add_items()->set_pid(process);
    return reachable ? absl::StatusOr<api::GetStatusReply>(reply)
                     : absl::UnavailableError("nobody");
  }

  std::vector<std::string> asked;
  absl::Status status;
  std::uint32_t process = 1;
  bool reachable = true;

 private:
  static std::string NameOf(const api::Object& object) {
    return object.has_service()    ? object.service().name()
           : object.has_workload() ? object.workload().name()
                                   : "something else";
  }
  absl::StatusOr<api::ApplyReply> Answer(const std::string& text) {
    asked.push_back(text);
    if (!status.ok()) {
      return status;
    }
    api::ApplyReply reply;
    reply.set_revision(asked.size());
    return reply;
  }
};

void Add(control::State& state, const std::string& name, std::uint32_t affinity = 0) {
  control::Service service;
  service.owner = control::Owner::kAgent;
  service.config = std::make_shared<const ServiceConfig>(
      ServiceConfig{.name = name, .affinity_seconds = affinity});
  state.forwarding.services[name] = service;
}

class SwitchKeeperTest : public testing::Test {
 protected:
  SwitchKeeperTest() {
    Add(state_, "a");
    Add(state_, "b");
  }
  FakeClient client_;
  SwitchKeeper keeper_{client_};
  control::State state_;
};

TEST_F(SwitchKeeperTest, FirstEverythingThenWhatIsDifferent) {
  ASSERT_TRUE(keeper_.Check().ok());
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  EXPECT_THAT(client_.asked, ElementsAre("sync a b")) << "nothing changed";
  EXPECT_EQ(keeper_.revision(), 1U);
  Add(state_, "b", 10);
  Add(state_, "c");
  state_.forwarding.services.erase("a");
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  EXPECT_THAT(client_.asked, ElementsAre("sync a b", "apply put b put c remove a"));
  EXPECT_EQ(keeper_.revision(), 2U);
}

TEST_F(SwitchKeeperTest, AfterAnErrorEverythingAgain) {
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  client_.status = absl::InvalidArgumentError("no");
  Add(state_, "c");
  EXPECT_FALSE(keeper_.Bring(state_).ok());
  client_.status = absl::OkStatus();
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  EXPECT_EQ(client_.asked.back(), "sync a b c");
}

TEST_F(SwitchKeeperTest, AnotherProcessIsToldEverything) {
  ASSERT_TRUE(keeper_.Check().ok());
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  ASSERT_TRUE(keeper_.Check().ok());
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  EXPECT_EQ(client_.asked.size(), 1U);
  client_.process = 2;
  ASSERT_TRUE(keeper_.Check().ok());
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  EXPECT_EQ(client_.asked.size(), 2U);
}

TEST_F(SwitchKeeperTest, WhoCannotBeReachedIsToldEverythingWhenHeIsBack) {
  ASSERT_TRUE(keeper_.Check().ok());
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  client_.reachable = false;
  EXPECT_FALSE(keeper_.Check().ok());
  client_.reachable = true;
  ASSERT_TRUE(keeper_.Check().ok());
  ASSERT_TRUE(keeper_.Bring(state_).ok());
  EXPECT_THAT(client_.asked, ElementsAre("sync a b", "sync a b"));
}

}  // namespace
}  // namespace pollux::agent
