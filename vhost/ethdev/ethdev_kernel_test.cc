// Ports over DPDK's kernel-backed devices (AF_PACKET on a veth, net_tap), in a network namespace
// that the test process makes for itself. Needs root, no hugepages.
#include <arpa/inet.h>
#include <glog/logging.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/core/copy.h"
#include "dataplane/core/rcu.h"
#include "dataplane/core/test_eal.h"
#include "dataplane/net/checksum.h"
#include "vhost/ethdev/ethdev_port.h"
#include "vhost/event_loop.h"
#include "vhost/fake_port.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost {
namespace {

using core::DropReason;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

constexpr net::WorkerId kWorker{0};
constexpr int kPatienceMs = 5000;
// IEEE 802 local experimental EtherType 1: nothing else on the wire has it.
constexpr std::uint16_t kExperiment = 0x88b5;

void Shell(const std::string& command) { CHECK_EQ(std::system(command.c_str()), 0) << command; }

bool WaitReadable(int fd, int timeout_ms) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, timeout_ms) == 1;
}

// A frame of the experiment, told apart by `mark`.
std::vector<std::uint8_t> Frame(std::size_t length, std::uint8_t mark) {
  std::vector<std::uint8_t> bytes(length, mark);
  std::fill_n(bytes.begin(), 6, std::uint8_t{0xff});
  bytes[6] = 2;
  bytes[12] = kExperiment >> 8;
  bytes[13] = kExperiment & 0xff;
  return bytes;
}

// The kernel's end of a wire.
class RawSocket {
 public:
  RawSocket(const std::string& ifname, std::uint16_t ether_type)
      : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ether_type);
    address.sll_ifindex = static_cast<int>(if_nametoindex(ifname.c_str()));
    PCHECK(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  }
  void Send(const std::vector<std::uint8_t>& frame) const {
    PCHECK(send(fd_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()));
  }
  [[nodiscard]] std::vector<std::uint8_t> Receive() const {
    std::vector<std::uint8_t> frame(65536);
    const ssize_t n =
        WaitReadable(fd_.get(), kPatienceMs) ? recv(fd_.get(), frame.data(), frame.size(), 0) : 0;
    frame.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return frame;
  }

 private:
  UniqueFd fd_;
};

