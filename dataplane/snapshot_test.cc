#include "dataplane/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "vhost/fake_port.h"

namespace pollux {
namespace {

using ::testing::HasSubstr;
using vhost::FakePort;

constexpr net::MacAddress kGatewayMac = {{2, 0, 0, 0, 0, 1}};
constexpr net::MacAddress kPodMac = {{2, 0, 0, 0, 0, 0x10}};
constexpr net::MacAddress kSecondMac = {{2, 0, 0, 0, 0, 0x11}};
constexpr net::MacAddress kUplinkMac = {{2, 0, 0, 0, 0, 0x30}};
constexpr net::MacAddress kDeviceMac = {{2, 0, 0, 0, 0, 0x31}};
constexpr net::PortId kPod{1};
constexpr net::PortId kUplink{4};

net::IpAddress Ip(const char* text) { return net::IpAddress::Parse(text).value(); }
net::IpPrefix Prefix(const char* text) { return net::IpPrefix::Parse(text).value(); }

core::PortSpec UplinkSpec() {
  core::PortSpec spec;
  spec.name = "uplink";
  spec.role = core::PortRole::kUplink;
  spec.mac = kUplinkMac;
  spec.mtu = 9000;
  spec.addresses = {{Ip("2001:db8::1"), 64}, {Ip("192.0.2.1"), 24}, {Ip("192.0.2.2"), 24}};
  return spec;
}

class SnapshotTest : public ::testing::Test {
 protected:
  std::unique_ptr<tables::Tables> Build() {
    EXPECT_TRUE(CheckForwarding(config_, views_).ok());
    for (const PortView& view : views_) {
      book_.AdmitPort(view.port->id());
    }
    EXPECT_TRUE(book_.Admit(config_).ok());
    return BuildTables(config_, views_, book_, kGatewayMac, neighbours_, net::Revision{7});
  }

