// Trace, Capture and Explain on real workers that move packets: ports that make traffic inside the
// worker, the API as it is without gRPC. No root, no hugepages.
#include <glog/logging.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/rpc/api.h"
#include "control/vswitchd/dataplane_switch.h"
#include "dataplane/eal.h"

namespace pollux::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::chrono::seconds kPatienceOfTests{20};

// Pods "web" and "db", and "liar", whose packets have another source than its endpoint. web sends
// to db all the time, db is silent.
class LiveObserveTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const absl::Status status =
        InitEal({.worker_cores = {1, 0},
                 .main_core = 0,
                 .no_huge = true,
                 .memory_mb = 64,
                 .file_prefix = "pollux-observe-test-" + std::to_string(getpid())});
    CHECK(status.ok()) << status;
  }

  void SetUp() override {
    auto started = Dataplane::Start({.worker_cores = {1, 0},
                                     .gateway_mac = net::MacAddress{{2, 0, 0, 0, 0, 1}},
                                     .flow_entries = 4096});
    ASSERT_TRUE(started.ok()) << started.status();
    switch_ = std::make_unique<DataplaneSwitch>(*std::move(started));
    controller_ = std::make_unique<Controller>(*switch_, std::nullopt);
    ASSERT_TRUE(controller_->Start({}).ok());
    api_ = std::make_unique<Api>(*controller_, "test", Api::Clock::now());
    api::ApplyRequest request;
    AddPod(request, "web", 1, "src=10.1.0.1,dst=10.1.0.2,proto=tcp,burst=4,size=80");
    AddPod(request, "db", 2, "src=10.1.0.2,dst=10.1.0.1,count=1");
    AddPod(request, "liar", 3, "src=10.9.9.9,dst=10.1.0.2,burst=4");
    api::ApplyReply reply;
    const absl::Status status = api_->Apply(request, &reply);
    ASSERT_TRUE(status.ok()) << status;
  }

  static void AddPod(api::ApplyRequest& request, const std::string& name, unsigned number,
                     const std::string& traffic) {
    const std::string mac = "02:00:00:00:01:0" + std::to_string(number);
    api::Port* port = request.add_put()->mutable_port();
    port->set_name(name);
    port->set_mac(mac);
    port->mutable_ethdev()->set_devargs("pollux_generator," + traffic);
    api::Endpoint* endpoint = request.add_put()->mutable_endpoint();
    endpoint->set_name(name);
    endpoint->set_port(name);
    endpoint->set_mac(mac);
    endpoint->add_ip("10.1.0." + std::to_string(number));
  }

  using Method = absl::Status (Api::*)(const api::ObserveRequest&,
                                       const Stream<api::ObservationBatch>&);
  // Reads the stream until `enough` says so.
  void Read(Method method, const api::ObservationFilter& filter,
            const std::function<bool(const api::ObservationBatch&)>& enough) {
    api::ObserveRequest request;
    *request.mutable_filter() = filter;
    const auto deadline = std::chrono::steady_clock::now() + kPatienceOfTests;
    bool got_enough = false;
    const Stream<api::ObservationBatch> stream{
        .send =
            [&](const api::ObservationBatch& batch) {
              got_enough = enough(batch);
              return !got_enough;
            },
        .cancelled = [&] { return std::chrono::steady_clock::now() > deadline; }};
    const absl::Status status = (*api_.*method)(request, stream);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_TRUE(got_enough);
  }

  api::Explanation Why(const std::string& source, const std::string& destination,
                       const std::string& port) {
    api::ExplainRequest request;
    request.set_source(source);
    request.set_destination(destination);
    request.set_port(port);
    api::ExplainReply reply;
    const absl::Status status = api_->Explain(request, &reply);
    EXPECT_TRUE(status.ok()) << status;
    return reply.items_size() == 1 ? reply.items(0) : api::Explanation{};
  }

  std::unique_ptr<DataplaneSwitch> switch_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<Api> api_;
};

