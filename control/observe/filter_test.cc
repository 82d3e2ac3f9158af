#include "control/observe/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace pollux::control {
namespace {

using core::StepId;
using testing::HasSubstr;
using testing::StartsWith;

Snapshot WithPorts() {
  Snapshot snapshot;
  snapshot.installed.ids = {{"web", net::PortId{3}}, {"db", net::PortId{4}}};
  snapshot.installed.failures["broken"] = {};
  return snapshot;
}

using Fill = std::function<void(api::ObservationFilter&)>;
absl::StatusOr<core::ObservationFilter> Read(const Fill& fill) {
  api::ObservationFilter proto;
  fill(proto);
  return FromProto(proto, WithPorts());
}

TEST(Filter, NothingGivenMatchesEverything) {
  const auto filter = Read([](auto&) {});
  ASSERT_TRUE(filter.ok());
  EXPECT_EQ(filter->steps, 0);
  EXPECT_EQ(filter->port, net::kNoPort);
  EXPECT_FALSE(filter->source || filter->destination || filter->host || filter->protocol);
  EXPECT_EQ(filter->l4_port, 0);
  EXPECT_FALSE(filter->drops_only);
  EXPECT_EQ(filter->reason, core::DropReason::kNone);
}

TEST(Filter, EveryFieldIsTakenOver) {
  const auto filter = Read([](auto& proto) {
    proto.add_step("parse");
    proto.add_step("send");
    proto.set_port("db");
    proto.set_source("10.1.0.0/16");
    proto.set_destination("10.2.0.1");
    proto.set_host("fd00::/64");
    proto.set_protocol("sctp");
    proto.set_l4_port(65535);
    proto.set_drops(true);
    proto.set_reason("source_ip");
  });
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->steps, 1U << static_cast<unsigned>(StepId::kParse) |
                               1U << static_cast<unsigned>(StepId::kSend));
  EXPECT_EQ(filter->port, net::PortId{4});
  EXPECT_EQ(filter->source->ToString(), "10.1.0.0/16");
  EXPECT_TRUE(filter->destination->is_host());
  EXPECT_EQ(filter->host->ToString(), "fd00::/64");
  EXPECT_EQ(filter->protocol, net::IpProtocol::kSctp);
  EXPECT_EQ(filter->l4_port, 65535);
  EXPECT_TRUE(filter->drops_only);
  EXPECT_EQ(filter->reason, core::DropReason::kSourceIp);
}

TEST(Filter, ProtocolsHaveNamesAndNumbers) {
  const std::pair<const char*, int> rows[] = {{"tcp", 6},     {"udp", 17},   {"icmp", 1},
                                              {"icmpv6", 58}, {"sctp", 132}, {"89", 89},
                                              {"0", 0},       {"255", 255}};
  for (const auto& [text, number] : rows) {
    const auto filter = Read([name = text](auto& proto) { proto.set_protocol(name); });
    ASSERT_TRUE(filter.ok()) << filter.status();
    EXPECT_EQ(static_cast<int>(filter->protocol.value()), number) << text;
  }
}

TEST(Filter, WhatIsWrongIsNamedWithWhatItMayBe) {
  struct Row {
    std::string begins;
    std::string contains;
    Fill fill;
    absl::StatusCode code = absl::StatusCode::kInvalidArgument;
  };
  const std::string no_prefix = "is neither an IP address nor a prefix such as 10.0.0.0/8";
  const Row rows[] = {
      {"filter.step[1]: \"rout\" is none of ",
       "receive, parse, find_connection, source_guard, track, service,",
       [](auto& proto) {
         proto.add_step("route");
         proto.add_step("rout");
       }},
      {"filter.port: there is no port \"nix\"", "", [](auto& proto) { proto.set_port("nix"); },
       absl::StatusCode::kNotFound},
      {"filter.port: the switch could not make port \"broken\"", "",
       [](auto& proto) { proto.set_port("broken"); }, absl::StatusCode::kNotFound},
      {"filter.source: \"10.0.0.300\" ", no_prefix,
       [](auto& proto) { proto.set_source("10.0.0.300"); }},
      {"filter.destination: \"10.0.0.0/33\" ", no_prefix,
       [](auto& proto) { proto.set_destination("10.0.0.0/33"); }},
      {"filter.host: \"web\" ", no_prefix, [](auto& proto) { proto.set_host("web"); }},
      {"filter.protocol: \"tpc\" is none of ", "tcp, udp, icmp, icmpv6, sctp, a number up to 255",
       [](auto& proto) { proto.set_protocol("tpc"); }},
      {"filter.protocol: \"256\" ", "", [](auto& proto) { proto.set_protocol("256"); }},
      {"filter.protocol: \"-1\" ", "", [](auto& proto) { proto.set_protocol("-1"); }},
      {"filter.l4_port: 65536 ", "", [](auto& proto) { proto.set_l4_port(65536); }},
      {"filter.reason: \"none\" is none of ", "source_ip",
       [](auto& proto) { proto.set_reason("none"); }},
      {"filter.reason: \"x\\n", "dest_full", [](auto& proto) { proto.set_reason("x\n"); }},
  };
  for (const Row& row : rows) {
    const auto filter = Read(row.fill);
    ASSERT_FALSE(filter.ok()) << row.begins;
    EXPECT_EQ(filter.status().code(), row.code);
    EXPECT_THAT(std::string(filter.status().message()), StartsWith(row.begins));
    EXPECT_THAT(std::string(filter.status().message()), HasSubstr(row.contains));
  }
}

}  // namespace
}  // namespace pollux::control
