// What the filter makes of packets that have no ports, or nothing at all yet.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "dataplane/core/observer.h"

namespace pollux::core {
namespace {

// An IPv4 packet whose L4 header begins with the numbers 1234 and 80.
class SeenPacket {
 public:
  explicit SeenPacket(net::IpProtocol protocol) {
    packet.head = bytes_.data();
    packet.head_length = static_cast<std::uint16_t>(bytes_.size());
    packet.l3_offset = sizeof(net::EthernetHeader);
    packet.l4_offset = sizeof(net::EthernetHeader) + sizeof(net::Ipv4Header);
    packet.ip = IpVersion::k4;
    packet.protocol = protocol;
    auto& l4 = *packet.HeaderAt<net::UdpHeader>(packet.l4_offset);
    l4.source_port.set(1234);
    l4.destination_port.set(80);
  }
  SeenPacket(const SeenPacket&) = delete;
  SeenPacket& operator=(const SeenPacket&) = delete;

  Packet packet;

 private:
  std::array<std::uint8_t, 60> bytes_{};
};

TEST(ObservationFilter, PortsAreThoseOfTcpUdpAndSctp) {
  struct Row {
    std::string sentence;
    net::IpProtocol protocol;
    std::uint16_t l4_port;
    bool matches;
  };
  const Row rows[] = {
      {"TCP, the source", net::IpProtocol::kTcp, 1234, true},
      {"UDP, the destination", net::IpProtocol::kUdp, 80, true},
      {"SCTP", net::IpProtocol::kSctp, 80, true},
      {"another one", net::IpProtocol::kTcp, 81, false},
      {"ICMP's type and code are no port", net::IpProtocol::kIcmp, 1234, false},
      {"what the switch does not know has none", net::IpProtocol::kEsp, 80, false},
  };
  for (const Row& row : rows) {
    const SeenPacket seen(row.protocol);
    const ObservationFilter filter{.l4_port = row.l4_port};
    EXPECT_EQ(filter.Matches(StepId::kRoute, seen.packet, Verdict::Continue()), row.matches)
        << row.sentence;
  }
}

TEST(ObservationFilter, BeforeParseNothingIsKnownOfThePacket) {
  SeenPacket seen(net::IpProtocol{});
  seen.packet.ip = IpVersion::kNone;
  seen.packet.l4_offset = 0;
  const net::IpPrefix everybody = net::IpPrefix::Parse("0.0.0.0/0").value();
  for (const ObservationFilter& filter :
       {ObservationFilter{.host = everybody}, ObservationFilter{.l4_port = 80},
        ObservationFilter{.protocol = net::IpProtocol{0}}}) {
    EXPECT_FALSE(filter.Matches(StepId::kReceive, seen.packet, Verdict::Continue()));
  }
}

TEST(Subscription, KeepsWhatIsLeftToBeSegmented) {
  Subscription subscription({}, 1, 4);
  SeenPacket seen(net::IpProtocol::kTcp);
  seen.packet.offload = {.needs_checksum = true, .gso = Gso::kTcp4, .gso_size = 1448};
  subscription.Observe(net::WorkerId{}, 0, 0, StepId::kRoute, seen.packet, Verdict::Continue());
  Observation observation;
  ASSERT_TRUE(subscription.TryPop(observation));
  EXPECT_EQ(observation.offload, seen.packet.offload);
}

}  // namespace
}  // namespace pollux::core
