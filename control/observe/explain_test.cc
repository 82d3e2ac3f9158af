#include "control/observe/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
      {"", "10.1.0.2", "", "source: \"\" is not an IP address", kInvalidArgument},
      {"10.1.0.1/32", "10.1.0.2", "", "source: \"10.1.0.1/32\" is not", kInvalidArgument},
      {"10.1.0.1", "web", "", "destination: \"web\" is not an IP address", kInvalidArgument},
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

TEST_F(ExplainMessages, ThePacketSidesRefusalIsPassedOn) {
  switch_.explanation = absl::FailedPreconditionError("port: say which");
  EXPECT_EQ(Ask("10.9.9.9", "10.1.0.2"), switch_.explanation.status());
}

}  // namespace
}  // namespace pollux::control