TEST_F(LiveObserveTest, TracesAPacketThroughAllItsSteps) {
  api::ObservationFilter filter;
  filter.set_port("web");
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<api::Observation>> packets;
  const std::vector<api::Observation>* journey = nullptr;
  const auto started = std::chrono::system_clock::now();
  Read(&Api::Trace, filter, [&](const api::ObservationBatch& batch) {
    for (const api::Observation& seen : batch.items()) {
      auto& steps = packets[{seen.worker(), seen.packet()}];
      steps.push_back(seen);
      journey = steps.size() == 6 && steps.back().egress() == "db" ? &steps : journey;
    }
    return journey != nullptr;
  });
  ASSERT_NE(journey, nullptr);
  std::vector<std::string> names;
  for (const api::Observation& seen : *journey) {
    names.push_back(seen.step());
    EXPECT_EQ(seen.verdict(), "continue");
    EXPECT_EQ(seen.reason(), "");
    EXPECT_EQ(seen.ingress(), "web");
    EXPECT_EQ(seen.frame_length(), 80);
    EXPECT_THAT(seen.summary(), HasSubstr("IPv4 10.1.0.1.1024 > 10.1.0.2.9: TCP ["));
    EXPECT_EQ(seen.data(), "");
  }
  EXPECT_THAT(names,
              ElementsAre("receive", "parse", "find_connection", "follow", "forward", "send"));
  EXPECT_EQ(journey->front().egress(), "");
  EXPECT_THAT(journey->front().summary(), StartsWith("02:00:00:00:01:01 > 02:00:00:00:00:01, "));
  EXPECT_THAT(journey->back().summary(), StartsWith("02:00:00:00:00:01 > 02:00:00:00:01:02, "));
  const auto stamp = std::chrono::system_clock::time_point(
      std::chrono::nanoseconds(static_cast<std::int64_t>(journey->front().nanos())));
  EXPECT_LT(started - std::chrono::seconds(1), stamp);
  EXPECT_LT(stamp, std::chrono::system_clock::now() + std::chrono::seconds(1));
}

TEST_F(LiveObserveTest, CapturesADroppedPacketAndSaysWhy) {
  api::ObservationFilter filter;
  filter.set_port("liar");
  filter.set_drops(true);
  api::Observation dropped;
  Read(&Api::Capture, filter, [&](const api::ObservationBatch& batch) {
    for (const api::Observation& seen : batch.items()) {
      dropped = seen;
      EXPECT_EQ(seen.step(), "source_guard");
    }
    return batch.items_size() > 0;
  });
  EXPECT_EQ(dropped.verdict(), "drop");
  EXPECT_EQ(dropped.reason(), "source_ip");
  EXPECT_EQ(dropped.ingress(), "liar");
  EXPECT_EQ(dropped.egress(), "");
  EXPECT_EQ(dropped.summary(), "");
  ASSERT_EQ(dropped.data().size(), 64);
  EXPECT_EQ(dropped.data().substr(0, 14),
            std::string("\x02\0\0\0\0\x01\x02\0\0\0\x01\x03\x08\0", 14));
  EXPECT_EQ(Why("10.9.9.9", "10.1.0.2", "liar").reason(), dropped.reason());
}

TEST_F(LiveObserveTest, ExplainsWhatTheWorkersDo) {
  const api::Explanation allowed = Why("10.1.0.1", "10.1.0.2", "");
  EXPECT_EQ(allowed.verdict(), "allow");
  EXPECT_EQ(allowed.ingress(), "web");
  EXPECT_EQ(allowed.egress(), "db");
  const api::Explanation nowhere = Why("10.1.0.1", "10.8.0.1", "");
  EXPECT_EQ(nowhere.verdict(), "drop");
  EXPECT_EQ(nowhere.reason(), "no_route");
}

// For ThreadSanitizer: lists of observers come and go under workers that use them.
TEST_F(LiveObserveTest, SubscriptionsComeAndGoWhileWorkersMovePackets) {
  constexpr int kRounds = 20;
  const auto watch = [&](core::StepId step) {
    for (int round = 0; round < kRounds; ++round) {
      const auto subscription = switch_->Subscribe({.steps = 1U << static_cast<unsigned>(step)});
      const auto deadline = std::chrono::steady_clock::now() + kPatienceOfTests;
      core::Observation seen;
      bool got = false;
      while (!got && std::chrono::steady_clock::now() < deadline) {
        got = subscription->TryPop(seen);
      }
      ASSERT_TRUE(got);
      ASSERT_EQ(seen.step, step);
    }
  };
  std::thread other([&] { watch(core::StepId::kSend); });
  watch(core::StepId::kParse);
  other.join();
  EXPECT_GT(switch_->Workers()[0].packets + switch_->Workers()[1].packets, 0);
}

}  // namespace
}  // namespace pollux::control
