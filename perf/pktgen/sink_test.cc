#include "perf/pktgen/sink.h"

#include <gtest/gtest.h>

#include <vector>

#include "perf/pktgen/flow_set.h"

namespace pollux::pktgen {
namespace {

constexpr std::uint8_t kTag = 0x41;

class SinkTest : public testing::Test {
 protected:
  static FlowSpec Spec() {
    FlowSpec spec;
    spec.sources = *AddressRange::Parse("10.0.0.1");
    spec.destinations = *AddressRange::Parse("10.0.0.2");
    spec.flows = 2;
    spec.tag = kTag;
    return spec;
  }

  std::vector<std::uint8_t> Next(std::uint64_t now = 0) {
    std::vector<std::uint8_t> frame(FlowSet::kHeadBytes);
    flows_.WriteNext(now, frame.data());
    frame.resize(flows_.frame_bytes());
    return frame;
  }

  FlowSet flows_{Spec()};
  Sink sink_{flows_.layout(), kTag, 2};
};

TEST_F(SinkTest, CountsArrivalsByFlow) {
  const auto a0 = Next();
  const auto b0 = Next();
  const auto a1 = Next();
  for (const auto& frame : {a1, b0, a0, a0}) {
    sink_.Accept(frame);
  }
  EXPECT_EQ(sink_.counters().received, 4U);
  EXPECT_EQ(sink_.counters().reordered, 1U);
  EXPECT_EQ(sink_.counters().duplicates, 1U);
  EXPECT_EQ(sink_.counters().unique(), 3U);
  EXPECT_EQ(sink_.counters().foreign, 0U);
}

TEST_F(SinkTest, WhatIsNotOursIsForeign) {
  auto other_tag = Next();
  other_tag[flows_.layout().stamp] ^= 1;
  auto unknown_flow = Next();
  unknown_flow[flows_.layout().stamp + 3] = 2;
  const std::vector<std::uint8_t> arp(42);
  for (const auto& frame : {other_tag, unknown_flow, arp}) {
    sink_.Accept(frame);
    sink_.Sample(0, frame);
  }
  EXPECT_EQ(sink_.counters().foreign, 3U);
  EXPECT_EQ(sink_.counters().received, 0U);
  EXPECT_EQ(sink_.latency().count(), 0U);
}

TEST_F(SinkTest, SamplesChecksumAndAge) {
  auto frame = Next(1000);
  sink_.Sample(1640, frame);
  EXPECT_EQ(sink_.counters().bad_checksums, 0U);
  EXPECT_EQ(sink_.latency().Quantile(0.5), 640U);
  ++frame.back();
  sink_.Sample(1640, frame);
  EXPECT_EQ(sink_.counters().bad_checksums, 1U);
}

TEST(LatencyHistogram, QuantilesAreTheFloorsOfTheirBuckets) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), 0U);
  for (std::uint64_t v = 0; v < 1000; ++v) {
    histogram.Add(v);
  }
  EXPECT_EQ(histogram.Quantile(0), 0U);
  EXPECT_EQ(histogram.Quantile(0.007), 7U);
  EXPECT_EQ(histogram.Quantile(0.5), 480U);  // 500 lies in [480, 512)
  EXPECT_EQ(histogram.Quantile(0.99), 960U);
  histogram.Add(~0ULL);
  EXPECT_EQ(histogram.Quantile(0.9999), 0xf000000000000000ULL);
}

}  // namespace
}  // namespace pollux::pktgen
