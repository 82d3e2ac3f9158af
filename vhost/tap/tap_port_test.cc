// TAP ports against the kernel's own stack, in namespaces that the test makes. Needs root.
#include "vhost/tap/tap_port.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/core/copy.h"
#include "dataplane/core/rcu.h"
#include "vhost/event_loop.h"
#include "vhost/fake_port.h"
#include "vhost/tap/test_namespace.h"

namespace pollux::vhost {
namespace {

using core::DropReason;
using testing::HasSubstr;
using testing::StartsWith;

constexpr net::WorkerId kWorker{0};
constexpr char kPeerMac[] = "02:00:00:00:00:02";
constexpr int kPatienceMs = 5000;

bool WaitReadable(int fd, int timeout_ms) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, timeout_ms) == 1;
}

sockaddr_in Ipv4(const char* address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  CHECK_EQ(inet_pton(AF_INET, address, &result.sin_addr), 1);
  return result;
}

std::vector<std::uint8_t> Pattern(std::size_t length) {
  std::vector<std::uint8_t> bytes(length);
  for (std::size_t i = 0; i < length; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  }
  return bytes;
}

class TapPortTest : public testing::Test {
 protected:
  core::PortSpec Spec(const TestNamespace& netns) const {
    core::PortSpec spec;
    spec.name = "pod";
    spec.backend = core::TapSpec{netns.path(), "eth0"};
    return spec;
  }
  absl::StatusOr<std::unique_ptr<core::Port>> TryMake(const core::PortSpec& spec) {
    return MakeTapPort(net::PortId{1}, spec, context_);
  }
  std::unique_ptr<core::Port> Make(const core::PortSpec& spec) {
    auto port = TryMake(spec);
    CHECK(port.ok()) << port.status();
    return *std::move(port);
  }
  // A port whose pod has 198.18.0.1/24 and knows 198.18.0.2 as kPeerMac.
  std::unique_ptr<core::Port> MakeAddressed(const core::PortSpec& spec) {
    auto port = Make(spec);
    netns_.Run("ip addr add 198.18.0.1/24 dev eth0");
    netns_.Run(std::string("ip neigh add 198.18.0.2 dev eth0 lladdr ") + kPeerMac);
    return port;
  }
  UniqueFd BoundUdp(std::uint16_t port) const {
    UniqueFd socket = netns_.Socket(AF_INET, SOCK_DGRAM);
    const sockaddr_in local = Ipv4("198.18.0.1", port);
    PCHECK(bind(socket.get(), reinterpret_cast<const sockaddr*>(&local), sizeof(local)) == 0);
    return socket;
  }
  static void SendTo(const UniqueFd& socket, const std::vector<std::uint8_t>& payload,
                     std::uint16_t port = 4000) {
    const sockaddr_in to = Ipv4("198.18.0.2", port);
    PCHECK(sendto(socket.get(), payload.data(), payload.size(), 0,
                  reinterpret_cast<const sockaddr*>(&to), sizeof(to)) >= 0);
  }
  // The next burst of a queue; the batch is empty if nothing comes.
  void ReceiveInto(core::Batch& batch, core::Port& port, unsigned queue = 0) {
    batch.Reset(port.id());
    core::RxQueue& rx = port.rx_queue(queue);
    if (WaitReadable(rx.wait_handle().fd, kPatienceMs)) {
      rx.Receive(batch);
    }
  }

  core::Rcu rcu_{1};
  EventLoop events_;
  PortContext context_{rcu_, events_, 1, {}};
  TestNamespace netns_;
  core::Batch batch_;
};

// Makes the answer to a datagram out of the packet itself: addresses and ports swapped in the
// private head, the payload left where it lies.
void TurnRound(core::Packet& packet) {
  auto& ethernet = packet.ethernet();
  std::swap(ethernet.source, ethernet.destination);
  auto& ip = *packet.HeaderAt<net::Ipv4Header>(sizeof(net::EthernetHeader));
  std::swap(ip.source, ip.destination);
  auto& udp = *packet.HeaderAt<net::UdpHeader>(34);
  std::swap(udp.source_port, udp.destination_port);
}

