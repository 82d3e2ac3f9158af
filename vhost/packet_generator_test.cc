#include "vhost/packet_generator.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dataplane/core/copy.h"
#include "dataplane/core/rcu.h"
#include "dataplane/net/checksum.h"
#include "vhost/event_loop.h"
#include "vhost/packet_generator_frames.h"

namespace pollux::vhost {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr net::WorkerId kWorker{0};
constexpr char kPair[] = "pollux_generator,src=198.18.0.1,dst=198.18.1.1";

TEST(PacketGeneratorSpecTest, IsToldFromADevice) {
  EXPECT_TRUE(IsPacketGenerator(kPair));
  EXPECT_FALSE(IsPacketGenerator("net_null0"));
  EXPECT_FALSE(IsPacketGenerator("pollux_generator2,src=198.18.0.1"));
}

TEST(PacketGeneratorSpecTest, ReadsEveryKey) {
  const auto spec = ParsePacketGenerator(
      "pollux_generator,size=64:1500,src=2001:db8::1-2001:db8::10,dst=2001:db8:1::1,sport=10-19,"
      "dport=80,proto=tcp,flows=99,seed=5,smac=02:00:00:00:00:01,dmac=02:00:00:00:00:02,count=7,"
      "burst=32,size=100");
  EXPECT_THAT(std::string(spec.status().message()), StartsWith("devargs: size")) << "given twice";
  const auto good = ParsePacketGenerator(
      "pollux_generator,size=90:1500,src=2001:db8::1-2001:db8::10,dst=2001:db8:1::1,sport=10-19,"
      "dport=80,proto=tcp,flows=99,seed=5,smac=02:00:00:00:00:01,dmac=02:00:00:00:00:02,count=7,"
      "burst=32");
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_THAT(good->sizes, testing::ElementsAre(90, 1500));
  EXPECT_EQ(good->source.count, 16U);
  EXPECT_EQ(good->source_port.first, 10);
  EXPECT_EQ(good->source_port.count, 10U);
  EXPECT_EQ(good->destination_port.first, 80);
  EXPECT_EQ(good->protocol, net::IpProtocol::kTcp);
  EXPECT_EQ(good->flows, 99U);
  EXPECT_EQ(good->seed, 5U);
  EXPECT_EQ(good->source_mac.ToString(), "02:00:00:00:00:01");
  EXPECT_EQ(good->destination_mac.ToString(), "02:00:00:00:00:02");
  EXPECT_EQ(good->count, 7U);
  EXPECT_EQ(good->burst, 32U);
}

TEST(PacketGeneratorSpecTest, FlowsAreAllCombinationsUnlessSaid) {
  const auto spec = ParsePacketGenerator(
      "pollux_generator,src=198.18.0.1-198.18.0.4,dst=198.18.1.1-198.18.1.3,sport=1-5,dport=1-2");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->flows, 4U * 3 * 5 * 2);
}

TEST(PacketGeneratorSpecTest, NamesTheKeyThatIsWrong) {
  const std::pair<std::string, std::string> rows[] = {
      {"pollux_generator", "src and dst are needed"},
      {"pollux_generator,src=198.18.0.1,dst=2001:db8::1", "both IPv4 or both IPv6"},
      {std::string(kPair) + ",size=49", "size: 49 is less"},
      {std::string(kPair) + ",size=64:", "size"},
      {std::string(kPair) + ",size=9231", "size"},
      {std::string(kPair) + ",proto=sctp", "proto"},
      {std::string(kPair) + ",sport=5-4", "sport"},
      {std::string(kPair) + ",dport=65536", "dport"},
      {std::string(kPair) + ",flows=2", "flows"},
      {std::string(kPair) + ",burst=65", "burst"},
      {std::string(kPair) + ",colour=red", "colour"},
      {"pollux_generator,src=198.18.0.9-198.18.0.1,dst=198.18.1.1", "src"},
  };
  for (const auto& [devargs, error] : rows) {
    const absl::Status status = ParsePacketGenerator(devargs).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << devargs;
    EXPECT_THAT(std::string(status.message()), StartsWith("devargs: ")) << devargs;
    EXPECT_THAT(std::string(status.message()), HasSubstr(error)) << devargs;
  }
}

TEST(PacketGeneratorFramesTest, SeedMakesTheSameRandomFlowsAgain) {
  const auto spec = *ParsePacketGenerator(
      "pollux_generator,src=198.18.0.1-198.18.0.255,dst=198.18.1.1,sport=1-65535,flows=100,seed=9");
  auto other = spec;
  other.seed = 10;
  EXPECT_EQ(FlowsOf(spec, 0, 1), FlowsOf(spec, 0, 1));
  EXPECT_NE(FlowsOf(spec, 0, 1), FlowsOf(other, 0, 1));
}

