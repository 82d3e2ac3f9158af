// Ports over DPDK's software devices: no root, no hugepages.
#include "vhost/ethdev/ethdev_port.h"

#include <glog/logging.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "dataplane/core/copy.h"
#include "dataplane/core/rcu.h"
#include "dataplane/core/test_eal.h"
#include "vhost/event_loop.h"
#include "vhost/fake_port.h"

namespace pollux::vhost {
namespace {

using core::DropReason;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

constexpr net::WorkerId kWorker{0};

std::vector<std::uint8_t> Pattern(std::size_t length) {
  std::vector<std::uint8_t> bytes(length);
  for (std::size_t i = 0; i < length; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  }
  return bytes;
}

std::vector<std::uint8_t> BytesOf(const core::Packet& packet) {
  std::vector<std::uint8_t> bytes(packet.frame_length());
  core::CopyFrame(packet, bytes.data());
  return bytes;
}

class EthdevPortTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { core::InitTestEal(); }

  static core::PortSpec Spec(const std::string& devargs) {
    core::PortSpec spec;
    spec.name = "up";
    spec.role = core::PortRole::kUplink;
    spec.ring_size = 256;
    spec.backend = core::EthdevSpec{devargs};
    return spec;
  }
  absl::StatusOr<std::unique_ptr<core::Port>> TryMake(const core::PortSpec& spec) {
    return MakeEthdevPort(net::PortId{1}, spec, context_);
  }
  std::unique_ptr<core::Port> Make(const core::PortSpec& spec) {
    auto port = TryMake(spec);
    CHECK(port.ok()) << port.status();
    return *std::move(port);
  }
  // Sends frames, each in pieces; returns the drop reasons.
  std::vector<DropReason> Send(core::Port& port, const std::vector<FakeFrame>& frames) {
    FakePort source(net::PortId{9});
    core::Batch batch;
    for (const FakeFrame& frame : frames) {
      source.Enqueue(frame, frame.bytes.size() > 200 ? std::vector<std::size_t>{20, 150}
                                                     : std::vector<std::size_t>{});
    }
    batch.Reset(source.id());
    source.rx_queue(0).Receive(batch);
    std::vector<core::Packet*> packets;
    for (core::Packet& packet : batch.packets()) {
      core::LoadHead(packet);
      packets.push_back(&packet);
    }
    port.Send(kWorker, packets);
    std::vector<DropReason> reasons;
    for (const core::Packet* packet : packets) {
      reasons.push_back(packet->drop);
    }
    source.rx_queue(0).Release(batch);
    return reasons;
  }
  // One burst, given back.
  std::vector<std::vector<std::uint8_t>> Receive(core::Port& port, unsigned queue = 0) {
    std::vector<std::vector<std::uint8_t>> frames;
    batch_.Reset(port.id());
    port.rx_queue(queue).Receive(batch_);
    for (core::Packet& packet : batch_.packets()) {
      core::LoadHead(packet);
      frames.push_back(BytesOf(packet));
    }
    port.rx_queue(queue).Release(batch_);
    return frames;
  }