  core::Epochs epochs_{64};
  AdjacencyIds adjacencies_;
  ObjectBook book_{epochs_, adjacencies_};
  FakePort pod_{kPod};
  FakePort uplink_{kUplink, UplinkSpec()};
  std::vector<PortView> views_ = {{&pod_, {}}, {&uplink_, {}}};
  const std::shared_ptr<const tables::NeighbourTable> neighbours_ =
      std::make_shared<const tables::NeighbourTable>();
  ForwardingConfig config_{
      .endpoints = {{.name = "one",
                     .port = kPod,
                     .mac = kPodMac,
                     .addresses = {Ip("10.0.0.10"), Ip("fd00::10")}},
                    {.name = "two",
                     .port = kPod,
                     .mac = kSecondMac,
                     .addresses = {Ip("10.0.0.11")},
                     .open = false}},
      .routes = {{.prefix = Prefix("0.0.0.0/0"), .via = Ip("192.0.2.9"), .port = kUplink},
                 {.prefix = Prefix("192.0.2.0/24"), .via = {}, .port = kUplink}}};
};

TEST_F(SnapshotTest, PortsAreSeenByTheirRole) {
  const auto tables = Build();
  const tables::PortEntry& pod = (*tables->ports)[kPod];
  EXPECT_EQ(pod.port, &pod_);
  EXPECT_EQ(pod.local_mac, kGatewayMac) << "pods see the gateway";
  EXPECT_EQ(pod.endpoint_macs, (std::vector{kPodMac, kSecondMac}));
  const tables::PortEntry& uplink = (*tables->ports)[kUplink];
  EXPECT_EQ(uplink.local_mac, kUplinkMac) << "the wire sees the device";
  EXPECT_EQ(uplink.mtu, 9000);
  EXPECT_EQ(uplink.addresses, UplinkSpec().addresses);
  EXPECT_EQ(net::IpAddress(uplink.local_v4), Ip("192.0.2.1"));
  EXPECT_EQ(net::IpAddress(uplink.local_v6), Ip("2001:db8::1"));
  EXPECT_TRUE(uplink.endpoint_macs.empty());
  EXPECT_EQ((*tables->ports)[net::PortId(2)].port, nullptr);
}

TEST_F(SnapshotTest, TheDevicesOwnAddressWins) {
  views_[1].mac = kDeviceMac;
  EXPECT_EQ((*Build()->ports)[kUplink].local_mac, kDeviceMac);
  EXPECT_EQ((*Build()->ports)[kUplink].peer_mac, kDeviceMac);
}

TEST_F(SnapshotTest, EndpointsAndRoutesAreFound) {
  const auto tables = Build();
  EXPECT_EQ(tables->revision, net::Revision{7});
  EXPECT_EQ(tables->neighbours, neighbours_) << "shared, not copied";
  const tables::Endpoint* one = tables->endpoints->Find(Ip("fd00::10"));
  const tables::Endpoint* two = tables->endpoints->Find(Ip("10.0.0.11"));
  ASSERT_TRUE(one != nullptr && two != nullptr);
  EXPECT_EQ(one, tables->endpoints->Find(Ip("10.0.0.10")));
  EXPECT_EQ(one->mac, kPodMac);
  EXPECT_TRUE(one->open);
  EXPECT_FALSE(two->open);
  EXPECT_EQ(tables->routes->Find(Ip("198.51.100.1"))->via, Ip("192.0.2.9"));
  EXPECT_FALSE(tables->routes->Find(Ip("192.0.2.77"))->has_via);
  EXPECT_EQ(tables->routes->Find(Ip("fd00::99")), nullptr);
}

TEST_F(SnapshotTest, AReplacedEndpointLeavesNothingBehind) {
  Build();
  config_.endpoints.front() = {
      .name = "one", .port = kPod, .mac = kSecondMac, .addresses = {Ip("10.0.0.12")}};
  const auto tables = Build();
  EXPECT_EQ(tables->endpoints->Find(Ip("10.0.0.10")), nullptr);
  EXPECT_EQ(tables->endpoints->Find(Ip("10.0.0.12"))->mac, kSecondMac);
  EXPECT_EQ((*tables->ports)[kPod].endpoint_macs, (std::vector{kSecondMac, kSecondMac}));
}

struct BadRow {
  const char* message;
  std::function<void(ForwardingConfig&)> spoil;
};

TEST_F(SnapshotTest, WhatIsRefusedNamesObjectAndField) {
  const auto address = [](const char* text) {
    return [=](ForwardingConfig& c) { c.endpoints[0].addresses.push_back(Ip(text)); };
  };
  const BadRow rows[] = {
      {"endpoint one: port: no such port", [](auto& c) { c.endpoints[0].port = net::PortId(2); }},
      {"endpoint one: mac: 00:00:00:00:00:00", [](auto& c) { c.endpoints[0].mac = {}; }},
      {"endpoint one: mac: ff:ff",
       [](auto& c) { c.endpoints[0].mac = net::MacAddress::Broadcast(); }},
      {"endpoint one: ip: 0.0.0.0 ", address("0.0.0.0")},
      {"endpoint one: ip: 127.0.0.1 ", address("127.0.0.1")},
      {"endpoint one: ip: 224.0.0.1 ", address("224.0.0.1")},
      {"endpoint one: ip: 255.255.255.255 ", address("255.255.255.255")},
      {"endpoint one: ip: 169.254.1.1 ", address("169.254.1.1")},
      {"endpoint one: ip: :: ", address("::")},
      {"endpoint one: ip: ::1 ", address("::1")},
      {"endpoint one: ip: ff02::1 ", address("ff02::1")},
      {"endpoint one: ip: fe80::1 ", address("fe80::1")},
      {"endpoint two: ip: 10.0.0.11 belongs to endpoint one", address("10.0.0.11")},
      {"endpoint one: ip: 10.0.0.10 belongs to endpoint one", address("10.0.0.10")},
      {"route 0.0.0.0/0: port: no such port", [](auto& c) { c.routes[0].port = net::PortId(9); }},
      {"route 0.0.0.0/0: via: fd00::9 is of the other family",
       [](auto& c) { c.routes[0].via = Ip("fd00::9"); }},
  };
  for (const BadRow& row : rows) {
    ForwardingConfig config = config_;
    row.spoil(config);
    const absl::Status status = CheckForwarding(config, views_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << row.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.message));
  }
}

}  // namespace
}  // namespace pollux
