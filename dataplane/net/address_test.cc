#include "dataplane/net/address.h"

#include <gtest/gtest.h>

namespace pollux::net {
namespace {

struct TextRow {
  const char* text;
  const char* printed;
};

TEST(Address, Ipv6IsPrintedAsRfc5952Says) {
  const TextRow rows[] = {
      {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
      {"2001:DB8::ABCD", "2001:db8::abcd"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"::", "::"},
      {"::1", "::1"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"fe80::", "fe80::"},
      {"1::8", "1::8"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"2001:db8::192.0.2.1", "2001:db8::c000:201"},
  };
  for (const TextRow& row : rows) {
    const auto address = Ipv6Address::Parse(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(address->ToString(), row.printed) << row.text;
    EXPECT_EQ(Ipv6Address::Parse(row.printed), address) << row.printed;
    EXPECT_EQ(IpAddress::Parse(row.text), IpAddress(*address));
  }
}

TEST(Address, Ipv4LiesInNetworkOrder) {
  const auto address = Ipv4Address::Parse("192.0.2.7");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->host(), 0xc0000207U);
  EXPECT_EQ(address->ToString(), "192.0.2.7");
  EXPECT_EQ(IpAddress(*address).bytes()[0], 192);
  EXPECT_EQ(IpAddress(*address).bytes()[3], 7);
  EXPECT_EQ(IpAddress(*address).v4(), *address);
  EXPECT_LT(*Ipv4Address::Parse("9.255.255.255"), *Ipv4Address::Parse("10.0.0.0"));
}

TEST(Address, DoubtfulTextIsRefused) {
  using std::string_view_literals::operator""sv;
  for (const auto text :
       {""sv,
        " "sv,
        "1.2.3"sv,
        "1.2.3.4.5"sv,
        "1.2.3.256"sv,
        "1.2.3.04"sv,
        "01.2.3.4"sv,
        "1.2.3.4 "sv,
        " 1.2.3.4"sv,
        "0x1.2.3.4"sv,
        "1.2.3.-4"sv,
        "16909060"sv,
        "1.2.3.4\0"sv,
        "1.2.3.4\0junk"sv,
        ":"sv,
        ":::"sv,
        "1::2::3"sv,
        "1:2:3:4:5:6:7"sv,
        "1:2:3:4:5:6:7:8:9"sv,
        "12345::"sv,
        "g::"sv,
        "fe80::1%eth0"sv,
        "[::1]"sv,
        "::1\0"sv,
        "::1/128"sv,
        "1111:2222:3333:4444:5555:6666:123.123.123.123xxxxxxxxxxxxxxxxxxxxxx"sv}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
}

TEST(Address, Macs) {
  const auto mac = MacAddress::Parse("02:00:5E:10:ab:0f");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->ToString(), "02:00:5e:10:ab:0f");
  EXPECT_FALSE(mac->is_group());
  EXPECT_TRUE(MacAddress::Parse("ff:ff:ff:ff:ff:ff")->is_broadcast());
  EXPECT_TRUE(MacAddress::Parse("33:33:00:00:00:01")->is_group());
  for (const char* text : {"", "02:00:5e:10:ab", "02:00:5e:10:ab:0f:00", "02-00-5e-10-ab-0f",
                           "2:00:5e:10:ab:0ff", "02:00:5e:10:ab:0g", "02:00:5e:10:ab:-f",
                           "02:00:5e:10:ab: f", "02005e10ab0f.....", "02:00:5e:10:ab:0x"}) {
    EXPECT_FALSE(MacAddress::Parse(text)) << text;
  }
}

TEST(Address, Prefixes) {
  for (const TextRow& row : {TextRow{"10.0.0.0/8", "10.0.0.0/8"}, TextRow{"0.0.0.0/0", "0.0.0.0/0"},
                             TextRow{"10.1.2.3", "10.1.2.3/32"}, TextRow{"::/0", "::/0"},
                             TextRow{"fd00::/64", "fd00::/64"}, TextRow{"fd00::1", "fd00::1/128"},
                             TextRow{"192.0.2.128/25", "192.0.2.128/25"}}) {
    const auto prefix = IpPrefix::Parse(row.text);
    ASSERT_TRUE(prefix) << row.text;
    EXPECT_EQ(prefix->ToString(), row.printed);
  }
  for (const char* text :
       {"10.0.0.1/8", "fd00::1/64", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1",
        "10.0.0.0/8x", "10.0.0.0/256", "/8", "10.0.0.0/8/8", "10.0.0.0/ 8", "10.0.0.0/+8"}) {
    EXPECT_FALSE(IpPrefix::Parse(text)) << text;
  }
}

struct ContainsRow {
  const char* prefix;
  const char* address;
  bool contains;
};

TEST(Address, PrefixContains) {
  const ContainsRow rows[] = {
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"0.0.0.0/0", "255.1.2.3", true},
      {"0.0.0.0/0", "::", false},
      {"::/0", "0.0.0.0", false},
      {"192.0.2.6/31", "192.0.2.7", true},
      {"192.0.2.6/31", "192.0.2.8", false},
      {"192.0.2.6/32", "192.0.2.7", false},
      {"fd00::/65", "fd00::7fff:0:0:1", true},
      {"fd00::/65", "fd00::8000:0:0:1", false},
      {"fd00::8/125", "fd00::f", true},
      {"fd00::8/125", "fd00::10", false},
  };
  for (const ContainsRow& row : rows) {
    EXPECT_EQ(IpPrefix::Parse(row.prefix)->Contains(*IpAddress::Parse(row.address)), row.contains)
        << row.prefix << ' ' << row.address;
  }
  EXPECT_EQ(IpPrefix(*IpAddress::Parse("10.1.2.3"), 99).length(), 32U);
}

TEST(Address, InterfaceAddressesKeepTheirHostBits) {
  const auto address = InterfaceAddress::Parse("192.0.2.7/24");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->ToString(), "192.0.2.7/24");
  EXPECT_EQ(address->subnet().ToString(), "192.0.2.0/24");
  EXPECT_EQ(InterfaceAddress::Parse("fd00::7")->ToString(), "fd00::7/128");
  EXPECT_FALSE(InterfaceAddress::Parse("192.0.2.7/33"));
}

struct KindRow {
  const char* address;
  bool loopback, link_local, multicast;
};

TEST(Address, Kinds) {
  const KindRow rows[] = {
      {"127.0.0.0", true, false, false},
      {"127.255.255.255", true, false, false},
      {"128.0.0.0", false, false, false},
      {"169.254.0.0", false, true, false},
      {"169.255.0.0", false, false, false},
      {"224.0.0.0", false, false, true},
      {"239.255.255.255", false, false, true},
      {"240.0.0.0", false, false, false},
      {"::1", true, false, false},
      {"::2", false, false, false},
      {"fe80::", false, true, false},
      {"febf::1", false, true, false},
      {"fec0::", false, false, false},
      {"ff02::1", false, false, true},
  };
  for (const KindRow& row : rows) {
    const IpAddress ip = *IpAddress::Parse(row.address);
    const auto check = [&](const auto& a) {
      EXPECT_EQ(a.is_loopback(), row.loopback) << row.address;
      EXPECT_EQ(a.is_link_local(), row.link_local) << row.address;
      EXPECT_EQ(a.is_multicast(), row.multicast) << row.address;
    };
    ip.is_v4() ? check(ip.v4()) : check(ip.v6());
  }
}

TEST(Address, Groups) {
  const Ipv6Address target = *Ipv6Address::Parse("fd00::ab12:cdef");
  EXPECT_EQ(Ipv6Address::SolicitedNode(target).ToString(), "ff02::1:ff12:cdef");
  EXPECT_EQ(MulticastMac(Ipv6Address::SolicitedNode(target)).ToString(), "33:33:ff:12:cd:ef");
  EXPECT_EQ(Ipv6Address::AllNodes().ToString(), "ff02::1");
}

}  // namespace
}  // namespace pollux::net
