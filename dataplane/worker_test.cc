// The loop itself, on a thread of its own: who gets its cycles, when it sleeps, what wakes it.
#include "dataplane/worker.h"

#include <gtest/gtest.h>
#include <rte_cycles.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "dataplane/core/fair_share.h"
#include "test/packet/frames.h"
#include "vhost/fake_port.h"

namespace pollux {
namespace {

using stages::testing::Ip;
using stages::testing::SmallSwitch;
using stages::testing::UdpFrame;
using vhost::FakePort;

constexpr net::PortId kPod = stages::testing::kPod;
constexpr net::PortId kOtherPod = stages::testing::kOtherPod;
constexpr net::PortId kUplink = stages::testing::kUplink;

// Waits for another thread; fails the test after long.
bool Eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "waited in vain";
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

// A queue whose bursts, of one frame that parse drops, cost `cycles`; always one more.
class SpinningQueue final : public core::RxQueue {
 public:
  explicit SpinningQueue(std::uint64_t cycles) : cycles_(cycles) {}
  void Receive(core::Batch& batch) override {
    const std::uint64_t start = rte_rdtsc();
    *batch.NextSegments() = {frame_.data(), static_cast<std::uint32_t>(frame_.size())};
    batch.Append(1, static_cast<std::uint32_t>(frame_.size()), {});
    bursts.fetch_add(1, std::memory_order_relaxed);
    while (rte_rdtsc() - start < cycles_) {
    }
  }
  void Release(core::Batch& /*batch*/) override {}
  std::atomic<std::uint64_t> bursts{0};

 private:
  const std::uint64_t cycles_;
  const std::array<std::uint8_t, 60> frame_{};
};

// A worker with the ports of SmallSwitch, of which the pods and the uplink are fake ports.
class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    switch_.entries[kPod.value()].port = &pod_;
    switch_.entries[kOtherPod.value()].port = &other_pod_;
    switch_.entries[kUplink.value()].port = &uplink_;
    switch_.Publish();
    published_.tables = &switch_.tables;
  }
  ~WorkerTest() override {
    worker_.Stop();
    if (thread_.joinable()) {
      thread_.join();
    }
    close(control_event_);
  }

  static std::unique_ptr<const PollPlan> Plan(std::uint64_t generation,
                                              std::vector<PollPlan::Queue> queues) {
    return std::make_unique<const PollPlan>(PollPlan{generation, std::move(queues)});
  }
  std::unique_ptr<const PollPlan> PlanOfPods(std::uint64_t generation) {
    return Plan(generation, {{kPod, &pod_.rx_queue(0)}, {kOtherPod, &other_pod_.rx_queue(0)}});
  }
  void Start(std::unique_ptr<const PollPlan> plan) {
    worker_.SwapPlan(std::move(plan));
    thread_ = std::thread([this] { worker_.Run(); });
  }
  void AwaitSleep() {
    Eventually([&] { return worker_.statistics().asleep.load(std::memory_order_relaxed); });
  }
  std::uint64_t Loops() { return worker_.statistics().loops.value(); }

  SmallSwitch switch_;
  FakePort pod_{kPod};
  FakePort other_pod_{kOtherPod};
  FakePort uplink_{kUplink};
  const int control_event_ = eventfd(0, EFD_NONBLOCK);
  core::Rcu rcu_{1};
  Published published_;
  Worker worker_{net::WorkerId(0), rcu_, published_, control_event_};
  std::thread thread_;
};

// Twenty times as dear, so about a twentieth of the bursts. A worker that let a queue in debt go
// whenever another one had just had its turn gave it half.
TEST_F(WorkerTest, QueuesShareCyclesAndNotBursts) {
  SpinningQueue dear(20 * core::FairShare::kQuantumCycles);
  SpinningQueue cheap(core::FairShare::kQuantumCycles);
  Start(Plan(1, {{kPod, &dear}, {kOtherPod, &cheap}}));
  Eventually([&] { return dear.bursts + cheap.bursts > 1200; });
  EXPECT_GT(cheap.bursts, 6 * dear.bursts);
  EXPECT_GT(dear.bursts, 20U) << "nobody starves";
  worker_.Stop();
  thread_.join();  // before the queues go
}