// Reads a frame back; the checksums are verified on the way.
std::string Describe(std::vector<std::uint8_t>& frame) {
  auto& ethernet = *reinterpret_cast<net::EthernetHeader*>(frame.data());
  const std::span<std::uint8_t> l3 = std::span(frame).subspan(sizeof(ethernet));
  std::span<std::uint8_t> l4;
  net::ChecksumAccumulator sum;
  std::string text;
  if (ethernet.ether_type() == net::EtherType::kIpv4) {
    auto& ip = *reinterpret_cast<net::Ipv4Header*>(l3.data());
    l4 = l3.subspan(sizeof(ip));
    EXPECT_EQ(ip.total_length.value(), l3.size());
    EXPECT_EQ(net::InternetChecksum(l3.first(sizeof(ip))).raw(), 0);
    sum = net::PseudoHeaderSum(ip, ip.protocol, static_cast<std::uint32_t>(l4.size()));
    text = ip.source.ToString() + ">" + ip.destination.ToString();
  } else {
    auto& ip = *reinterpret_cast<net::Ipv6Header*>(l3.data());
    l4 = l3.subspan(sizeof(ip));
    EXPECT_EQ(ip.payload_length.value(), l4.size());
    sum = net::PseudoHeaderSum(ip, ip.next_header, static_cast<std::uint32_t>(l4.size()));
    text = ip.source.ToString() + ">" + ip.destination.ToString();
  }
  sum.Add(l4);
  EXPECT_EQ(sum.Finish().raw(), 0) << "L4 checksum of " << text;
  const auto& ports = *reinterpret_cast<net::UdpHeader*>(l4.data());
  return text + " " + std::to_string(ports.source_port.value()) + ">" +
         std::to_string(ports.destination_port.value());
}

class PacketGeneratorTest : public testing::Test {
 protected:
  std::unique_ptr<core::Port> Make(const std::string& devargs, std::uint16_t queues = 1) {
    core::PortSpec spec;
    spec.name = "generator";
    spec.queues = queues;
    spec.backend = core::EthdevSpec{devargs};
    auto port = MakePacketGenerator(net::PortId{3}, spec, context_);
    EXPECT_TRUE(port.ok()) << port.status();
    return *std::move(port);
  }
  std::vector<core::Packet*> Receive(core::Port& port, unsigned queue = 0) {
    batch_.Reset(port.id());
    port.rx_queue(queue).Receive(batch_);
    std::vector<core::Packet*> packets;
    for (core::Packet& packet : batch_.packets()) {
      core::LoadHead(packet);
      packets.push_back(&packet);
    }
    return packets;
  }
  static std::vector<std::uint8_t> BytesOf(const core::Packet& packet) {
    std::vector<std::uint8_t> bytes(packet.frame_length());
    core::CopyFrame(packet, bytes.data());
    return bytes;
  }

  core::Rcu rcu_{1};
  EventLoop events_;
  PortContext context_{rcu_, events_, 1, *net::MacAddress::Parse("02:00:00:00:00:fe")};
  core::Batch batch_;
};

TEST_F(PacketGeneratorTest, EveryFlowComesInTurnWithRightChecksums) {
  for (const char* rest : {"udp,src=198.18.0.1-198.18.0.5,dst=198.18.1.1",
                           "udp,src=2001:db8::1-2001:db8::5,dst=2001:db8::9",
                           "tcp,src=198.18.0.1-198.18.0.5,dst=198.18.1.1",
                           "tcp,src=2001:db8::1-2001:db8::5,dst=2001:db8::9"}) {
    SCOPED_TRACE(rest);
    const auto port = Make(absl::StrCat("pollux_generator,size=90:131,sport=1-7,proto=", rest));
    std::map<std::string, unsigned> seen;
    for (unsigned burst = 0; burst < 35; ++burst) {
      for (const core::Packet* packet : Receive(*port)) {
        auto bytes = BytesOf(*packet);
        ++seen[Describe(bytes)];
      }
    }
    EXPECT_EQ(seen.size(), 35U);
    for (const auto& [flow, count] : seen) {
      EXPECT_EQ(count, core::kBurst) << flow;
    }
  }
}

TEST_F(PacketGeneratorTest, FramesGoToTheGatewayUnlessSaid) {
  const auto port = Make(kPair);
  EXPECT_EQ(Receive(*port)[0]->ethernet().destination, context_.gateway_mac);
  const auto said = Make(std::string(kPair) + ",dmac=02:00:00:00:00:07");
  EXPECT_EQ(Receive(*said)[0]->ethernet().destination.ToString(), "02:00:00:00:00:07");
}

TEST_F(PacketGeneratorTest, SizesTakeTurns) {
  const auto port = Make(std::string(kPair) + ",size=64:1400:200");
  std::map<std::uint32_t, unsigned> sizes;
  for (unsigned burst = 0; burst < 3; ++burst) {
    for (const core::Packet* packet : Receive(*port)) {
      ++sizes[packet->frame_length()];
    }
  }
  EXPECT_EQ(sizes, (std::map<std::uint32_t, unsigned>{{64, 64}, {200, 64}, {1400, 64}}));
}