TEST_F(TapPortTest, DatagramComesOutAndItsAnswerGoesIn) {
  const auto port = MakeAddressed(Spec(netns_));
  const UniqueFd socket = BoundUdp(3000);
  const auto payload = Pattern(1000);
  SendTo(socket, payload);
  ReceiveInto(batch_, *port);
  ASSERT_EQ(batch_.size(), 1U);
  core::Packet& packet = batch_.packets()[0];
  EXPECT_EQ(packet.drop, DropReason::kNone);
  EXPECT_EQ(packet.frame_length(), 14 + 20 + 8 + payload.size());
  EXPECT_EQ(packet.offload, (core::Offload{true, core::Gso::kNone, 0, 34, 6}));

  core::LoadHead(packet);
  EXPECT_EQ(packet.ethernet().destination.ToString(), kPeerMac);
  EXPECT_EQ(packet.ethernet().source, port->Status().mac);
  TurnRound(packet);
  core::Packet* const packets[] = {&packet};
  port->Send(kWorker, packets);
  EXPECT_EQ(packet.drop, DropReason::kNone);
  port->rx_queue(0).Release(batch_);

  std::vector<std::uint8_t> answer(2000);
  ASSERT_TRUE(WaitReadable(socket.get(), kPatienceMs));
  answer.resize(static_cast<std::size_t>(recv(socket.get(), answer.data(), answer.size(), 0)));
  EXPECT_EQ(answer, payload);
}

TEST_F(TapPortTest, SendGathersAFrameInPieces) {
  const auto port = MakeAddressed(Spec(netns_));
  const UniqueFd socket = BoundUdp(3000);
  SendTo(socket, Pattern(1000));
  ReceiveInto(batch_, *port);
  ASSERT_EQ(batch_.size(), 1U);
  core::Packet& datagram = batch_.packets()[0];
  core::LoadHead(datagram);
  TurnRound(datagram);
  FakeFrame frame{std::vector<std::uint8_t>(datagram.frame_length()), datagram.offload};
  core::CopyFrame(datagram, frame.bytes.data());

  FakePort pieces(net::PortId{2});
  pieces.Enqueue(frame, {3, 100, 128, 129, 600});
  batch_.Reset(pieces.id());
  pieces.rx_queue(0).Receive(batch_);
  core::LoadHead(batch_.packets()[0]);
  core::Packet* const packets[] = {&batch_.packets()[0]};
  port->Send(kWorker, packets);
  EXPECT_EQ(packets[0]->drop, DropReason::kNone);

  std::vector<std::uint8_t> answer(2000);
  ASSERT_TRUE(WaitReadable(socket.get(), kPatienceMs));
  answer.resize(static_cast<std::size_t>(recv(socket.get(), answer.data(), answer.size(), 0)));
  EXPECT_EQ(answer, Pattern(1000));
}

TEST_F(TapPortTest, BurstKeepsOrderAndEveryByte) {
  const auto port = MakeAddressed(Spec(netns_));
  const UniqueFd socket = BoundUdp(3000);
  for (std::size_t i = 0; i < core::kBurst + 6; ++i) {
    SendTo(socket, Pattern(100 + i));
  }
  std::size_t next = 0;
  for (const unsigned expected : {core::kBurst, 6U}) {
    ReceiveInto(batch_, *port);
    ASSERT_EQ(batch_.size(), expected);
    for (const core::Packet& packet : batch_.packets()) {
      const std::vector<std::uint8_t> wanted = Pattern(100 + next++);
      ASSERT_EQ(packet.frame_length(), 42 + wanted.size());
      EXPECT_EQ(std::memcmp(packet.segments[0].data + 42, wanted.data(), wanted.size()), 0);
    }
    port->rx_queue(0).Release(batch_);
  }
}

