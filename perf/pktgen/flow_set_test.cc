#include "perf/pktgen/flow_set.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <tuple>

namespace pollux::pktgen {
namespace {

FlowSpec Spec(std::uint32_t flows) {
  FlowSpec spec;
  spec.sources = *AddressRange::Parse("10.0.0.255+2");
  spec.destinations = *AddressRange::Parse("10.9.0.1+3");
  spec.source_ports = *PortRange::Parse("1000+4");
  spec.flows = flows;
  return spec;
}

std::set<std::tuple<std::string, std::string, int, int>> Distinct(const FlowSpec& spec) {
  std::set<std::tuple<std::string, std::string, int, int>> distinct;
  for (const FrameSpec& flow : EnumerateFlows(spec)) {
    distinct.emplace(flow.source.ToString(), flow.destination.ToString(), flow.source_port,
                     flow.destination_port);
  }
  return distinct;
}

TEST(FlowSet, CountingVisitsEveryCombinationBeforeOneRepeats) {
  EXPECT_EQ(Distinct(Spec(2 * 3 * 4)).size(), 24U);
  EXPECT_EQ(Distinct(Spec(2 * 3 * 4 + 5)).size(), 24U);
  const auto flows = EnumerateFlows(Spec(5));
  EXPECT_EQ(flows[0].source.ToString(), "10.0.0.255");
  EXPECT_EQ(flows[3].source_port, 1003);
  EXPECT_EQ(flows[4].source_port, 1000);
  EXPECT_EQ(flows[4].source.ToString(), "10.0.1.0");
}

TEST(FlowSet, ASeedGivesTheSameFlowsAgainAndAnotherSeedOthers) {
  FlowSpec spec = Spec(1000);
  spec.source_ports = *PortRange::Parse("1024+60000");
  spec.seed = 7;
  const auto first = Distinct(spec);
  EXPECT_EQ(first, Distinct(spec));
  EXPECT_GT(first.size(), 900U);
  spec.seed = 8;
  EXPECT_NE(first, Distinct(spec));
}

TEST(FlowSet, RangesParse) {
  EXPECT_EQ(AddressRange::Parse("fd00::ffff+2")->At(1).ToString(), "fd00::1:0");
  EXPECT_EQ(AddressRange::Parse("10.0.0.1")->count, 1U);
  EXPECT_EQ(PortRange::Parse("65535+1")->At(0), 65535);
  for (const char* bad : {"", "+3", "10.0.0.1+", "10.0.0.1+0", "10.0.0+4", "10.0.0.1+x"}) {
    EXPECT_FALSE(AddressRange::Parse(bad)) << bad;
  }
  for (const char* bad : {"", "65536", "65535+2", "1+65536", "80+0", "80,"}) {
    EXPECT_FALSE(PortRange::Parse(bad)) << bad;
  }
}

TEST(FlowSet, PacketsTakeTheFlowsInTurnAndCountPerFlow) {
  FlowSpec spec = Spec(3);
  spec.tag = 0xa5;
  spec.frame_bytes = 200;
  FlowSet flows(spec);
  std::array<std::uint8_t, 200> frame{};
  flows.WriteWhole(frame);
  for (std::uint32_t n = 0; n < 7; ++n) {
    flows.WriteNext(1000 + n, frame.data());
    const auto& stamp = *reinterpret_cast<const Stamp*>(&frame[flows.layout().stamp]);
    EXPECT_EQ(stamp.tag(), 0xa5);
    EXPECT_EQ(stamp.flow(), n % 3);
    EXPECT_EQ(stamp.sequence.value(), n / 3);
    EXPECT_EQ(stamp.timestamp.value(), 1000 + n);
    EXPECT_TRUE(ChecksumsHold(flows.layout(), frame)) << n;
  }
}

TEST(FlowSet, FramesAreNeverTooShortForTheirStamp) {
  FlowSpec spec;
  spec.sources = *AddressRange::Parse("fd00::1");
  spec.destinations = *AddressRange::Parse("fd00::2");
  EXPECT_EQ(FlowSet(spec).frame_bytes(), 78U);
}

}  // namespace
}  // namespace pollux::pktgen