  core::Rcu rcu_{1};
  EventLoop events_;
  PortContext context_{rcu_, events_, 1, {}};
  core::Batch batch_;
};

std::vector<DropReason> AllDelivered(std::size_t count) {
  return std::vector<DropReason>(count, DropReason::kNone);
}

TEST_F(EthdevPortTest, FramesComeBackThroughARing) {
  const auto port = Make(Spec("net_ring_a"));
  const std::vector<FakeFrame> frames = {
      {Pattern(60), {}}, {Pattern(129), {}}, {Pattern(1514), {}}};
  EXPECT_EQ(Send(*port, frames), AllDelivered(3));
  EXPECT_THAT(Receive(*port), testing::ElementsAre(Pattern(60), Pattern(129), Pattern(1514)));
}

TEST_F(EthdevPortTest, ChecksumIsCompletedWhereTheDeviceCannot) {
  const auto port = Make(Spec("net_ring_b"));
  EXPECT_FALSE(port->capabilities().checksum);
  std::vector<std::uint8_t> frame(60, 0);
  frame[34] = 0x12;
  frame[35] = 0x34;
  EXPECT_EQ(Send(*port, {{frame, {true, core::Gso::kNone, 0, 34, 6}}}), AllDelivered(1));
  frame[40] = 0xed;  // ~0x1234
  frame[41] = 0xcb;
  EXPECT_THAT(Receive(*port), testing::ElementsAre(frame));
}

TEST_F(EthdevPortTest, FullRingDropsTheRestAndLosesNoBuffer) {
  const auto port = Make(Spec("net_ring_c"));
  const std::vector<FakeFrame> burst(core::kBurst, {Pattern(60), {}});
  for (unsigned round = 0; round < 100; ++round) {
    std::size_t delivered = 0;
    std::size_t full = 0;
    for (unsigned i = 0; i < 20; ++i) {  // the driver's ring holds 1023
      const auto reasons = Send(*port, burst);
      delivered +=
          static_cast<std::size_t>(std::count(reasons.begin(), reasons.end(), DropReason::kNone));
      full += static_cast<std::size_t>(
          std::count(reasons.begin(), reasons.end(), DropReason::kDestinationFull));
    }
    ASSERT_EQ(delivered + full, 20 * core::kBurst);
    ASSERT_GT(full, 0U);
    std::size_t received = 0;
    for (auto frames = Receive(*port); !frames.empty(); frames = Receive(*port)) {
      received += frames.size();
    }
    ASSERT_EQ(received, delivered) << "round " << round;
  }
}

TEST_F(EthdevPortTest, PortsComeAndGoWithFramesInTheirRings) {
  for (unsigned round = 0; round < 40; ++round) {
    auto port = TryMake(Spec("net_ring_loop"));
    ASSERT_TRUE(port.ok()) << "round " << round << ": " << port.status();
    Send(**port, std::vector<FakeFrame>(core::kBurst, {Pattern(60), {}}));
  }
}

TEST_F(EthdevPortTest, NullDeviceGivesFullBursts) {
  core::PortSpec spec = Spec("net_null_0,size=64");
  spec.queues = 2;
  const auto port = Make(spec);
  EXPECT_EQ(port->rx_queue_count(), 2U);
  for (unsigned q = 0; q < 2; ++q) {
    EXPECT_THAT(Receive(*port, q), testing::SizeIs(core::kBurst));
  }
  EXPECT_EQ(Send(*port, {{Pattern(60), {}}}), AllDelivered(1));
}

TEST_F(EthdevPortTest, LargeFramesThatNoDeviceCanSegmentAreNamed) {
  const auto port = Make(Spec("net_null_0"));
  EXPECT_FALSE(port->capabilities().tso4);
  EXPECT_THAT(Send(*port, {{Pattern(4000), {true, core::Gso::kTcp4, 1448, 34, 16}}}),
              testing::ElementsAre(DropReason::kSegmentation));
}

TEST_F(EthdevPortTest, StatusTellsDriverAndLimits) {
  const core::PortStatus status = Make(Spec("net_null_0"))->Status();
  EXPECT_TRUE(status.link_up);
  EXPECT_THAT(status.details, Contains(Pair("driver", "net_null")));
  EXPECT_THAT(status.details, Contains(Pair("mtu", HasSubstr("1500 (driver's limit "))));
  EXPECT_THAT(status.details, Contains(Pair("idle", StartsWith("polled"))));
}

TEST_F(EthdevPortTest, WrongDevicesAreNamed) {
  EXPECT_THAT(std::string(TryMake(Spec("net_there_is_none")).status().message()),
              StartsWith("devargs: 'net_there_is_none'"));
  EXPECT_THAT(std::string(TryMake(Spec("ffff:ff:1f.0")).status().message()),
              StartsWith("devargs: 'ffff:ff:1f.0'"));
}

TEST_F(EthdevPortTest, ADeviceBelongsToOnePort) {
  const auto port = Make(Spec("net_null_0"));
  core::PortSpec second = Spec("net_null_0");
  second.name = "second";
  EXPECT_THAT(std::string(TryMake(second).status().message()),
              HasSubstr("belongs to port 'up' already"));
  EXPECT_EQ(Send(*port, {{Pattern(60), {}}}), AllDelivered(1));  // the first one lives on
}

TEST_F(EthdevPortTest, JumboFramesFitIntoOneBuffer) {
  core::PortSpec spec = Spec("net_ring_jumbo");
  spec.mtu = 9216;
  const auto port = Make(spec);
  EXPECT_EQ(Send(*port, {{Pattern(9230), {}}}), AllDelivered(1));
  EXPECT_THAT(Receive(*port), testing::ElementsAre(Pattern(9230)));
  EXPECT_EQ(batch_.packets()[0].segment_count, 1);
}

// The other end of a port: rings that the test holds.
class EthdevRingTest : public EthdevPortTest {
 protected:
  void SetUp() override {
    to_port_ = rte_ring_create("to_port", 256, SOCKET_ID_ANY, 0);
    from_port_ = rte_ring_create("from_port", 256, SOCKET_ID_ANY, 0);
    pool_ = rte_pktmbuf_pool_create("peer", 1023, 0, 0, 2048, SOCKET_ID_ANY);
    ASSERT_TRUE(to_port_ != nullptr && from_port_ != nullptr && pool_ != nullptr);
    ASSERT_GE(rte_eth_from_rings("peer", &to_port_, 1, &from_port_, 1, 0), 0);
    core::PortSpec spec = Spec("net_ring_peer");
    spec.mtu = 9000;
    port_ = Make(spec);
  }
  void TearDown() override {
    port_.reset();
    EXPECT_EQ(rte_mempool_in_use_count(pool_), 0U) << "a buffer of the peer was not given back";
    rte_mempool_free(pool_);
    rte_ring_free(to_port_);
    rte_ring_free(from_port_);
  }
  // A frame in a chain of mbufs of `piece` bytes each.
  void Give(const std::vector<std::uint8_t>& bytes, std::size_t piece) {
    rte_mbuf* first = nullptr;
    for (std::size_t at = 0; at < bytes.size() || first == nullptr; at += piece) {
      rte_mbuf* m = rte_pktmbuf_alloc(pool_);
      ASSERT_NE(m, nullptr);
      const std::size_t n = std::min(piece, bytes.size() - at);
      std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(n)), bytes.data() + at, n);
      if (first == nullptr) {
        first = m;
      } else {
        ASSERT_EQ(rte_pktmbuf_chain(first, m), 0);
      }
    }
    ASSERT_EQ(rte_ring_enqueue(to_port_, first), 0);
  }

  rte_ring* to_port_ = nullptr;
  rte_ring* from_port_ = nullptr;
  rte_mempool* pool_ = nullptr;
  std::unique_ptr<core::Port> port_;
};