TEST_F(TapPortTest, MtuIsSetAndHeld) {
  core::PortSpec spec = Spec(netns_);
  spec.mtu = 9000;
  const auto port = MakeAddressed(spec);
  const UniqueFd socket = BoundUdp(3000);
  SendTo(socket, Pattern(9000 - 28));
  ReceiveInto(batch_, *port);
  ASSERT_EQ(batch_.size(), 1U);
  EXPECT_EQ(batch_.packets()[0].frame_length(), 9014U);
  EXPECT_EQ(batch_.packets()[0].drop, DropReason::kNone);

  netns_.Run("ip link set eth0 mtu 9001");
  SendTo(socket, Pattern(9001 - 28));
  ReceiveInto(batch_, *port);
  ASSERT_EQ(batch_.size(), 1U);
  EXPECT_EQ(batch_.packets()[0].drop, DropReason::kFrameTooLong);
}

TEST_F(TapPortTest, SetsTheMacThatWasAskedFor) {
  core::PortSpec spec = Spec(netns_);
  spec.mac = *net::MacAddress::Parse("02:12:34:56:78:9a");
  EXPECT_EQ(Make(spec)->Status().mac, spec.mac);
}

TEST_F(TapPortTest, ChoosesALocallyAdministeredMac) {
  const net::MacAddress mac = Make(Spec(netns_))->Status().mac;
  EXPECT_FALSE(mac.is_group());
  EXPECT_EQ(mac.bytes[0] & 2U, 2U);
}

TEST_F(TapPortTest, FlowsSpreadOverTheQueues) {
  core::PortSpec spec = Spec(netns_);
  spec.queues = 4;
  const auto port = MakeAddressed(spec);
  ASSERT_EQ(port->rx_queue_count(), 4U);
  constexpr unsigned kFlows = 64;
  const UniqueFd socket = BoundUdp(3000);
  for (std::uint16_t i = 0; i < kFlows; ++i) {
    SendTo(socket, Pattern(64), static_cast<std::uint16_t>(4000 + i));
  }
  unsigned received = 0;
  unsigned queues_used = 0;
  for (unsigned q = 0; q < port->rx_queue_count(); ++q) {
    batch_.Reset(port->id());
    port->rx_queue(q).Receive(batch_);  // all was queued while sendto() ran
    received += batch_.size();
    queues_used += batch_.size() > 0 ? 1U : 0U;
  }
  EXPECT_EQ(received, kFlows);
  EXPECT_GT(queues_used, 1U);
}

TEST_F(TapPortTest, DeviceOutlivesTheSwitchWithMacAndAddresses) {
  const core::PortSpec spec = Spec(netns_);
  const net::MacAddress mac = MakeAddressed(spec)->Status().mac;  // and gone
  netns_.Run("ip addr show dev eth0 | grep -q 198.18.0.1/24");
  const auto port = Make(spec);
  EXPECT_EQ(port->Status().mac, mac);
  EXPECT_TRUE(port->Status().link_up);
  SendTo(BoundUdp(3000), Pattern(100));
  ReceiveInto(batch_, *port);
  EXPECT_EQ(batch_.size(), 1U);
}

TEST_F(TapPortTest, RemovedPortTakesItsDeviceWithIt) {
  auto port = Make(Spec(netns_));
  port->PrepareRemoval();
  netns_.Run("ip link show dev eth0 > /dev/null");
  port.reset();
  netns_.Run("! ip link show dev eth0 2> /dev/null");
}

TEST_F(TapPortTest, FailureLeavesNothingBehind) {
  core::PortSpec spec = Spec(netns_);
  spec.mac = net::MacAddress::Broadcast();  // refused by the kernel after the device was made
  EXPECT_FALSE(TryMake(spec).ok());
  netns_.Run("! ip link show dev eth0 2> /dev/null");
}

TEST_F(TapPortTest, LeavesAnInterfaceOfSomebodyElseAlone) {
  netns_.Run("ip link add eth0 type veth peer name other");
  EXPECT_THAT(std::string(TryMake(Spec(netns_)).status().message()),
              HasSubstr("an interface 'eth0' exists that is not this port's TAP (kind 'veth'"));
  netns_.Run("ip link del eth0; ip tuntap add dev eth0 mode tap");
  EXPECT_EQ(TryMake(Spec(netns_)).status().code(), absl::StatusCode::kAlreadyExists);
  netns_.Run("ip link show dev eth0 > /dev/null");
}

