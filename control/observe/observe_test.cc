#include "control/observe/observe.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "control/observe/test_switch.h"

namespace pollux::control {
namespace {

// Each call of the stream is a turn: the test does something and says whether the client stays.
class ObserveTest : public testing::Test {
 protected:
  ObserveTest() : controller_(switch_, std::nullopt) {
    EXPECT_TRUE(controller_.Start({}).ok());
    AddPort("web");
    packet_.head = bytes_.data();
    packet_.head_length = static_cast<std::uint16_t>(bytes_.size());
  }

  void AddPort(const std::string& name, std::uint16_t mtu = 1500) {
    core::PortSpec spec;
    spec.name = name;
    spec.mtu = mtu;
    spec.backend = core::TapSpec{.netns = "", .ifname = name};
    const auto outcome = controller_.Apply({.put = {Port{.spec = spec}}}, false);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
  }
  void RemovePort(const std::string& name) {
    const auto outcome = controller_.Apply({.remove = {PortKey{name}}}, false);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
  }

  // A packet from `port` that `worker` sees at a time.
  void See(std::uint64_t nanos, unsigned worker = 0, std::uint16_t port = 1) {
    packet_.ingress = net::PortId{port};
    const auto subscription = switch_.live.lock();
    ASSERT_NE(subscription, nullptr);
    subscription->Observe(net::WorkerId{static_cast<std::uint16_t>(worker)}, nanos, nanos,
                          core::StepId::kParse, packet_, core::Verdict::Continue());
  }

  // on_batch is called after each batch; false ends the stream. A test that waits for what never
  // comes ends, too.
  absl::Status Run(const std::function<bool(const api::ObservationBatch&)>& on_batch) {
    Stream<api::ObservationBatch> stream{.send =
                                             [&](const api::ObservationBatch& batch) {
                                               batches_.push_back(batch);
                                               return on_batch(batch);
                                             },
                                         .cancelled = [&] { return ++turns_ == kMostTurns; }};
    const absl::Status status = Observe(controller_, request_, ObservationForm::kWords, stream);
    EXPECT_LT(turns_, kMostTurns);
    return status;
  }

  static constexpr int kMostTurns = 500;
  int turns_ = 0;
  TestSwitch switch_;
  Controller controller_;
  api::ObserveRequest request_;
  std::array<std::uint8_t, 60> bytes_{};
  core::Packet packet_;
  std::vector<api::ObservationBatch> batches_;
};

TEST_F(ObserveTest, BeginsWithAnEmptyBatchThatSaysItIsLive) {
  EXPECT_TRUE(Run([&](const auto&) {
                EXPECT_NE(switch_.live.lock(), nullptr);
                return false;
              }).ok());
  ASSERT_EQ(batches_.size(), 1);
  EXPECT_EQ(batches_[0].items_size(), 0);
}

TEST_F(ObserveTest, TellsWhatTheWorkersSawInTheOrderOfTime) {
  EXPECT_TRUE(Run([&](const auto& batch) {
                if (batch.items_size() > 0) {
                  return false;
                }
                See(100, 0);
                See(300, 0);
                See(50, 1);
                return true;
              }).ok());
  ASSERT_EQ(batches_.size(), 2);
  ASSERT_EQ(batches_[1].items_size(), 3);
  EXPECT_EQ(batches_[1].items(0).packet(), 50);
  EXPECT_EQ(batches_[1].items(0).worker(), 1);
  EXPECT_EQ(batches_[1].items(1).packet(), 100);
  EXPECT_EQ(batches_[1].items(2).packet(), 300);
  EXPECT_EQ(batches_[1].items(0).ingress(), "web");
  EXPECT_EQ(batches_[1].items(2).nanos() - batches_[1].items(0).nanos(), 250);
}

TEST_F(ObserveTest, CountsWhatASlowReaderMissed) {
  EXPECT_TRUE(Run([&](const auto& batch) {
                for (unsigned i = 0; batch.items_size() == 0 && i < TestSwitch::kRingSize + 5;
                     ++i) {
                  See(i);
                }
                return batch.items_size() == 0;
              }).ok());
  EXPECT_EQ(batches_[1].items_size(), TestSwitch::kRingSize);
  EXPECT_EQ(batches_[1].missed(), 5);
}

TEST_F(ObserveTest, UnsubscribesWhenTheClientIsGone) {
  EXPECT_TRUE(Run([](const auto&) { return false; }).ok());
  EXPECT_TRUE(switch_.live.expired());
  Stream<api::ObservationBatch> gone{.send = [](const auto&) { return true; },
                                     .cancelled = [] { return true; }};
  EXPECT_TRUE(Observe(controller_, request_, ObservationForm::kWords, gone).ok());
  EXPECT_TRUE(switch_.live.expired());
}

TEST_F(ObserveTest, AWrongFilterIsRefusedBeforeAnythingIsSent) {
  request_.mutable_filter()->set_protocol("tpc");
  const absl::Status status = Run([](const auto&) { return true; });
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(batches_.empty());
  EXPECT_TRUE(switch_.live.expired());
}

TEST_F(ObserveTest, FollowsItsPortWhenThatIsMadeAnew) {
  request_.mutable_filter()->set_port("web");
  EXPECT_TRUE(Run([&](const auto& batch) {
                if (batches_.size() == 1) {
                  EXPECT_EQ(switch_.subscribed.port, net::PortId{1});
                  AddPort("web", 9000);
                  See(100);  // of the port as it was
                  return true;
                }
                if (batch.items_size() == 1 && batch.items(0).packet() == 100) {
                  EXPECT_EQ(switch_.subscribed.port, net::PortId{2});
                  See(200, 0, 2);
                  return true;
                }
                return false;
              }).ok());
  ASSERT_EQ(batches_.size(), 3);
  EXPECT_EQ(batches_[2].items(0).packet(), 200);
  EXPECT_EQ(batches_[2].items(0).ingress(), "web");
}

TEST_F(ObserveTest, EndsWhenItsPortIsRemovedAfterTellingWhatItSaw) {
  request_.mutable_filter()->set_port("web");
  const absl::Status status = Run([&](const auto&) {
    if (batches_.size() == 1) {
      See(100);
      RemovePort("web");
    }
    return true;
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  ASSERT_EQ(batches_.size(), 2);
  EXPECT_EQ(batches_[1].items(0).ingress(), "web");
}

}  // namespace
}  // namespace pollux::control
