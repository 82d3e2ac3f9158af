#include "control/observe/explain.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "control/observe/test_switch.h"

namespace pollux::control {
namespace {

using testing::StartsWith;

class ExplainMessages : public testing::Test {
 protected:
  ExplainMessages() {
    snapshot_.revision = net::Revision{8};
    snapshot_.installed.ids = {{"web", net::PortId{3}}, {"db", net::PortId{4}}};
  }
  absl::Status Ask(const std::string& source, const std::string& destination,
                   const std::string& port = "") {
    api::ExplainRequest request;
    request.set_source(source);
    request.set_destination(destination);
    request.set_port(port);
    return Explain(request, snapshot_, switch_, &reply_);
  }

  Snapshot snapshot_;
  TestSwitch switch_;
  api::ExplainReply reply_;
};

TEST_F(ExplainMessages, TheQuestionIsPassedOn) {
  ASSERT_TRUE(Ask("10.1.0.1", "10.1.0.2", "db").ok());
  EXPECT_EQ(switch_.asked.ingress, net::PortId{4});
  EXPECT_EQ(switch_.asked.tuple.source.ToString(), "10.1.0.1");
  EXPECT_EQ(switch_.asked.tuple.destination.ToString(), "10.1.0.2");
  ASSERT_TRUE(Ask("fd00::1", "fd00::2").ok());
  EXPECT_EQ(switch_.asked.ingress, net::kNoPort);
}

TEST_F(ExplainMessages, WhatIsFoundIsTold) {
  struct Row {
    core::Verdict verdict;
    std::string told;
    std::string reason;
  };
  const Row rows[] = {
      {core::Verdict::Continue(), "allow", ""},
      {core::Verdict::Send(), "allow", ""},
      {core::Verdict::Consumed(), "allow", ""},
      {core::Verdict::Drop(core::DropReason::kSourceIp), "drop", "source_ip"},
      {core::Verdict::DropAnswer(core::DropReason::kNoRoute), "drop", "no_route"},
      {core::Verdict::Drop(core::DropReason::kPolicyEgress), "deny", "policy_egress"},
      {core::Verdict::Drop(core::DropReason::kPolicyIngress), "deny", "policy_ingress"},
      {core::Verdict::DropAnswer(core::DropReason::kServiceNoEndpoint), "reject",
       "service_no_endpoint"},
      {core::Verdict::Drop(core::DropReason::kServiceSource), "drop", "service_source"},
  };
  for (const Row& row : rows) {
    switch_.explanation = Explanation{.revision = net::Revision{7},
                                      .verdict = row.verdict,
                                      .ingress = net::PortId{3},
                                      .egress = net::PortId{9},
                                      .steps = {{core::StepId::kRoute, "there"}}};
    reply_.Clear();
    ASSERT_TRUE(Ask("10.1.0.1", "10.1.0.2").ok());
    EXPECT_EQ(reply_.revision(), 7) << "of the tables that were asked";
    ASSERT_EQ(reply_.items_size(), 1);
    const api::Explanation& item = reply_.items(0);
    EXPECT_EQ(item.verdict(), row.told);
    EXPECT_EQ(item.reason(), row.reason);
    EXPECT_EQ(item.ingress(), "web");
    EXPECT_EQ(item.egress(), "#9");
    ASSERT_EQ(item.steps_size(), 1);
    EXPECT_EQ(item.steps(0).step(), "route");
    EXPECT_EQ(item.steps(0).text(), "there");
  }
}

TEST_F(ExplainMessages, WhatIsWrongIsNamed) {
  using enum absl::StatusCode;
  struct Row {
    std::string source, destination, port, begins;
    absl::StatusCode code;
  };
  const Row rows[] = {
      {"", "10.1.0.2", "", "source: \"\" is neither an IP address nor", kInvalidArgument},
      {"10.1.0.1/32", "10.1.0.2", "", "source: there is no pod or service \"10.1.0.1/32\"",
       kNotFound},
      {"10.1.0.1", "web", "", "destination: \"web\" is neither", kInvalidArgument},
      {"10.1.0.1", "fd00::2", "", "destination: fd00::2 is of another family than 10.1.0.1",
       kInvalidArgument},
      {"10.1.0.1", "10.1.0.2", "nix", "port: there is no port \"nix\"", kNotFound},
  };
  for (const Row& row : rows) {
    const absl::Status status = Ask(row.source, row.destination, row.port);
    EXPECT_EQ(status.code(), row.code);
    EXPECT_THAT(std::string(status.message()), StartsWith(row.begins));
  }
}

TEST_F(ExplainMessages, NamesStandForAddressesOfOneFamily) {
  Forwarding& forwarding = snapshot_.desired.forwarding;
  forwarding.endpoints["web"] = {
      .name = "web",
      .port = "web",
      .mac = {},
      .addresses = {*net::IpAddress::Parse("10.1.0.1"), *net::IpAddress::Parse("fd00::1")},
      .pod = "shop/web"};
  Workload workload;
  workload.config = std::make_shared<const WorkloadConfig>(WorkloadConfig{
      .name = "shop/far", .profile = {}, .addresses = {*net::IpAddress::Parse("10.2.0.1")}});
  forwarding.workloads["shop/far"] = workload;
  Service service;
  service.config = std::make_shared<const ServiceConfig>(
      ServiceConfig{.name = "shop/db:sql",
                    .protocol = net::IpProtocol::kUdp,
                    .frontends = {{.ip = *net::IpAddress::Parse("fd00:96::1"), .port = 5432}}});
  forwarding.services["shop/db:sql"] = service;
  const struct {
    const char* source;
    const char* destination;
    const char* protocol;
    std::uint32_t port;
    const char* asked;  // or how the error begins
  } rows[] = {
      {"web", "10.1.0.2", "", 0, "10.1.0.1 > 10.1.0.2 protocol 1"},
      {"shop/web", "fd00::2", "icmp", 0, "fd00::1 > fd00::2 protocol 58"},
      {"shop/web", "shop/far", "tcp", 80, "10.1.0.1 > 10.2.0.1 protocol 6 port 80"},
      {"shop/web", "shop/db", "udp", 5432, "fd00::1 > fd00:96::1 protocol 17 port 5432"},
      {"shop/web", "shop/db:sql", "udp", 5432, "fd00::1 > fd00:96::1 protocol 17 port 5432"},
      {"shop/web", "shop/db:x", "udp", 5432, "destination: there is no pod or service"},
      {"shop/web", "shop/db", "tcp", 5432, "destination: there is no pod or service"},
      {"shop/far", "shop/db", "udp", 5432, "destination: fd00:96::1 is of another family"},
      {"web", "10.1.0.2", "icmp", 7, "l4_port: icmp has no ports"},
      {"web", "10.1.0.2", "tcp", 0, "l4_port: a port from 1 to 65535"},
      {"web", "10.1.0.2", "gre", 0, "protocol: \"gre\" is none of"},
  };
  for (const auto& row : rows) {
    api::ExplainRequest request;
    request.set_source(row.source);
    request.set_destination(row.destination);
    request.set_protocol(row.protocol);
    request.set_l4_port(row.port);
    const absl::Status status = Explain(request, snapshot_, switch_, &reply_);
    const net::FlowTuple& tuple = switch_.asked.tuple;
    std::string asked = absl::StrCat(tuple.source.ToString(), " > ", tuple.destination.ToString(),
                                     " protocol ", static_cast<unsigned>(tuple.protocol));
    if (tuple.destination_port.value() != 0) {
      absl::StrAppend(&asked, " port ", tuple.destination_port.value());
    }
    EXPECT_THAT(status.ok() ? asked : std::string(status.message()), StartsWith(row.asked));
  }
}

TEST_F(ExplainMessages, ThePacketSidesRefusalIsPassedOn) {
  switch_.explanation = absl::FailedPreconditionError("port: say which");
  EXPECT_EQ(Ask("10.9.9.9", "10.1.0.2"), switch_.explanation.status());
}

}  // namespace
}  // namespace pollux::control
