#include "dataplane/stages/local_address.h"

#include <gtest/gtest.h>

#include "dataplane/stages/step_test_support.h"

namespace pollux::stages::testing {
namespace {

std::string TextOf(Claim claim) {
  switch (claim) {
    case Claim::kNone:
      return "none";
    case Claim::kEndpoint:
      return "endpoint";
    case Claim::kOwn:
      return "own";
    case Claim::kProxy:
      return "proxy";
  }
  return "unknown";
}

struct ClaimRow {
  net::PortId port;
  const char* address;
  const char* claim;
};

TEST(LocalAddress, Claims) {
  const ClaimRow rows[] = {
      {kPod, "169.254.1.1", "own"},     {kPod, "fe80::1", "own"},
      {kPod, "10.0.0.10", "endpoint"},  {kPod, "fd00::10", "endpoint"},
      {kPod, "10.0.0.11", "proxy"},     {kPod, "10.9.9.9", "proxy"},
      {kPod, "2001:db8::1", "proxy"},   {kPod, "192.0.2.1", "proxy"},
      {kPod, "169.254.7.7", "proxy"},   {kPod, "fe80::7", "none"},
      {kHost, "169.254.1.1", "own"},    {kHost, "10.0.0.10", "proxy"},
      {kUplink, "192.0.2.1", "own"},    {kUplink, "2001:db8::1", "own"},
      {kUplink, "169.254.1.1", "none"}, {kUplink, "fe80::1", "none"},
      {kUplink, "192.0.2.50", "proxy"}, {kUplink, "2001:db8::50", "proxy"},
      {kUplink, "192.0.2.51", "none"},  {kUplink, "10.0.0.10", "none"},
  };
  SmallSwitch small;
  for (const ClaimRow& row : rows) {
    const Context ctx = small.ContextOf(row.port);
    EXPECT_EQ(TextOf(ClaimOf(ctx, Ip(row.address))), row.claim)
        << row.address << " on port " << row.port.value();
  }
}

TEST(LocalAddress, SourceTowardsATarget) {
  tables::PortEntry uplink;
  uplink.role = core::PortRole::kUplink;
  EXPECT_EQ(SourceTowards(uplink, Ip("192.0.2.9")), std::nullopt);
  uplink.addresses = {{Ip("198.51.100.1"), 24}, {Ip("192.0.2.1"), 24}, {Ip("2001:db8::1"), 64}};
  EXPECT_EQ(SourceTowards(uplink, Ip("192.0.2.9")), Ip("192.0.2.1"));
  EXPECT_EQ(SourceTowards(uplink, Ip("10.0.0.1")), Ip("198.51.100.1"));
  EXPECT_EQ(SourceTowards(uplink, Ip("2001:db8:9::9")), Ip("2001:db8::1"));
  EXPECT_TRUE(IsOnLink(uplink, Ip("192.0.2.255")));
  EXPECT_FALSE(IsOnLink(uplink, Ip("192.0.3.0")));
  EXPECT_FALSE(IsOnLink(uplink, Ip("2001:db8:0:1::")));

  const tables::PortEntry pod;
  EXPECT_EQ(SourceTowards(pod, Ip("10.0.0.1")), Ip("169.254.1.1"));
  EXPECT_EQ(SourceTowards(pod, Ip("fd00::1")), Ip("fe80::1"));
}

TEST(LocalAddress, HostSources) {
  for (const char* good : {"10.0.0.1", "169.254.3.3", "223.255.255.255", "fd00::1", "fe80::5"}) {
    EXPECT_TRUE(IsHostSource(Ip(good))) << good;
  }
  for (const char* bad : {"0.0.0.0", "127.1.2.3", "224.0.0.0", "239.1.1.1", "240.0.0.1",
                          "255.255.255.255", "::", "::1", "ff02::1"}) {
    EXPECT_FALSE(IsHostSource(Ip(bad))) << bad;
  }
}

}  // namespace
}  // namespace pollux::stages::testing
