#include "control/rpc/counters.h"

#include <gtest/gtest.h>

namespace pollux::control {
namespace {

constexpr std::chrono::steady_clock::time_point kStart{};

CounterSample Sample(std::chrono::seconds time, std::uint64_t scale) {
  CounterSample sample{.revision = net::Revision{3},
                       .time = kStart + time,
                       .tsc = 1000 * static_cast<std::uint64_t>(time.count()),
                       .ports = {},
                       .workers = {}};
  PortTotals totals;
  totals.rx_packets = 10 * scale;
  totals.rx_bytes = 640 * scale;
  totals.tx_packets = 20 * scale;
  totals.tx_bytes = 1280 * scale;
  totals.answered = scale;
  totals.generated = 2 * scale;
  totals.audited = 7 * scale;
  totals.rx_cycles = 3 * scale;
  totals.drops[1] = 4 * scale;
  totals.drops[2] = 6 * scale;
  sample.ports["web"] = totals;
  WorkerInfo worker;
  worker.core = 5;
  worker.packets = 10 * scale;
  worker.busy_cycles = 500 * scale;
  sample.workers.push_back(worker);
  return sample;
}

TEST(FillStatsTest, TotalsAlone) {
  api::StatsReply reply;
  FillStats(nullptr, Sample(std::chrono::seconds(1), 2), &reply);
  EXPECT_EQ(reply.revision(), 3U);
  EXPECT_EQ(reply.items(0).ShortDebugString(),
            "port: \"web\" rx_packets: 20 rx_bytes: 1280 tx_packets: 40 tx_bytes: 2560 answered: 2 "
            "generated: 4 drops: 20 rx_cycles: 6 audited: 14");
  EXPECT_EQ(reply.workers(0).ShortDebugString(), "core: 5 packets: 20 busy_cycles: 1000");
}

TEST(FillStatsTest, RatesOverTheTimeThatPassed) {
  const CounterSample before = Sample(std::chrono::seconds(1), 1);
  api::StatsReply reply;
  FillStats(&before, Sample(std::chrono::seconds(3), 5), &reply);
  const api::PortStats& port = reply.items(0);
  EXPECT_DOUBLE_EQ(port.rx_packets_per_second(), 20);
  EXPECT_DOUBLE_EQ(port.tx_packets_per_second(), 40);
  EXPECT_DOUBLE_EQ(port.rx_bits_per_second(), 8 * 1280);
  EXPECT_DOUBLE_EQ(port.tx_bits_per_second(), 8 * 2560);
  EXPECT_DOUBLE_EQ(port.drops_per_second(), 20);
  const api::Worker& worker = reply.workers(0);
  EXPECT_DOUBLE_EQ(worker.packets_per_second(), 20);
  EXPECT_DOUBLE_EQ(worker.busy(), 1) << "2000 of 2000 cycles";
  EXPECT_DOUBLE_EQ(worker.cycles_per_packet(), 50);
}

TEST(FillStatsTest, APortMadeAnewCountsFromZero) {
  const CounterSample before = Sample(std::chrono::seconds(1), 100);
  api::StatsReply reply;
  FillStats(&before, Sample(std::chrono::seconds(2), 1), &reply);
  EXPECT_DOUBLE_EQ(reply.items(0).rx_packets_per_second(), 10);
}

TEST(FillStatsTest, APortThatWasNotThereBeforeCountsFromZero) {
  CounterSample before = Sample(std::chrono::seconds(1), 1);
  before.ports.clear();
  before.workers.clear();
  api::StatsReply reply;
  FillStats(&before, Sample(std::chrono::seconds(2), 1), &reply);
  EXPECT_DOUBLE_EQ(reply.items(0).rx_packets_per_second(), 10);
  EXPECT_DOUBLE_EQ(reply.workers(0).packets_per_second(), 0);
}

TEST(FillStatsTest, NoTimeAndNoPacketsDivideNothing) {
  const CounterSample sample = Sample(std::chrono::seconds(1), 1);
  api::StatsReply reply;
  FillStats(&sample, sample, &reply);
  EXPECT_DOUBLE_EQ(reply.items(0).rx_packets_per_second(), 0);
  EXPECT_DOUBLE_EQ(reply.workers(0).busy(), 0);
  EXPECT_DOUBLE_EQ(reply.workers(0).cycles_per_packet(), 0);
}

TEST(FillDropsTest, EachReasonInItsOwnWords) {
  const CounterSample before = Sample(std::chrono::seconds(1), 1);
  api::DropsReply reply;
  FillDrops(&before, Sample(std::chrono::seconds(3), 3), false, &reply);
  ASSERT_EQ(reply.items_size(), 2);
  const core::DropReasonRow& row = core::Describe(static_cast<core::DropReason>(1));
  EXPECT_EQ(reply.items(0).reason(), row.name);
  EXPECT_EQ(reply.items(0).step(), row.step);
  EXPECT_EQ(reply.items(0).text(), row.text);
  EXPECT_EQ(reply.items(0).packets(), 12U);
  EXPECT_DOUBLE_EQ(reply.items(0).packets_per_second(), 4);
  EXPECT_EQ(reply.items(1).packets(), 18U);
}

TEST(FillDropsTest, SeveritiesAreThoseOfTheApi) {
  api::DropsReply reply;
  FillDrops(nullptr, Sample(std::chrono::seconds(1), 1), true, &reply);
  for (const api::Drop& drop : reply.items()) {
    EXPECT_TRUE(drop.severity() == "normal" || drop.severity() == "warning" ||
                drop.severity() == "security")
        << drop.reason() << " " << drop.severity();
  }
}

}  // namespace
}  // namespace pollux::control
