// Connections whose circumstances change: what was decided is decided again, and who is not part of
// a connection never becomes part of it.
#include <gtest/gtest.h>

#include "test/packet/frames.h"
#include "test/packet/packet_switch.h"

namespace pollux::stages::testing {
namespace {

using tables::Direction;

class RenewalTest : public ::testing::Test {
 protected:
  // How many frames came out at `to` when `frame` went in at `from`.
  std::size_t Passes(net::PortId from, const Bytes& frame, net::PortId to) {
    switch_.port(from).Enqueue({frame, {}}, {});
    switch_.Run();
    for (const net::PortId port : {kPod1, kPod2, kHost, kUplink}) {
      last_[port] = switch_.port(port).TakeSent();
    }
    return last_[to].size();
  }
  Direction* Find(std::string_view from, std::uint16_t from_port, std::string_view to,
                  std::uint16_t to_port) {
    return switch_.connections().Find({.source = Ip(from),
                                       .destination = Ip(to),
                                       .source_port = net::Be16(from_port),
                                       .destination_port = net::Be16(to_port),
                                       .protocol = net::IpProtocol::kUdp,
                                       .zone = {}});
  }
  EndpointConfig& endpoint(std::size_t index) { return switch_.config.endpoints[index]; }

  PacketSwitch switch_;
  std::map<net::PortId, std::vector<vhost::FakeFrame>> last_;
  const Bytes there_ = UdpFrame();
  const Bytes back_ = IpFrame({.from = "10.0.0.11", .to = "10.0.0.10", .from_mac = kOtherPodMac},
                              net::IpProtocol::kUdp, Udp(64, 53, 1000), kUdpChecksumAt);
};

TEST_F(RenewalTest, CountsEachDirectionExactly) {
  for (unsigned i = 0; i < 100; ++i) {
    ASSERT_EQ(Passes(kPod1, there_, kPod2), 1U);
  }
  ASSERT_EQ(Passes(kPod2, back_, kPod1), 1U);
  const Direction* original = Find("10.0.0.10", 1000, "10.0.0.11", 53);
  const Direction* reply = Find("10.0.0.11", 53, "10.0.0.10", 1000);
  ASSERT_NE(original, nullptr);
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(original->packets.value(), 100U);
  EXPECT_EQ(original->bytes.value(), 100 * there_.size());
  EXPECT_EQ(reply->packets.value(), 1U);
  EXPECT_EQ(reply->bytes.value(), back_.size());
}

TEST_F(RenewalTest, AnEndpointThatIsClosedIsClosedAtTheNextPacket) {
  ASSERT_EQ(Passes(kPod1, there_, kPod2), 1U);
  ASSERT_EQ(Passes(kPod2, back_, kPod1), 1U);
  endpoint(1).open = false;
  switch_.Publish();
  EXPECT_EQ(Passes(kPod1, there_, kPod2), 0U);
  EXPECT_EQ(Passes(kPod2, back_, kPod1), 0U);
  EXPECT_EQ(switch_.Drops(), (std::map<std::string, std::uint64_t>{{"destination_closed", 1},
                                                                   {"endpoint_closed", 1}}));
  EXPECT_EQ(Find("10.0.0.10", 1000, "10.0.0.11", 53), nullptr) << "the connection ended";
  endpoint(1).open = true;
  switch_.Publish();
  EXPECT_EQ(Passes(kPod1, there_, kPod2), 1U);
}

TEST_F(RenewalTest, AChangeOfAnotherEndpointLeavesTheDecisionAlone) {
  ASSERT_EQ(Passes(kPod1, there_, kPod2), 1U);
  const Direction* before = Find("10.0.0.10", 1000, "10.0.0.11", 53);
  switch_.config.endpoints.push_back({.name = "pod3",
                                      .port = kPod2,
                                      .mac = {{2, 0, 0, 0, 0, 0x33}},
                                      .addresses = {Ip("10.0.0.33")}});
  switch_.Publish();
  const core::Epochs::Sum kept = before->freshness;
  EXPECT_EQ(Passes(kPod1, there_, kPod2), 1U);
  EXPECT_EQ(Find("10.0.0.10", 1000, "10.0.0.11", 53), before);
  EXPECT_EQ(before->freshness, kept);
}

TEST_F(RenewalTest, AnEndpointThatMovesTakesItsConnectionsAlong) {
  ASSERT_EQ(Passes(kPod1, there_, kPod2), 1U);
  ASSERT_EQ(Passes(kPod2, back_, kPod1), 1U);
  // pod2's addresses move to the uplink's side: its endpoint goes, a route leads there.
  endpoint(1).mac = {{2, 0, 0, 0, 0, 0x77}};
  switch_.Publish();
  ASSERT_EQ(Passes(kPod1, there_, kPod2), 1U);
  EXPECT_EQ(last_[kPod2].front().bytes, Forwarded(there_, endpoint(1).mac));
  Bytes moved = back_;
  Overlay<net::EthernetHeader>(moved, 0).source = endpoint(1).mac;
  EXPECT_EQ(Passes(kPod2, moved, kPod1), 1U);
  const Direction* original = Find("10.0.0.10", 1000, "10.0.0.11", 53);
  ASSERT_NE(original, nullptr);
  EXPECT_EQ(original->packets.value(), 2U) << "what was counted stays";
}

TEST_F(RenewalTest, AnAddressThatGoesToAnotherPortIsFoundThere) {
  ASSERT_EQ(Passes(kPod1, there_, kPod2), 1U);
  std::erase(endpoint(1).addresses, Ip("10.0.0.11"));
  endpoint(0).addresses.push_back(Ip("10.0.0.11"));
  switch_.Publish();
  EXPECT_EQ(Passes(kPod1, there_, kPod2), 0U);
  EXPECT_EQ(last_[kPod1].size(), 1U) << "the pod talks to itself now";
}

TEST_F(RenewalTest, ALongerPrefixTakesConnectionsOver) {
  const Bytes to_host = UdpFrame({.to = "198.18.0.1"});
  ASSERT_EQ(Passes(kPod1, to_host, kHost), 1U);
  switch_.config.routes.push_back(
      {.prefix = net::IpPrefix::Parse("198.18.0.0/24").value(), .via = {}, .port = kPod2});
  switch_.Publish();
  EXPECT_EQ(Passes(kPod1, to_host, kHost), 0U);
  EXPECT_EQ(last_[kPod2].size(), 1U);
  switch_.config.routes.pop_back();
  switch_.Publish();
  EXPECT_EQ(Passes(kPod1, to_host, kHost), 1U) << "and gives them back";
}

TEST_F(RenewalTest, NobodySpeaksForAPartyOfAConnection) {
  ASSERT_EQ(Passes(kPod1, there_, kPod2), 1U);
  ASSERT_EQ(Passes(kPod2, back_, kPod1), 1U);
  // The very packets of the connection, from where they do not come from.
  EXPECT_EQ(Passes(kPod2, there_, kPod2), 0U);
  EXPECT_EQ(Passes(kUplink, there_, kPod2), 0U);
  Bytes for_uplink = there_;
  Overlay<net::EthernetHeader>(for_uplink, 0).destination = kUplinkMac;
  EXPECT_EQ(Passes(kUplink, for_uplink, kPod2), 0U);
  Bytes from_host = there_;
  Overlay<net::EthernetHeader>(from_host, 0).source = kHostMac;
  EXPECT_EQ(Passes(kHost, from_host, kPod2), 0U);
  EXPECT_EQ(switch_.Drops(), (std::map<std::string, std::uint64_t>{
                                 {"source_mac", 1}, {"uplink_spoof", 2}, {"source_ip", 1}}));
  EXPECT_EQ(Find("10.0.0.10", 1000, "10.0.0.11", 53)->packets.value(), 1U);
}

TEST_F(RenewalTest, AFrameForAnotherMacIsNotForTheConnection) {
  ASSERT_EQ(Passes(kPod1, there_, kPod2), 1U);
  Bytes elsewhere = there_;
  Overlay<net::EthernetHeader>(elsewhere, 0).destination = kOtherPodMac;
  EXPECT_EQ(Passes(kPod1, elsewhere, kPod2), 0U);
  EXPECT_EQ(switch_.Drops(), (std::map<std::string, std::uint64_t>{{"not_for_gateway", 1}}));
}

TEST_F(RenewalTest, ANeighbourThatOnlyKnownConnectionsUseStaysKnown) {
  const Bytes out = UdpFrame({.to = "198.51.100.7"});
  const Bytes reply = ArpFrame({.operation = net::ArpPacket::kReply,
                                .sender = "192.0.2.9",
                                .target = "192.0.2.1",
                                .from_mac = kRouterMac,
                                .to_mac = kUplinkMac,
                                .target_mac = kUplinkMac});
  EXPECT_EQ(Passes(kPod1, out, kUplink), 1U) << "the question";
  EXPECT_EQ(Passes(kUplink, reply, kUplink), 1U) << "the packet that waited";
  for (unsigned second = 0; second < 40; ++second) {
    switch_.Advance(1000);
    EXPECT_GE(Passes(kPod1, out, kUplink), 1U);
    if (second % 31 == 30) {
      EXPECT_EQ(Passes(kUplink, reply, kUplink), 0U) << "it was asked whether it is still there";
    }
  }
  EXPECT_EQ(switch_.Drops(), (std::map<std::string, std::uint64_t>{}));
}

}  // namespace
}  // namespace pollux::stages::testing
