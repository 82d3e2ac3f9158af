#include "control/observe/flows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "control/state/fake_switch.h"
#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

net::FlowTuple Tuple(const char* source, std::uint16_t source_port, const char* destination,
                     std::uint16_t destination_port) {
  return {.source = net::IpAddress::Parse(source).value(),
          .destination = net::IpAddress::Parse(destination).value(),
          .source_port = net::Be16(source_port),
          .destination_port = net::Be16(destination_port),
          .protocol = net::IpProtocol::kTcp,
          .zone = {}};
}

class FlowMessages : public testing::Test {
 protected:
  FlowMessages() {
    snapshot_.revision = net::Revision{8};
    snapshot_.installed.ids = {{"web", net::PortId{3}}, {"db", net::PortId{4}}};
    AddEndpoint("web", "shop/web-0", "10.1.0.1");
    AddEndpoint("db", "", "10.1.0.2");
    const FlowInfo direct{.original = Tuple("10.1.0.1", 1000, "10.1.0.2", 80),
                          .translated = Tuple("10.1.0.1", 1000, "10.1.0.2", 80),
                          .ingress = net::PortId{3},
                          .egress = net::PortId{4},
                          .state = "answered",
                          .idle_ms = 1500,
                          .sent = {7, 700},
                          .answered = {6, 60000}};
    FlowInfo to_service = direct;
    to_service.original = Tuple("10.1.0.1", 1001, "10.96.0.1", 443);
    switch_.SetFlows({direct, to_service});
  }
  void AddEndpoint(const std::string& name, const std::string& pod, const char* ip) {
    Endpoint endpoint;
    endpoint.name = name;
    endpoint.pod = pod;
    endpoint.addresses = {net::IpAddress::Parse(ip).value()};
    snapshot_.desired.forwarding.endpoints.emplace(name, endpoint);
  }

  Snapshot snapshot_;
  FakeSwitch switch_;
};

TEST_F(FlowMessages, ConnectionsCarryNamesBesideAddresses) {
  api::ListFlowsReply reply;
  ASSERT_TRUE(ListFlows({}, snapshot_, switch_, &reply).ok());
  EXPECT_EQ(reply.revision(), 8);
  EXPECT_EQ(reply.matching(), 2);
  EXPECT_EQ(reply.connections(), 2);
  EXPECT_EQ(reply.connections_limit(), 1000);
  ASSERT_EQ(reply.items_size(), 2);
  EXPECT_EQ(reply.items(0).ShortDebugString(),
            "protocol: \"tcp\" original { source: \"10.1.0.1\" destination: \"10.1.0.2\" "
            "source_port: 1000 destination_port: 80 source_name: \"shop/web-0\" "
            "destination_name: \"db\" } ingress: \"web\" egress: \"db\" state: \"answered\" "
            "idle_ms: 1500 sent { packets: 7 bytes: 700 } answered { packets: 6 bytes: 60000 }");
  EXPECT_EQ(reply.items(1).original().destination_name(), "");
  EXPECT_EQ(reply.items(1).translated().destination(), "10.1.0.2");
}

TEST_F(FlowMessages, NoMoreThanTheLimitAndHowManyThereWere) {
  api::ListFlowsRequest request;
  request.set_limit(1);
  api::ListFlowsReply reply;
  ASSERT_TRUE(ListFlows(request, snapshot_, switch_, &reply).ok());
  EXPECT_EQ(reply.items_size(), 1);
  EXPECT_EQ(reply.matching(), 2);
}

TEST_F(FlowMessages, TheFilterIsPassedOn) {
  api::ListFlowsRequest request;
  request.mutable_filter()->set_port("db");
  request.mutable_filter()->set_host("10.1.0.0/16");
  request.mutable_filter()->set_protocol("udp");
  request.mutable_filter()->set_l4_port(53);
  api::ListFlowsReply reply;
  ASSERT_TRUE(ListFlows(request, snapshot_, switch_, &reply).ok());
  const FlowQuery query = switch_.flow_query();
  EXPECT_EQ(query.port, net::PortId{4});
  EXPECT_EQ(query.host->ToString(), "10.1.0.0/16");
  EXPECT_EQ(query.protocol, net::IpProtocol::kUdp);
  EXPECT_EQ(query.l4_port, 53);
}

TEST_F(FlowMessages, WhatIsWrongIsNamed) {
  struct Row {
    api::FlowFilter filter;
    const char* begins;
  };
  std::vector<Row> rows(4);
  rows[0].filter.set_port("gone");
  rows[0].begins = "filter.port: there is no port \"gone\"";
  rows[1].filter.set_host("web");
  rows[1].begins = "filter.host: \"web\" is neither";
  rows[2].filter.set_protocol("tpc");
  rows[2].begins = "filter.protocol: \"tpc\" is none of tcp,";
  rows[3].filter.set_l4_port(65536);
  rows[3].begins = "filter.l4_port: 65536";
  for (const Row& row : rows) {
    api::ListFlowsRequest list;
    *list.mutable_filter() = row.filter;
    api::ListFlowsReply reply;
    EXPECT_THAT(std::string(ListFlows(list, snapshot_, switch_, &reply).message()),
                StartsWith(row.begins));
    api::FlushFlowsRequest flush;
    *flush.mutable_filter() = row.filter;
    api::FlushFlowsReply flushed;
    EXPECT_THAT(std::string(FlushFlows(flush, snapshot_, switch_, &flushed).message()),
                StartsWith(row.begins));
  }
  EXPECT_EQ(switch_.FlowTable().connections, 2) << "nothing was ended";
}

TEST_F(FlowMessages, AllAreEndedOnlyWhenAllIsSaid) {
  api::FlushFlowsRequest request;
  api::FlushFlowsReply reply;
  const absl::Status nothing = FlushFlows(request, snapshot_, switch_, &reply);
  EXPECT_EQ(nothing.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(nothing.message()), HasSubstr("\"all\""));
  request.set_all(true);
  request.mutable_filter()->set_host("10.1.0.1");
  EXPECT_FALSE(FlushFlows(request, snapshot_, switch_, &reply).ok());
  request.clear_filter();
  ASSERT_TRUE(FlushFlows(request, snapshot_, switch_, &reply).ok());
  EXPECT_EQ(reply.flushed(), 2);
  EXPECT_EQ(reply.revision(), 8);
}

}  // namespace
}  // namespace pollux::control