TEST_F(EthdevRingTest, ChainedBuffersAreOneFrameInPieces) {
  Give(Pattern(5000), 500);
  EXPECT_THAT(Receive(*port_), testing::ElementsAre(Pattern(5000)));
  EXPECT_EQ(batch_.packets()[0].segment_count, 10);
}

TEST_F(EthdevRingTest, ManyPiecesAreReceivedInSeveralBursts) {
  constexpr std::size_t kFrames = 16;
  for (std::size_t i = 0; i < kFrames; ++i) {
    Give(Pattern(1200 + i), 31);  // 39 pieces each: a batch has room for 12 such frames
  }
  std::vector<std::vector<std::uint8_t>> all = Receive(*port_);
  EXPECT_LT(all.size(), kFrames);
  for (auto frames = Receive(*port_); !frames.empty(); frames = Receive(*port_)) {
    all.insert(all.end(), frames.begin(), frames.end());
  }
  ASSERT_EQ(all.size(), kFrames);
  for (std::size_t i = 0; i < kFrames; ++i) {
    EXPECT_EQ(all[i], Pattern(1200 + i));
  }
}

TEST_F(EthdevRingTest, ImpossibleFramesAreNamedAndGivenBack) {
  Give(Pattern(13), 100);
  Give(Pattern(9015), 1000);
  Give(Pattern(650), 10);
  Give(Pattern(9014), 1000);
  batch_.Reset(port_->id());
  port_->rx_queue(0).Receive(batch_);
  ASSERT_EQ(batch_.size(), 4U);
  EXPECT_EQ(batch_.packets()[0].drop, DropReason::kFrameTooShort);
  EXPECT_EQ(batch_.packets()[1].drop, DropReason::kFrameTooLong);
  EXPECT_EQ(batch_.packets()[2].drop, DropReason::kTooManySegments);
  EXPECT_EQ(batch_.packets()[3].drop, DropReason::kNone);
  port_->rx_queue(0).Release(batch_);
}