TEST_F(TapPortTest, SecondSwitchIsToldThatTheDeviceIsHeld) {
  const auto port = Make(Spec(netns_));
  EXPECT_THAT(std::string(TryMake(Spec(netns_)).status().message()),
              HasSubstr("is held by another process"));
}

TEST_F(TapPortTest, KeptDeviceWithOtherQueuesIsExplained) {
  core::PortSpec spec = Spec(netns_);
  Make(spec);
  spec.queues = 2;
  EXPECT_THAT(std::string(TryMake(spec).status().message()), HasSubstr("another number of queues"));
}

TEST_F(TapPortTest, WrongNamespacePathsAreNamed) {
  core::PortSpec spec = Spec(netns_);
  spec.backend = core::TapSpec{"/run/netns/there-is-none", "eth0"};
  const absl::Status missing = TryMake(spec).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), StartsWith("netns: '/run/netns/there-is-none'"));
  spec.backend = core::TapSpec{"/dev/null", "eth0"};
  EXPECT_THAT(std::string(TryMake(spec).status().message()), StartsWith("netns: "));
}

TEST_F(TapPortTest, InterfaceSetDownTakesNothing) {
  const auto port = MakeAddressed(Spec(netns_));
  SendTo(BoundUdp(3000), Pattern(100));
  ReceiveInto(batch_, *port);
  ASSERT_EQ(batch_.size(), 1U);
  core::LoadHead(batch_.packets()[0]);
  netns_.Run("ip link set eth0 down");
  core::Packet* const packets[] = {&batch_.packets()[0]};
  port->Send(kWorker, packets);
  EXPECT_EQ(packets[0]->drop, DropReason::kDestinationDown);
  EXPECT_FALSE(port->Status().link_up);
}

TEST_F(TapPortTest, InterfaceDeletedUnderUsFallsSilent) {
  const auto port = MakeAddressed(Spec(netns_));
  SendTo(BoundUdp(3000), Pattern(100));
  ReceiveInto(batch_, *port);
  ASSERT_EQ(batch_.size(), 1U);
  core::LoadHead(batch_.packets()[0]);
  netns_.Run("ip link del eth0");

  core::Packet* const packets[] = {&batch_.packets()[0]};
  port->Send(kWorker, packets);
  EXPECT_EQ(packets[0]->drop, DropReason::kDestinationDown);
  core::RxQueue& rx = port->rx_queue(0);
  const core::WaitHandle before = rx.wait_handle();
  batch_.Reset(port->id());
  rx.Receive(batch_);
  EXPECT_EQ(batch_.size(), 0U);
  EXPECT_NE(rx.wait_handle().generation, before.generation);
  EXPECT_FALSE(WaitReadable(rx.wait_handle().fd, 0));
  EXPECT_EQ(port->Status().state, "the interface was deleted");
}

TEST_F(TapPortTest, VanishedNamespacePathIsReported) {
  auto gone = std::make_optional<TestNamespace>();
  const auto port = Make(Spec(*gone));
  gone.reset();
  const core::PortStatus status = port->Status();
  EXPECT_TRUE(status.link_up);  // our descriptor keeps the namespace
  EXPECT_THAT(status.details,
              testing::Contains(testing::Pair("note", HasSubstr("netns path is gone"))));
}

// Two pods, and a loop that moves every frame from one to the other.
class TapRelayTest : public TapPortTest {
 protected:
  TapRelayTest() : left_(Make(Spec(netns_))), right_(Make(Spec(right_netns_))) {
    for (const auto* netns : {&netns_, &right_netns_}) {
      const char* last = netns == &netns_ ? "1" : "2";
      netns->Run("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0");
      netns->Run(std::string("ip addr add dev eth0 198.18.0.") + last + "/24");
      netns->Run(std::string("ip addr add dev eth0 2001:db8::") + last + "/64 nodad");
    }
    relay_ = std::thread([this] { Relay(); });
  }
  ~TapRelayTest() override { Stop(); }

  void Stop() {
    stop_ = true;
    if (relay_.joinable()) {
      relay_.join();
    }
  }