class EthdevKernelTest : public testing::Test {
 protected:
  // Once for all suites: namespace and EAL are the process's.
  static bool SetUpProcess() {
    PCHECK(unshare(CLONE_NEWNET) == 0) << "this test needs root";
    Shell("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
    core::InitTestEal();
    return true;
  }
  static void SetUpTestSuite() {
    static const bool done = SetUpProcess();
    ASSERT_TRUE(done);
  }

  core::PortSpec Spec(const std::string& devargs) const {
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
  static DropReason Send(core::Port& port, const FakeFrame& frame) {
    FakePort source(net::PortId{9});
    core::Batch batch;
    source.Enqueue(frame);
    batch.Reset(source.id());
    source.rx_queue(0).Receive(batch);
    core::Packet* const packet = &batch.packets()[0];
    core::LoadHead(*packet);
    port.Send(kWorker, {&packet, 1});
    return packet->drop;
  }
  // Polls until a frame of the experiment comes; empty after some patience.
  std::vector<std::uint8_t> Receive(core::Port& port) {
    const auto deadline = EventLoop::Clock::now() + std::chrono::milliseconds(kPatienceMs);
    std::vector<std::uint8_t> found;
    while (found.empty() && EventLoop::Clock::now() < deadline) {
      batch_.Reset(port.id());
      port.rx_queue(0).Receive(batch_);
      for (core::Packet& packet : batch_.packets()) {
        core::LoadHead(packet);
        if (packet.ethernet().type.value() == kExperiment) {
          found.resize(packet.frame_length());
          core::CopyFrame(packet, found.data());
        }
      }
      port.rx_queue(0).Release(batch_);
    }
    return found;
  }

  core::Rcu rcu_{1};
  EventLoop events_;
  PortContext context_{rcu_, events_, 1, {}};
  core::Batch batch_;
};

class AfPacketTest : public EthdevKernelTest {
 protected:
  void SetUp() override {
    Shell("ip link add up0 type veth peer name wire0");
    Shell("ip link set up0 up; ip link set wire0 up");
  }
  void TearDown() override { Shell("ip link del up0"); }
};

TEST_F(AfPacketTest, FramesCrossTheVeth) {
  const auto port = Make(Spec("net_af_packet_0,iface=up0"));
  const RawSocket wire("wire0", kExperiment);
  wire.Send(Frame(1000, 1));
  EXPECT_EQ(Receive(*port), Frame(1000, 1));
  EXPECT_EQ(Send(*port, {Frame(60, 2), {}}), DropReason::kNone);
  EXPECT_EQ(wire.Receive(), Frame(60, 2));
}

TEST_F(AfPacketTest, StatusWarnsOfItsWayToSend) {
  const core::PortStatus status = Make(Spec("net_af_packet_0,iface=up0"))->Status();
  EXPECT_TRUE(status.link_up);
  EXPECT_THAT(status.details, Contains(Pair("driver", "net_af_packet")));
  EXPECT_THAT(status.details, Contains(Pair("note", HasSubstr("may wait in the kernel"))));
  EXPECT_FALSE(status.mac.is_zero());
}

TEST_F(AfPacketTest, MtuBeyondTheDriverTellsItsLimit) {
  core::PortSpec spec = Spec("net_af_packet_0,iface=up0");
  spec.mtu = 1501;
  EXPECT_EQ(std::string(TryMake(spec).status().message()),
            "mtu: 1501 is outside 46..1500 of the driver net_af_packet");
}

TEST_F(AfPacketTest, MtuIsSetOnTheKernelsInterface) {
  core::PortSpec spec = Spec("net_af_packet_0,iface=up0");
  spec.mtu = 1400;
  const auto port = Make(spec);
  Shell("ip link show dev up0 | grep -q 'mtu 1400'");
  const RawSocket wire("wire0", kExperiment);
  wire.Send(Frame(1415, 3));
  wire.Send(Frame(1414, 4));
  EXPECT_EQ(Receive(*port), Frame(1414, 4));
}

TEST_F(AfPacketTest, QueuesAreBoundedByTheDevice) {
  core::PortSpec spec = Spec("net_af_packet_0,iface=up0,qpairs=2");
  spec.queues = 4;
  EXPECT_EQ(Make(spec)->rx_queue_count(), 2U);
}

TEST_F(AfPacketTest, AfXdpFramesCrossTheVeth) {
  const auto port = Make(Spec("net_af_xdp_0,iface=up0"));
  const RawSocket wire("wire0", kExperiment);
  wire.Send(Frame(1000, 1));
  EXPECT_EQ(Receive(*port), Frame(1000, 1));
  EXPECT_EQ(Send(*port, {Frame(60, 2), {}}), DropReason::kNone);
  EXPECT_EQ(wire.Receive(), Frame(60, 2));
}

TEST_F(EthdevKernelTest, MissingInterfaceIsNamed) {
  EXPECT_THAT(std::string(TryMake(Spec("net_af_packet_0,iface=nothere0")).status().message()),
              StartsWith("devargs: 'net_af_packet_0,iface=nothere0'"));
}

TEST_F(EthdevKernelTest, DeviceGoesWithItsPort) {
  Make(Spec("net_tap_0,iface=dtap0"));
  EXPECT_EQ(if_nametoindex("dtap0"), 0U);
  EXPECT_NE(Make(Spec("net_tap_0,iface=dtap0")), nullptr);  // and can come again
}

TEST_F(EthdevKernelTest, InterruptWakesAnIdleWorker) {
  const auto port = Make(Spec("net_tap_0,iface=dtap0"));
  Shell("ip link set dtap0 up");
  core::RxQueue& rx = port->rx_queue(0);
  const int fd = rx.wait_handle().fd;
  ASSERT_GE(fd, 0);
  EXPECT_THAT(port->Status().details, Contains(Pair("idle", "interrupts")));
  rx.Arm();
  RawSocket("dtap0", kExperiment).Send(Frame(100, 4));
  EXPECT_TRUE(WaitReadable(fd, kPatienceMs));
  rx.AcknowledgeWake();
  rx.Disarm();
  EXPECT_EQ(Receive(*port), Frame(100, 4));
}

constexpr std::size_t kHeaders = 14 + 20 + 20;
constexpr std::uint16_t kSegmentBytes = 1000;

// A TCP frame over IPv4 with a partial checksum, as a guest hands it over.
std::vector<std::uint8_t> TcpFrame(std::size_t payload) {
  std::vector<std::uint8_t> frame(kHeaders + payload);
  for (std::size_t i = kHeaders; i < frame.size(); ++i) {
    frame[i] = static_cast<std::uint8_t>(i * 3);
  }
  auto& ethernet = *reinterpret_cast<net::EthernetHeader*>(frame.data());
  ethernet.destination = net::MacAddress::Broadcast();
  ethernet.source.bytes[0] = 2;
  ethernet.set_ether_type(net::EtherType::kIpv4);
  auto& ip = *reinterpret_cast<net::Ipv4Header*>(frame.data() + 14);
  ip.version_ihl = 0x45;
  ip.total_length.set(static_cast<std::uint16_t>(frame.size() - 14));
  ip.ttl = 64;
  ip.protocol = net::IpProtocol::kTcp;
  ip.source = *net::Ipv4Address::Parse("198.18.0.1");
  ip.destination = *net::Ipv4Address::Parse("198.18.0.2");
  ip.checksum = net::InternetChecksum({frame.data() + 14, 20});
  auto& tcp = *reinterpret_cast<net::TcpHeader*>(frame.data() + 34);
  tcp.data_offset = 5 << 4;
  tcp.flags = net::TcpHeader::kAck;
  tcp.checksum = net::Be16::FromRaw(
      net::PseudoHeaderSum(ip, ip.protocol, static_cast<std::uint32_t>(20 + payload)).FoldedRaw());
  return frame;
}

bool ChecksumsHold(const std::vector<std::uint8_t>& frame) {
  const auto& ip = *reinterpret_cast<const net::Ipv4Header*>(frame.data() + 14);
  const auto l4_bytes = static_cast<std::uint32_t>(ip.total_length.value() - 20);
  auto sum = net::PseudoHeaderSum(ip, ip.protocol, l4_bytes);
  sum.Add({frame.data() + 34, l4_bytes});
  return net::InternetChecksum({frame.data() + 14, 20}).raw() == 0 && sum.Finish().raw() == 0;
}

TEST_F(EthdevKernelTest, DeviceCompletesChecksumsAndSegments) {
  const auto port = Make(Spec("net_tap_0,iface=dtap0"));
  Shell("ip link set dtap0 up");
  ASSERT_TRUE(port->capabilities().checksum);
  ASSERT_TRUE(port->capabilities().tso4);
  const RawSocket kernel("dtap0", 0x0800);

  EXPECT_EQ(Send(*port, {TcpFrame(300), {true, core::Gso::kNone, 0, 34, 16}}), DropReason::kNone);
  const auto plain = kernel.Receive();
  ASSERT_EQ(plain.size(), kHeaders + 300);
  EXPECT_TRUE(ChecksumsHold(plain));

  const auto large = TcpFrame(4 * kSegmentBytes + 500);
  EXPECT_EQ(Send(*port, {large, {true, core::Gso::kTcp4, kSegmentBytes, 34, 16}}),
            DropReason::kNone);
  std::vector<std::uint8_t> payload;
  for (unsigned i = 0; i < 5; ++i) {
    const auto segment = kernel.Receive();
    ASSERT_GT(segment.size(), kHeaders) << "segment " << i;
    EXPECT_TRUE(ChecksumsHold(segment)) << "segment " << i;
    payload.insert(payload.end(), segment.begin() + kHeaders, segment.end());
  }
  EXPECT_TRUE(std::equal(payload.begin(), payload.end(), large.begin() + kHeaders, large.end()));
}

}  // namespace
}  // namespace pollux::vhost