TEST_F(EthdevRingTest, BuffersInThePeersHandsOutliveThePort) {
  EXPECT_EQ(Send(*port_, {{Pattern(1000), {}}}), AllDelivered(1));
  port_.reset();
  void* kept = nullptr;
  ASSERT_EQ(rte_ring_dequeue(from_port_, &kept), 0);
  auto* mbuf = static_cast<rte_mbuf*>(kept);
  EXPECT_EQ(std::memcmp(rte_pktmbuf_mtod(mbuf, const std::uint8_t*), Pattern(1000).data(), 1000),
            0);
  rte_pktmbuf_free(mbuf);
}

TEST_F(EthdevRingTest, NoBufferLeftIsNamed) {
  std::vector<FakeFrame> burst(core::kBurst, {Pattern(60), {}});
  std::vector<void*> held;
  bool exhausted = false;
  for (unsigned i = 0; i < 100 && !exhausted; ++i) {
    for (const DropReason reason : Send(*port_, burst)) {
      exhausted |= reason == DropReason::kNoBuffers;
    }
    void* mbuf = nullptr;
    while (rte_ring_dequeue(from_port_, &mbuf) == 0) {
      held.push_back(mbuf);
    }
  }
  EXPECT_TRUE(exhausted);
  for (void* mbuf : held) {
    rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
  }
  EXPECT_EQ(Send(*port_, {{Pattern(60), {}}}), AllDelivered(1));
}

// A capture file (libpcap's classic format, host order, Ethernet) and its frames.
struct PcapRecord {
  std::uint32_t seconds, microseconds, captured, length;
};

void WritePcap(const std::string& path, const std::vector<std::vector<std::uint8_t>>& frames) {
  std::ofstream file(path, std::ios::binary);
  const std::uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
  file.write(reinterpret_cast<const char*>(header), sizeof(header));
  for (const auto& frame : frames) {
    const auto length = static_cast<std::uint32_t>(frame.size());
    const PcapRecord record{0, 0, length, length};
    file.write(reinterpret_cast<const char*>(&record), sizeof(record));
    file.write(reinterpret_cast<const char*>(frame.data()), length);
  }
}

std::vector<std::vector<std::uint8_t>> ReadPcap(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(24);
  std::vector<std::vector<std::uint8_t>> frames;
  PcapRecord record{};
  while (file.read(reinterpret_cast<char*>(&record), sizeof(record))) {
    frames.emplace_back(record.captured);
    file.read(reinterpret_cast<char*>(frames.back().data()), record.captured);
  }
  return frames;
}

TEST_F(EthdevPortTest, PcapFilesAreReadAndWritten) {
  const std::string in = testing::TempDir() + "pollux_in_" + std::to_string(getpid()) + ".pcap";
  const std::string out = testing::TempDir() + "pollux_out_" + std::to_string(getpid()) + ".pcap";
  WritePcap(in, {Pattern(60), Pattern(1000)});
  {
    const auto port = Make(Spec("net_pcap_0,rx_pcap=" + in + ",tx_pcap=" + out));
    EXPECT_THAT(Receive(*port), testing::ElementsAre(Pattern(60), Pattern(1000)));
    EXPECT_EQ(Send(*port, {{Pattern(70), {}}, {Pattern(1514), {}}}), AllDelivered(2));
  }
  EXPECT_THAT(ReadPcap(out), testing::ElementsAre(Pattern(70), Pattern(1514)));
  unlink(in.c_str());
  unlink(out.c_str());
}

}  // namespace
}  // namespace pollux::vhost
