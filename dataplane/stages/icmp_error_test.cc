#include "dataplane/stages/icmp_error.h"

#include <gtest/gtest.h>

#include "test/packet/frames.h"

namespace pollux::stages::testing {
namespace {

using core::DropReason;
using core::Verdict;
using net::IpProtocol;

class IcmpErrorTest : public ::testing::Test {
 protected:
  Verdict Provoke(const Bytes& frame, net::PortId ingress, IcmpError error, std::uint16_t mtu = 0) {
    ReceivedPacket received(frame, ingress);
    Context ctx = switch_.ContextOf(ingress);
    const Verdict verdict = AnswerWithError(ctx, received.packet, error, kReason, mtu);
    frame_ = received.frame();
    egress_ = received.packet.egress;
    return verdict;
  }

  static constexpr DropReason kReason = DropReason::kTtlExceeded;
  SmallSwitch switch_;
  Bytes frame_;
  net::PortId egress_;
};

Bytes UdpV4(std::size_t payload, const char* from = "10.0.0.10", const char* to = "198.18.0.1") {
  return Ipv4Frame(kGatewayMac, kPodMac, V4(from), V4(to), IpProtocol::kUdp, Udp(payload), 6);
}
Bytes UdpV6(std::size_t payload, const char* from = "fd00::10", const char* to = "2001:db8:1::1") {
  return Ipv6Frame(kGatewayMac, kPodMac, V6(from), V6(to), IpProtocol::kUdp, Udp(payload), 6, 9);
}

struct KindRow {
  const char* name;
  IcmpError error;
  std::uint16_t mtu;
  std::uint8_t type_v4, code_v4, type_v6, code_v6;
};
class IcmpErrorKinds : public IcmpErrorTest, public ::testing::WithParamInterface<KindRow> {};

TEST_P(IcmpErrorKinds, GoBackToThePodFromTheGateway) {
  const KindRow& row = GetParam();
  for (const std::size_t payload : {0U, 1U, 31U, 86U, 1400U}) {
    const Bytes v4 = UdpV4(payload);
    EXPECT_EQ(Provoke(v4, kPod, row.error, row.mtu), Verdict::DropAnswer(kReason));
    EXPECT_EQ(egress_, kPod);
    EXPECT_EQ(frame_,
              ErrorFrame(v4, {"169.254.1.1", "10.0.0.10", row.type_v4, row.code_v4, row.mtu}));
    const Bytes v6 = UdpV6(payload);
    EXPECT_EQ(Provoke(v6, kPod, row.error, row.mtu), Verdict::DropAnswer(kReason));
    EXPECT_EQ(frame_, ErrorFrame(v6, {"fe80::1", "fd00::10", row.type_v6, row.code_v6, row.mtu}));
  }
}

const KindRow kKindRows[] = {
    {"TimeExceeded", IcmpError::kTimeExceeded, 0, 11, 0, 3, 0},
    {"TooBig", IcmpError::kTooBig, 1400, 3, 4, 2, 0},
    {"NoRoute", IcmpError::kNoRoute, 0, 3, 0, 1, 0},
    {"HostUnreachable", IcmpError::kHostUnreachable, 0, 3, 1, 1, 3},
};
INSTANTIATE_TEST_SUITE_P(Table, IcmpErrorKinds, ::testing::ValuesIn(kKindRows),
                         [](const auto& row) { return row.param.name; });

// --- The source (a wrong one makes path MTU discovery fail)

net::IpAddress SourceOf(Bytes frame) {
  return Overlay<net::EthernetHeader>(frame, 0).ether_type() == net::EtherType::kIpv4
             ? net::IpAddress(Overlay<net::Ipv4Header>(frame, 14).source)
             : Overlay<net::Ipv6Header>(frame, 14).source;
}

TEST_F(IcmpErrorTest, ToTheWireComesFromTheUplinksAddress) {
  ASSERT_EQ(Provoke(UdpV4(9, "198.18.0.1", "10.0.0.10"), kUplink, IcmpError::kTooBig, 1400),
            Verdict::DropAnswer(kReason));
  EXPECT_EQ(SourceOf(frame_), Ip("192.0.2.1"));
  EXPECT_EQ(Overlay<net::EthernetHeader>(frame_, 0).source, kUplinkMac);
  EXPECT_EQ(egress_, kUplink);
  Provoke(UdpV6(9, "2001:db8:1::1", "fd00::10"), kUplink, IcmpError::kTooBig, 1400);
  EXPECT_EQ(SourceOf(frame_), Ip("2001:db8::1"));
}

TEST_F(IcmpErrorTest, LinkLocalSourcesDoNotLeaveTheNode) {
  switch_.entries[kUplink.value()].addresses = {{Ip("fe80::30"), 64}};
  switch_.Publish();
  Provoke(UdpV6(9, "2001:db8:1::1", "fd00::10"), kUplink, IcmpError::kTooBig, 1400);
  EXPECT_EQ(SourceOf(frame_), Ip("fd00::10"));
  Provoke(UdpV4(9, "198.18.0.1", "10.0.0.10"), kUplink, IcmpError::kTooBig, 1400);
  EXPECT_EQ(SourceOf(frame_), Ip("10.0.0.10"));
  // The host forwards for others: only its own addresses may see the gateway's.
  Provoke(UdpV4(9, "10.0.0.11", "10.0.0.10"), kHost, IcmpError::kTooBig, 1400);
  EXPECT_EQ(SourceOf(frame_), Ip("10.0.0.10"));
  Provoke(UdpV4(9, "198.18.0.1", "10.0.0.10"), kHost, IcmpError::kTooBig, 1400);
  EXPECT_EQ(SourceOf(frame_), Ip("10.0.0.10"));
}

TEST_F(IcmpErrorTest, APortsOwnAddressComesFirst) {
  switch_.entries[kPod.value()].addresses = {{Ip("10.0.0.1"), 24}};
  switch_.Publish();
  Provoke(UdpV4(9), kPod, IcmpError::kTimeExceeded);
  EXPECT_EQ(SourceOf(frame_), Ip("10.0.0.1"));
}

// --- None about these

TEST_F(IcmpErrorTest, NoneAboutGroupsOrSourcesThatAreNoSingleHost) {
  const auto expect_none = [&](const Bytes& frame, const char* what) {
    EXPECT_EQ(Provoke(frame, kPod, IcmpError::kTooBig, 1400), Verdict::Drop(kReason)) << what;
    EXPECT_EQ(frame_, frame) << what;
  };
  for (const char* from : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"}) {
    expect_none(UdpV4(9, from), from);
  }
  for (const char* from : {"::", "::1", "ff02::1"}) {
    expect_none(UdpV6(9, from), from);
  }
  expect_none(UdpV4(9, "10.0.0.10", "224.0.0.1"), "IPv4 multicast");
  expect_none(UdpV4(9, "10.0.0.10", "255.255.255.255"), "broadcast");
  expect_none(UdpV6(9, "fd00::10", "ff02::1"), "IPv6 multicast");
  Bytes frame = UdpV4(9);
  Overlay<net::EthernetHeader>(frame, 0).destination = net::MacAddress::Broadcast();
  expect_none(frame, "Ethernet broadcast");
  frame = UdpV4(9);
  Overlay<net::EthernetHeader>(frame, 0).source = net::MacAddress::Broadcast();
  expect_none(frame, "Ethernet source is a group");
}

TEST_F(IcmpErrorTest, NoneAboutLaterFragments) {
  Bytes frame = UdpV4(9);
  const auto set_fragment = [&](std::uint16_t bits) {
    Overlay<net::Ipv4Header>(frame, 14).fragment = net::Be16(bits);
    RenewIpv4Checksum(frame);
  };
  set_fragment(100);
  EXPECT_EQ(Provoke(frame, kPod, IcmpError::kTimeExceeded), Verdict::Drop(kReason));
  frame = UdpV4(8);
  set_fragment(net::Ipv4Header::kMoreFragments);
  EXPECT_EQ(Provoke(frame, kPod, IcmpError::kTimeExceeded), Verdict::DropAnswer(kReason));
}

TEST_F(IcmpErrorTest, NoneAboutIcmpErrorsButAboutQueries) {
  const auto v4 = [&](std::uint8_t type) {
    return Provoke(Ipv4Frame(kGatewayMac, kPodMac, V4("10.0.0.10"), V4("198.18.0.1"),
                             IpProtocol::kIcmp, Echo(type, {}), kIcmpChecksumAt),
                   kPod, IcmpError::kTimeExceeded);
  };
  for (const int type : {0, 8, 13, 14}) {
    EXPECT_EQ(v4(static_cast<std::uint8_t>(type)), Verdict::DropAnswer(kReason)) << type;
  }
  for (const int type : {3, 4, 5, 11, 12, 40, 255}) {
    EXPECT_EQ(v4(static_cast<std::uint8_t>(type)), Verdict::Drop(kReason)) << type;
  }
  const auto v6 = [&](std::uint8_t type) {
    return Provoke(Ipv6Frame(kGatewayMac, kPodMac, V6("fd00::10"), V6("2001:db8:1::1"),
                             IpProtocol::kIcmpv6, Echo(type, {}), kIcmpChecksumAt),
                   kPod, IcmpError::kTimeExceeded);
  };
  for (const int type : {128, 129}) {
    EXPECT_EQ(v6(static_cast<std::uint8_t>(type)), Verdict::DropAnswer(kReason)) << type;
  }
  for (const int type : {1, 2, 3, 4, 127, 137}) {
    EXPECT_EQ(v6(static_cast<std::uint8_t>(type)), Verdict::Drop(kReason)) << type;
  }
}

TEST_F(IcmpErrorTest, EachPortHasItsOwnRate) {
  for (unsigned i = 0; i < ErrorRateLimiter::kBurst; ++i) {
    EXPECT_EQ(Provoke(UdpV4(9), kPod, IcmpError::kNoRoute), Verdict::DropAnswer(kReason));
  }
  EXPECT_EQ(Provoke(UdpV4(9), kPod, IcmpError::kNoRoute), Verdict::Drop(kReason));
  EXPECT_EQ(Provoke(UdpV4(9, "10.0.0.11"), kOtherPod, IcmpError::kNoRoute),
            Verdict::DropAnswer(kReason));
  switch_.now = net::Nanos(switch_.now.value() + ErrorRateLimiter::kNanosPerToken);
  EXPECT_EQ(Provoke(UdpV4(9), kPod, IcmpError::kNoRoute), Verdict::DropAnswer(kReason));
  EXPECT_EQ(Provoke(UdpV4(9), kPod, IcmpError::kNoRoute), Verdict::Drop(kReason));
}

}  // namespace
}  // namespace pollux::stages::testing