  // Sends `bytes` over a TCP connection from the left pod to the right one; returns what arrived.
  std::vector<std::uint8_t> TcpTransfer(const std::vector<std::uint8_t>& bytes, int family,
                                        const sockaddr* address, socklen_t length) {
    const UniqueFd listener = right_netns_.Socket(family, SOCK_STREAM);
    PCHECK(bind(listener.get(), address, length) == 0 && listen(listener.get(), 1) == 0);
    std::vector<std::uint8_t> arrived;
    std::thread server([&] {
      const UniqueFd connection(accept(listener.get(), nullptr, nullptr));
      std::vector<std::uint8_t> buffer(1 << 20);
      for (ssize_t n = 1; n > 0;) {
        n = recv(connection.get(), buffer.data(), buffer.size(), 0);
        arrived.insert(arrived.end(), buffer.begin(), buffer.begin() + std::max<ssize_t>(n, 0));
      }
    });
    {
      const UniqueFd client = netns_.Socket(family, SOCK_STREAM);
      PCHECK(connect(client.get(), address, length) == 0);
      PCHECK(send(client.get(), bytes.data(), bytes.size(), 0) ==
             static_cast<ssize_t>(bytes.size()));
    }
    server.join();
    return arrived;
  }

  TestNamespace right_netns_;
  std::unique_ptr<core::Port> left_;
  std::unique_ptr<core::Port> right_;
  // Written by the relay; read after Stop().
  std::uint32_t longest_[4] = {};  // frame, by core::Gso
  unsigned dropped_ = 0;

 private:
  void Relay() {
    while (!stop_) {
      pollfd waits[] = {{left_->rx_queue(0).wait_handle().fd, POLLIN, 0},
                        {right_->rx_queue(0).wait_handle().fd, POLLIN, 0}};
      poll(waits, 2, 20);
      Move(*left_, *right_);
      Move(*right_, *left_);
    }
  }
  void Move(core::Port& from, core::Port& to) {
    batch_.Reset(from.id());
    from.rx_queue(0).Receive(batch_);
    std::vector<core::Packet*> packets;
    for (core::Packet& packet : batch_.packets()) {
      auto& longest = longest_[static_cast<unsigned>(packet.offload.gso)];
      longest = std::max(longest, packet.frame_length());
      dropped_ += packet.drop != DropReason::kNone ? 1U : 0U;
      core::LoadHead(packet);
      packets.push_back(&packet);
    }
    if (!packets.empty()) {
      to.Send(kWorker, packets);
    }
    for (const core::Packet* packet : packets) {
      dropped_ += packet->drop != DropReason::kNone ? 1U : 0U;
    }
    from.rx_queue(0).Release(batch_);
  }

  std::atomic<bool> stop_{false};
  std::thread relay_;
};

TEST_F(TapRelayTest, LargeTcp4FramesPassWhole) {
  const auto bytes = Pattern(16 << 20);
  const sockaddr_in to = Ipv4("198.18.0.2", 5000);
  EXPECT_TRUE(TcpTransfer(bytes, AF_INET, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) ==
              bytes);
  Stop();
  EXPECT_GT(longest_[static_cast<unsigned>(core::Gso::kTcp4)], 60000U);
  EXPECT_EQ(dropped_, 0U);
}

TEST_F(TapRelayTest, LargeTcp6FramesPassWhole) {
  const auto bytes = Pattern(16 << 20);
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(5000);
  CHECK_EQ(inet_pton(AF_INET6, "2001:db8::2", &to.sin6_addr), 1);
  EXPECT_TRUE(TcpTransfer(bytes, AF_INET6, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) ==
              bytes);
  Stop();
  EXPECT_GT(longest_[static_cast<unsigned>(core::Gso::kTcp6)], 60000U);
  EXPECT_EQ(dropped_, 0U);
}

TEST_F(TapRelayTest, PingCrosses) {
  netns_.Run("ping -q -c 3 -i 0.01 -W 5 198.18.0.2 > /dev/null");
  netns_.Run("ping -q -c 3 -i 0.01 -W 5 -s 1472 -M do 198.18.0.2 > /dev/null");
  netns_.Run("ping -q -c 3 -i 0.01 -W 5 2001:db8::2 > /dev/null");
}

}  // namespace
}  // namespace pollux::vhost
