// Many clients at once: each change is whole, revisions go up by one, readers never wait and see
// only states that were desired at some moment.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>

#include "control/state/controller.h"
#include "control/state/fake_switch.h"
#include "control/state/test_directory.h"
#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

constexpr int kWriters = 4;
constexpr int kRounds = 25;

class ControllerThreadsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(controller_.Start({}).ok()); }

  // A port with its endpoint comes and goes as one.
  void Write(int writer) {
    const std::string name = "pod" + std::to_string(writer);
    const std::string ip = "10.0.0." + std::to_string(writer + 1);
    for (int round = 0; round < kRounds; ++round) {
      const auto put = controller_.Apply({.put = {Tap(name), Pod(name, name, {ip})}}, false);
      const auto gone = controller_.Apply({.remove = {EndpointKey{name}, PortKey{name}}}, false);
      ASSERT_TRUE(put.ok() && gone.ok());
      EXPECT_LT(put->revision, gone->revision);
      Count(put->revision);
      Count(gone->revision);
    }
  }
  void Count(net::Revision revision) {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(revisions_.insert(revision).second) << revision.value() << " given twice";
  }
  // Follows the revisions up to `last`.
  void Watch(net::Revision last) {
    net::Revision seen;
    while (seen < last) {
      const auto snapshot = controller_.WaitBeyond(seen, std::chrono::seconds(10));
      ASSERT_NE(snapshot, nullptr) << "after " << seen.value();
      ASSERT_LT(seen, snapshot->revision);
      seen = snapshot->revision;
      ExpectWhole(*snapshot);
    }
  }
  static void ExpectWhole(const Snapshot& snapshot) {
    const State& state = snapshot.desired;
    EXPECT_EQ(state.ports.size(), state.forwarding.endpoints.size());
    EXPECT_EQ(snapshot.installed.ids.size(), state.ports.size());
  }

  TestDirectory directory_;
  FakeSwitch switch_;
  Controller controller_{switch_, StateFile::Open(directory_.path()).value()};
  std::mutex mutex_;
  std::set<net::Revision> revisions_;
};

TEST_F(ControllerThreadsTest, WritersWatchersAndReaders) {
  const net::Revision last{controller_.snapshot()->revision.value() +
                           std::uint64_t{2} * kWriters * kRounds};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { Watch(last); });
    threads.emplace_back([&] {
      while (!done) {
        ExpectWhole(*controller_.snapshot());
        controller_.RetryFailed();
        EXPECT_EQ(controller_.state_problem(), "");
      }
    });
  }
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([this, writer] { Write(writer); });
  }
  for (std::thread& thread : writers) {
    thread.join();
  }
  done = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(controller_.snapshot()->revision, last);
  EXPECT_EQ(revisions_.size(), std::size_t{2} * kWriters * kRounds);
  EXPECT_EQ(*revisions_.rbegin(), last);
  EXPECT_TRUE(switch_.Ports().empty());
}

// Ports that fail and come back while others change.
TEST_F(ControllerThreadsTest, RetriesBesideWriters) {
  ASSERT_TRUE(controller_.Apply({.put = {Tap("flaky")}}, false).ok());
  std::atomic<bool> done{false};
  std::thread retrying([&] {
    while (!done) {
      controller_.RetryFailed();
    }
  });
  std::thread failing([&] {
    for (int round = 0; round < kRounds; ++round) {
      switch_.Refuse("add flaky", absl::UnavailableError("gone"));
      EXPECT_FALSE(controller_.Apply({.put = {Resized(Tap("flaky"))}}, false).ok());
      switch_.Refuse("add flaky", absl::OkStatus());
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    EXPECT_TRUE(controller_.Apply({.put = {Tap("other")}}, false).ok());
    EXPECT_TRUE(controller_.Apply({.remove = {PortKey{"other"}}}, false).ok());
  }
  failing.join();
  done = true;
  retrying.join();
  controller_.RetryFailed();
  EXPECT_TRUE(controller_.snapshot()->installed.failures.empty());
  EXPECT_EQ(switch_.Ports().size(), 1U);
}

}  // namespace
}  // namespace pollux::control