TEST_F(PacketGeneratorTest, NoFrameIsListedTwiceInABatch) {
  const auto port = Make(kPair);  // one flow
  std::set<const std::uint8_t*> places;
  for (const core::Packet* packet : Receive(*port)) {
    places.insert(packet->segments[0].data);
  }
  EXPECT_EQ(places.size(), core::kBurst);
}

TEST_F(PacketGeneratorTest, QueuesShareFlowsAndCount) {
  const auto port = Make("pollux_generator,src=198.18.0.1,dst=198.18.1.1,sport=1-10,count=101", 2);
  std::set<std::string> flows[2];
  unsigned frames[2] = {};
  for (unsigned q = 0; q < 2; ++q) {
    for (auto packets = Receive(*port, q); !packets.empty(); packets = Receive(*port, q)) {
      for (const core::Packet* packet : packets) {
        auto bytes = BytesOf(*packet);
        flows[q].insert(Describe(bytes));
        ++frames[q];
      }
    }
    EXPECT_FALSE(port->rx_queue(q).Arm());  // nothing will come: the worker may sleep
    EXPECT_EQ(flows[q].size(), 5U);
  }
  EXPECT_EQ(frames[0], 51U);
  EXPECT_EQ(frames[1], 50U);
  EXPECT_EQ(CountsOf(*port).generated, 101U);
  flows[0].merge(flows[1]);
  EXPECT_EQ(flows[0].size(), 10U);
}

TEST_F(PacketGeneratorTest, SinkSeesLossAndReordering) {
  const auto port = Make(kPair);
  auto first = Receive(*port);
  port->Send(kWorker, first);
  auto packets = Receive(*port);
  packets.erase(packets.begin() + 10, packets.begin() + 13);  // three lost
  std::swap(packets[30], packets[31]);                        // one overtakes one
  port->Send(kWorker, packets);
  const PacketGeneratorCounts counts = CountsOf(*port);
  EXPECT_EQ(counts.generated, 2 * core::kBurst);
  EXPECT_EQ(counts.received, 2 * core::kBurst - 3);
  EXPECT_EQ(counts.lost, 3U);
  EXPECT_EQ(counts.reordered, 1U);
  EXPECT_EQ(counts.foreign, 0U);
}

TEST_F(PacketGeneratorTest, SinkChecksBehindARewrittenHead) {
  const auto port = Make(std::string(kPair) + ",size=500");
  auto packets = Receive(*port);
  for (core::Packet* packet : packets) {  // a tunnel header in front
    packet->head -= 50;
    packet->head_length = static_cast<std::uint16_t>(packet->head_length + 50);
    std::memset(packet->head, 0, 50);
  }
  port->Send(kWorker, packets);
  EXPECT_EQ(CountsOf(*port).received, core::kBurst);
  EXPECT_EQ(CountsOf(*port).lost, 0U);
  EXPECT_EQ(CountsOf(*port).foreign, 0U);
}

TEST_F(PacketGeneratorTest, FramesOfOthersAreForeign) {
  const auto port = Make(kPair);
  auto packets = Receive(*port);
  packets[0]->head[packets[0]->head_length - 1] ^= 1;  // the stamp's last byte, already loaded
  port->Send(kWorker, {packets.data(), 1});
  EXPECT_EQ(CountsOf(*port).foreign, 1U);
}

TEST_F(PacketGeneratorTest, GeneratorThatBeginsAnewIsNoLoss) {
  const auto sink = Make(kPair);
  {
    const auto long_lived = Make(kPair);
    for (unsigned burst = 0; burst < 1100; ++burst) {
      auto packets = Receive(*long_lived);
      sink->Send(kWorker, packets);
    }
  }
  const auto anew = Make(kPair);
  auto packets = Receive(*anew);
  sink->Send(kWorker, packets);
  EXPECT_EQ(CountsOf(*sink).lost, 0U);
  EXPECT_EQ(CountsOf(*sink).reordered, 0U);
}

TEST_F(PacketGeneratorTest, FrameBeyondTheBuffersIsNamed) {
  const auto port = Make(kPair);
  std::vector<std::uint8_t> bytes(4000);
  const core::Segment segment{bytes.data(), 4000};
  core::Packet packet;
  packet.head = bytes.data();
  packet.segments = &segment;
  packet.payload_length = 4000;
  core::Packet* const packets[] = {&packet};
  port->Send(kWorker, packets);
  EXPECT_EQ(packet.drop, core::DropReason::kDestinationTooSmall);
}

TEST_F(PacketGeneratorTest, SizeBeyondTheMtuIsRefused) {
  core::PortSpec spec;
  spec.backend = core::EthdevSpec{std::string(kPair) + ",size=1515"};
  EXPECT_THAT(std::string(MakePacketGenerator(net::PortId{3}, spec, context_).status().message()),
              HasSubstr("does not fit the MTU"));
}

}  // namespace
}  // namespace pollux::vhost
