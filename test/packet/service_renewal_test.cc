// Connections through services and policies whose circumstances change.
#include <gtest/gtest.h>

#include "test/packet/frames.h"
#include "test/packet/packet_switch.h"

namespace pollux::stages::testing {
namespace {

using net::IpProtocol;
using net::TcpHeader;

constexpr net::MacAddress kThirdMac{{2, 0, 0, 0, 0, 0x12}};

// pod1 is the client of 10.96.0.1; pod2 and a third pod on pod2's port serve it.
class ServiceRenewalTest : public ::testing::Test {
 protected:
  explicit ServiceRenewalTest(const SwitchOptions& options = {}) : switch_(options) {
    switch_.config.endpoints.push_back({.name = "pod3",
                                        .port = kPod2,
                                        .mac = kThirdMac,
                                        .addresses = {Ip("10.0.0.12")},
                                        .open = true,
                                        .pod = ""});
    for (const IpProtocol protocol : {IpProtocol::kUdp, IpProtocol::kTcp}) {
      ServiceConfig& service = protocol == IpProtocol::kUdp ? udp_ : tcp_;
      service = {.name = protocol == IpProtocol::kUdp ? "a/b:udp" : "a/b:tcp",
                 .protocol = protocol,
                 .frontends = {{.ip = Ip("10.96.0.1"), .port = 80}},
                 .backends = {{.ip = Ip("10.0.0.11"), .port = 8080, .local = true},
                              {.ip = Ip("10.0.0.12"), .port = 8080, .local = true}}};
    }
    Publish();
  }

  void Publish() {
    switch_.config.services = {std::make_shared<const ServiceConfig>(udp_),
                               std::make_shared<const ServiceConfig>(tcp_)};
    switch_.Publish();
  }
  // Where a frame of pod1 comes out at pod2's port: the backend's address; empty if it does not.
  std::string Sends(const Bytes& frame) {
    switch_.port(kPod1).Enqueue({frame, {}}, {});
    switch_.Run();
    auto sent = switch_.port(kPod2).TakeSent();
    (void)switch_.port(kPod1).TakeSent();
    return sent.empty()
               ? ""
               : net::IpAddress(Overlay<net::Ipv4Header>(sent[0].bytes, 14).destination).ToString();
  }
  static Bytes Query() {
    return IpFrame({.to = "10.96.0.1"}, IpProtocol::kUdp, Udp(16, 1000, 80), kUdpChecksumAt);
  }
  static Bytes Segment(std::uint8_t flags) {
    Bytes l4 = Tcp(0);
    Overlay<TcpHeader>(l4, 0).flags = flags;
    return IpFrame({.to = "10.96.0.1"}, IpProtocol::kTcp, l4, kTcpChecksumAt);
  }
  void ConnectKnownPods();
  void CloseServers();
  static void Remove(ServiceConfig& service, const std::string& backend) {
    std::erase_if(service.backends,
                  [&](const BackendConfig& b) { return b.ip.ToString() == backend; });
  }
  static std::string OtherThan(const std::string& backend) {
    return backend == "10.0.0.11" ? "10.0.0.12" : "10.0.0.11";
  }
  std::uint64_t Dropped(const std::string& reason) { return switch_.Drops()[reason]; }

