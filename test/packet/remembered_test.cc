// What the connection table remembers is what would be decided anew: the same packets through two
// switches, of which one forgets every connection before each packet, while policies change.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "policy/random_policies.h"
#include "test/packet/frames.h"
#include "test/packet/packet_switch.h"

namespace pollux::stages::testing {
namespace {

using net::IpProtocol;
using Sent = std::vector<Bytes>;

void Forget(PacketSwitch& s) {
  tables::ConnectionTable& table = s.connections();
  table.Sweep(0, 1, table.high_water(), [](const tables::Connection&) { return true; });
}

// Of all ports, in their order.
Sent Carry(PacketSwitch& s, net::PortId from, const Bytes& frame) {
  s.port(from).Enqueue({frame, {}}, {});
  s.Run();
  Sent sent;
  for (const net::PortId port : {kPod1, kPod2, kHost, kUplink}) {
    for (const vhost::FakeFrame& out : s.port(port).TakeSent()) {
      sent.push_back(out.bytes);
    }
  }
  return sent;
}

// Pods of random labels under random policies.
void Arrange(const std::vector<policy::Profile>& pods, const std::vector<policy::Policy>& policies,
             PacketSwitch& s) {
  s.config.workloads.clear();
  for (const std::size_t i : {0U, 1U}) {
    s.config.endpoints[i].pod = s.config.endpoints[i].name;
    s.config.workloads.push_back(std::make_shared<const WorkloadConfig>(
        WorkloadConfig{.name = s.config.endpoints[i].pod, .profile = pods[i], .addresses = {}}));
  }
  s.config.policies.clear();
  for (const policy::Policy& policy : policies) {
    s.config.policies.push_back(std::make_shared<const policy::Policy>(policy));
  }
  s.Publish();
}

// Ports of servers are no ports of clients, so nothing looks like an answer.
Bytes AnyFrame(policy::Dice& dice, net::PortId from) {
  const bool v6 = dice.Once(3);
  const bool first = from == kPod1;
  const std::array<std::string_view, 2> ends =
      v6 ? std::array<std::string_view, 2>{"fd00::10", "fd00::11"}
         : std::array<std::string_view, 2>{"10.0.0.10", "10.0.0.11"};
  const FrameTerms terms{.from = ends[first ? 0 : 1],
                         .to = ends[first ? 1 : 0],
                         .from_mac = first ? kPodMac : kOtherPodMac};
  const auto client = static_cast<std::uint16_t>(2000 + dice.Below(2));
  const std::uint16_t server = std::array<std::uint16_t, 4>{79, 80, 81, 8080}[dice.Below(4)];
  if (dice.Once(2)) {
    return IpFrame(terms, IpProtocol::kUdp, Udp(16, client, server), kUdpChecksumAt);
  }
  Bytes l4 = Tcp(0);
  auto& tcp = Overlay<net::TcpHeader>(l4, 0);
  tcp.source_port = net::Be16(client);
  tcp.destination_port = net::Be16(server);
  tcp.flags = net::TcpHeader::kSyn;
  return IpFrame(terms, IpProtocol::kTcp, l4, kTcpChecksumAt);
}

TEST(Remembered, IsWhatWouldBeDecidedAnew) {
  constexpr std::uint64_t kSwitches = 100;
  constexpr unsigned kChanges = 10;
  constexpr unsigned kPackets = 30;
  unsigned passed = 0;
  unsigned denied = 0;
  for (std::uint64_t seed = 1; seed <= kSwitches; ++seed) {
    policy::Dice dice(seed);
    PacketSwitch remembers;
    PacketSwitch forgets;
    for (unsigned change = 0; change < kChanges; ++change) {
      const std::vector<policy::Profile> pods = dice.Pods();
      const std::vector<policy::Policy> policies = dice.Policies();
      Arrange(pods, policies, remembers);
      Arrange(pods, policies, forgets);
      for (unsigned i = 0; i < kPackets; ++i) {
        const net::PortId from = dice.Once(2) ? kPod1 : kPod2;
        const Bytes frame = AnyFrame(dice, from);
        Forget(forgets);
        const Sent expected = Carry(forgets, from, frame);
        ASSERT_EQ(Carry(remembers, from, frame), expected)
            << "seed " << seed << ", change " << change << ", packet " << i;
        ++(expected.empty() ? denied : passed);
      }
    }
    EXPECT_EQ(remembers.Imbalance(), 0);
  }
  EXPECT_GT(passed, 5000U);
  EXPECT_GT(denied, 2000U);
}

}  // namespace
}  // namespace pollux::stages::testing