TEST_F(WorkerTest, AnIdleWorkerSleepsUntilAFrameComes) {
  Start(PlanOfPods(1));
  for (int round = 0; round < 20; ++round) {
    AwaitSleep();
    pod_.Enqueue({UdpFrame(), {}});
    ASSERT_TRUE(Eventually([&] { return !other_pod_.TakeSent().empty(); }));
  }
  EXPECT_GE(worker_.statistics().sleeps.value(), 20U);
  EXPECT_EQ(worker_.statistics().packets.value(), 20U);
}

TEST_F(WorkerTest, WhoIsAsleepDoesNotTurn) {
  Start(PlanOfPods(1));
  AwaitSleep();
  const std::uint64_t loops = Loops();
  worker_.Wake();
  ASSERT_TRUE(Eventually([&] { return Loops() > loops; }));
  AwaitSleep();
  EXPECT_LT(Loops() - loops, 1000U) << "nothing to do: one look, or some in the time it polls on";
}

// A worker that sleeps as soon as it has nothing to receive left all but the first of them.
TEST_F(WorkerTest, MoreCommandsThanFitOnePassAreAllRun) {
  constexpr unsigned kCommands = 3 * stages::GeneratedFrames::kCapacity + 5;
  for (unsigned i = 0; i < kCommands; ++i) {
    ASSERT_TRUE(worker_.Command({.kind = WorkerCommand::Kind::kAnnounce,
                                 .port = kUplink,
                                 .ip = Ip("192.0.2.50"),
                                 .mac = stages::testing::kUplinkMac}));
  }
  Start(PlanOfPods(1));
  AwaitSleep();
  EXPECT_EQ(uplink_.TakeSent().size(), kCommands);
  EXPECT_EQ(uplink_.counters(net::WorkerId(0)).generated.value(), kCommands);
  EXPECT_EQ(uplink_.counters(net::WorkerId(0)).tx_packets.value(), kCommands);
}

TEST_F(WorkerTest, CommandsWakeTheSleeperAndUnknownPortsAreIgnored) {
  Start(PlanOfPods(1));
  AwaitSleep();
  worker_.Command({.kind = WorkerCommand::Kind::kSolicit,
                   .port = net::PortId(77),
                   .ip = Ip("192.0.2.9"),
                   .mac = {}});
  worker_.Command(
      {.kind = WorkerCommand::Kind::kSolicit, .port = kUplink, .ip = Ip("192.0.2.9"), .mac = {}});
  Eventually([&] { return !uplink_.TakeSent().empty(); });
}

TEST_F(WorkerTest, ControlIsToldOfWantedNeighbours) {
  switch_.tables.routes =
      std::make_shared<tables::RouteTable>(std::vector<tables::RouteTable::Route>{
          {net::IpPrefix::Parse("192.0.2.0/24").value(), {.port = kUplink}}});
  Start(PlanOfPods(1));
  pod_.Enqueue({UdpFrame({.to = "192.0.2.9"}), {}});
  eventfd_t told = 0;
  ASSERT_TRUE(Eventually([&] { return eventfd_read(control_event_, &told) == 0; }));
  stages::NeighbourEvent event;
  ASSERT_TRUE(worker_.events().TryPop(event));
  EXPECT_EQ(event.kind, stages::NeighbourEvent::Kind::kWanted);
  EXPECT_EQ(event.ip, Ip("192.0.2.9"));
}

TEST_F(WorkerTest, AnOldPlanIsUnusedAfterAGracePeriod) {
  Start(PlanOfPods(1));
  for (std::uint64_t generation = 2; generation < 50; ++generation) {
    auto old =
        worker_.SwapPlan(generation % 2 == 0 ? Plan(generation, {}) : PlanOfPods(generation));
    worker_.Wake();
    rcu_.Synchronize();
    old.reset();
  }
  pod_.Enqueue({UdpFrame(), {}});
  Eventually([&] { return !other_pod_.TakeSent().empty(); });
}

TEST_F(WorkerTest, TheLongestGapIsThatOfTheSlowestPass) {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  SpinningQueue slow(30'000'000);  // 5 ms at 6 GHz
  Start(Plan(1, {{kPod, &slow}}));
  Eventually([&] { return slow.bursts > 2; });
  EXPECT_GT(worker_.statistics().longest_gap_ns.load(), 4 * kMillisecond);
  worker_.Stop();
  thread_.join();
}

}  // namespace
}  // namespace pollux