  PacketSwitch switch_;
  ServiceConfig udp_;
  ServiceConfig tcp_;
};

TEST_F(ServiceRenewalTest, DatagramsMoveToAnotherBackendAtTheNextPacket) {
  const std::string first = Sends(Query());
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(Sends(Query()), first);
  Remove(udp_, first);
  Publish();
  EXPECT_EQ(Sends(Query()), OtherThan(first));
  EXPECT_EQ(switch_.connections().size(), 1U);
}

TEST_F(ServiceRenewalTest, ABackendThatDrainsKeepsWhatItHas) {
  const std::string first = Sends(Query());
  for (BackendConfig& backend : udp_.backends) {
    backend.draining = backend.ip.ToString() == first;
  }
  Publish();
  EXPECT_EQ(Sends(Query()), first);
}

TEST_F(ServiceRenewalTest, TcpDrainsTowardsABackendThatIsGone) {
  const std::string first = Sends(Segment(TcpHeader::kSyn));
  ASSERT_FALSE(first.empty());
  Remove(tcp_, first);
  Publish();
  EXPECT_EQ(Sends(Segment(TcpHeader::kSyn)), first) << "sent again";
  tcp_.frontends.clear();
  Publish();
  EXPECT_EQ(Sends(Segment(TcpHeader::kSyn)), first) << "even without the service";
}

TEST_F(ServiceRenewalTest, DatagramsEndWithTheService) {
  ASSERT_FALSE(Sends(Query()).empty());
  udp_.frontends.clear();
  tcp_.frontends.clear();
  Publish();
  EXPECT_EQ(Sends(Query()), "");
  EXPECT_EQ(Dropped("no_route"), 1U);
  EXPECT_EQ(switch_.connections().size(), 0U);
}

TEST_F(ServiceRenewalTest, SourceRangesCloseAtTheNextPacket) {
  ASSERT_FALSE(Sends(Segment(TcpHeader::kSyn)).empty());
  tcp_.frontends[0].source_ranges = {net::IpPrefix::Parse("192.0.2.0/24").value()};
  Publish();
  EXPECT_EQ(Sends(Segment(TcpHeader::kSyn)), "");
  EXPECT_EQ(Dropped("service_source"), 1U);
}

TEST_F(ServiceRenewalTest, WhatBecomesAServiceTakesDatagramsFromTheirWay) {
  switch_.config.routes.push_back(
      {.prefix = net::IpPrefix::Parse("10.97.0.0/16").value(), .via = {}, .port = kHost});
  Publish();
  const Bytes query =
      IpFrame({.to = "10.97.0.1"}, IpProtocol::kUdp, Udp(16, 1000, 80), kUdpChecksumAt);
  EXPECT_EQ(Sends(query), "");
  EXPECT_EQ(switch_.port(kHost).TakeSent().size(), 1U);
  udp_.frontends.push_back({.ip = Ip("10.97.0.1"), .port = 80});
  Publish();
  EXPECT_NE(Sends(query), "");
  EXPECT_EQ(switch_.port(kHost).TakeSent().size(), 0U);
}

TEST_F(ServiceRenewalTest, AClientWithAffinityKeepsItsBackendForNewConnections) {
  udp_.affinity_seconds = 100;
  Publish();
  const std::string first = Sends(Query());
  // Whoever Maglev would choose now: the one that was there stays.
  udp_.backends.push_back({.ip = Ip("10.0.0.11"), .port = 9090, .local = true});
  udp_.backends.push_back({.ip = Ip("10.0.0.12"), .port = 9090, .local = true});
  Publish();
  for (std::uint16_t port = 2000; port < 2020; ++port) {
    EXPECT_EQ(
        Sends(IpFrame({.to = "10.96.0.1"}, IpProtocol::kUdp, Udp(16, port, 80), kUdpChecksumAt)),
        first);
  }
}

TEST_F(ServiceRenewalTest, WhoseLastBackendGoesIsRefusedAtTheNextDatagram) {
  ASSERT_NE(Sends(Query()), "");
  udp_.backends.clear();
  Publish();
  for (int i = 0; i < 2; ++i) {
    switch_.port(kPod1).Enqueue({Query(), {}}, {});
    switch_.Run();
    auto sent = switch_.port(kPod1).TakeSent();
    ASSERT_EQ(sent.size(), 1U);
    const auto& icmp = Overlay<net::IcmpHeader>(sent[0].bytes, 34);
    EXPECT_EQ(icmp.type, net::IcmpType::kDestinationUnreachable);
    EXPECT_EQ(icmp.code, 3) << "port unreachable";
  }
  EXPECT_EQ(Dropped("service_no_endpoint"), 2U);
}

// All pods are known, and pod1 has connections to the service.
void ServiceRenewalTest::ConnectKnownPods() {
  for (const std::size_t i : {0U, 1U, 2U}) {
    switch_.config.endpoints[i].pod = "a/" + switch_.config.endpoints[i].name;
    switch_.config.workloads.push_back(std::make_shared<const WorkloadConfig>(
        WorkloadConfig{.name = switch_.config.endpoints[i].pod,
                       .profile = {.name_space = "a",
                                   .namespace_labels = {},
                                   .labels = {{"client", i == 0 ? "yes" : "no"}},
                                   .named_ports = {}},
                       .addresses = {}}));
  }
  Publish();
  ASSERT_NE(Sends(Query()), "");
  ASSERT_NE(Sends(Segment(TcpHeader::kSyn)), "");
}

// By a policy for all but pod1.
void ServiceRenewalTest::CloseServers() {
  const policy::Policy deny{
      .name_space = "a",
      .name = "deny",
      .pods = {{{.key = "client", .op = policy::Operator::kIn, .values = {"no"}}}},
      .ingress = std::vector<policy::Rule>{},
      .egress = {}};
  switch_.config.policies = {std::make_shared<const policy::Policy>(deny)};
  Publish();
}

TEST_F(ServiceRenewalTest, APolicyClosesAndOpensEstablishedConnections) {
  ConnectKnownPods();
  CloseServers();
  EXPECT_EQ(Sends(Query()), "");
  EXPECT_EQ(Sends(Segment(TcpHeader::kSyn)), "");
  EXPECT_EQ(Dropped("policy_ingress"), 2U);
  switch_.config.policies.clear();
  Publish();
  EXPECT_NE(Sends(Query()), "");
}

class KeptConnectionsTest : public ServiceRenewalTest {
 protected:
  KeptConnectionsTest()
      : ServiceRenewalTest({.on_policy_change = OnPolicyChange::kKeepEstablished}) {}
};

TEST_F(KeptConnectionsTest, APolicyClosesNewConnectionsOnly) {
  ConnectKnownPods();
  CloseServers();
  EXPECT_NE(Sends(Query()), "");
  EXPECT_NE(Sends(Segment(TcpHeader::kSyn)), "");
  EXPECT_EQ(Dropped("policy_ingress"), 0U);
  EXPECT_EQ(
      Sends(IpFrame({.to = "10.96.0.1"}, IpProtocol::kUdp, Udp(16, 1001, 80), kUdpChecksumAt)), "");
  EXPECT_EQ(Dropped("policy_ingress"), 1U);
}

}  // namespace
}  // namespace pollux::stages::testing
