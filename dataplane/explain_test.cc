#include "dataplane/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/forwarding.h"
#include "vhost/fake_port.h"

namespace pollux {
namespace {

using core::DropReason;
using core::VerdictKind;
using testing::HasSubstr;

constexpr net::MacAddress kGatewayMac{{2, 0, 0, 0, 0, 1}};
constexpr net::MacAddress kWebMac{{2, 0, 0, 0, 1, 1}};
constexpr net::MacAddress kDbMac{{2, 0, 0, 0, 1, 2}};
constexpr net::MacAddress kRouterMac{{2, 0, 0, 0, 9, 9}};
constexpr net::PortId kWeb{1};
constexpr net::PortId kDb{2};
constexpr net::PortId kHost{3};
constexpr net::PortId kUp{4};
constexpr net::PortId kBare{5};

net::IpAddress Ip(std::string_view text) { return net::IpAddress::Parse(text).value(); }

// Pods web and db (closed: "shut"), the host, an uplink with an IPv4 address only, and a pod port
// without an endpoint.
class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    AddPort(kWeb, "web", core::PortRole::kPod);
    AddPort(kDb, "db", core::PortRole::kPod, 1400);
    AddPort(kHost, "pollux0", core::PortRole::kHost);
    AddPort(kUp, "up", core::PortRole::kUplink);
    AddPort(kBare, "bare", core::PortRole::kPod);
    config_.endpoints = {
        {.name = "web", .port = kWeb, .mac = kWebMac, .addresses = {Ip("10.1.0.1"), Ip("fd00::1")}},
        {.name = "db", .port = kDb, .mac = kDbMac, .addresses = {Ip("10.1.0.2"), Ip("fd00::2")}},
        {.name = "shut", .port = kDb, .mac = kDbMac, .addresses = {Ip("10.1.0.3")}, .open = false},
    };
    AddRoute("10.2.0.0/16", "192.0.2.254", kUp);
    AddRoute("10.2.3.0/24", "192.0.2.253", kUp);
    AddRoute("10.2.4.0/24", "192.0.2.252", kUp);
    AddRoute("192.0.2.0/24", "", kUp);
    AddRoute("2001:db8::/32", "fd99::1", kUp);
    AddRoute("10.3.0.0/16", "", kHost);
    neighbours_ = std::make_shared<tables::NeighbourTable>(std::vector<tables::Neighbour>{
        {kUp, Ip("192.0.2.254"), kRouterMac}, {kUp, Ip("192.0.2.253"), {}, true}});
  }

  void AddPort(net::PortId id, const std::string& name, core::PortRole role,
               std::uint16_t mtu = 1500) {
    core::PortSpec spec;
    spec.name = name;
    spec.role = role;
    spec.mtu = mtu;
    if (role == core::PortRole::kUplink) {
      spec.addresses = {{Ip("192.0.2.1"), 24}};
    }
    ports_.push_back(std::make_unique<vhost::FakePort>(id, spec));
  }
  void AddRoute(std::string_view prefix, std::string_view via, net::PortId port) {
    config_.routes.push_back({.prefix = net::IpPrefix::Parse(prefix).value(),
                              .via = net::IpAddress::Parse(via),
                              .port = port});
  }
  absl::StatusOr<Explanation> Ask(std::string_view source, std::string_view destination,
                                  net::PortId ingress = net::kNoPort) {
    const net::IpAddress from = Ip(source);
    return Ask({.source = from,
                .destination = Ip(destination),
                .protocol = from.is_v4() ? net::IpProtocol::kIcmp : net::IpProtocol::kIcmpv6,
                .zone = {}},
               ingress);
  }
  absl::StatusOr<Explanation> AskTcp(std::string_view source, std::string_view destination,
                                     std::uint16_t port) {
    return Ask({.source = Ip(source),
                .destination = Ip(destination),
                .source_port = net::Be16(40000),
                .destination_port = net::Be16(port),
                .protocol = net::IpProtocol::kTcp,
                .zone = {}},
               net::kNoPort);
  }
  absl::StatusOr<Explanation> Ask(const net::FlowTuple& tuple, net::PortId ingress) {
    std::vector<PortView> views;
    for (const auto& port : ports_) {
      views.push_back({.port = port.get(), .mac = kWebMac});
    }
    core::Epochs epochs(64);
    AdjacencyIds adjacencies;
    Forwarding forwarding(epochs, adjacencies);
    EXPECT_TRUE(forwarding.Change(config_, views).ok());
    const auto tables = forwarding.Build(views, kGatewayMac, neighbours_, net::Revision{7});
    return Explain(*tables, config_, {.ingress = ingress, .tuple = tuple});
  }
  static std::string Text(const Explanation& explanation) {
    std::string text;
    for (const Explanation::Step& step : explanation.steps) {
      text += std::string(core::StepName(step.step)) + ": " + step.text + "\n";
    }
    return text;
  }
  std::uint64_t Counted() const {
    std::uint64_t sum = 0;
    for (const auto& port : ports_) {
      for (const core::PortCounters& counters : port->all_counters()) {
        sum += counters.generated.value() + counters.answered.value();
        for (const core::Counter& drops : counters.drops) {
          sum += drops.value();
        }
      }
    }
    return sum;
  }

  std::vector<std::unique_ptr<vhost::FakePort>> ports_;
  ForwardingConfig config_;
  std::shared_ptr<const tables::NeighbourTable> neighbours_;
};

struct Row {
  std::string sentence;
  std::string source;
  std::string destination;
  VerdictKind verdict;
  DropReason reason;
  net::PortId ingress;
  net::PortId egress;
  std::string text;                  // in one of the steps
  net::PortId given = net::kNoPort;  // by the caller
};

TEST_F(ExplainTest, SaysWhatBecomesOfAPacketAndWhy) {
  using enum VerdictKind;
  using enum DropReason;
  const net::PortId none = net::kNoPort;
  const Row rows[] = {
      {"pod to pod", "10.1.0.1", "10.1.0.2", kContinue, kNone, kWeb, kDb,
       "route: 10.1.0.2 belongs to endpoint db on port db\n"},
      {"pod to pod, IPv6", "fd00::1", "fd00::2", kContinue, kNone, kWeb, kDb,
       "send: leaves by port db; packets of more than 1400 bytes are dropped (mtu_exceeded)"},
      {"a smaller MTU on the way, IPv4", "10.1.0.1", "10.1.0.2", kContinue, kNone, kWeb, kDb,
       "more than 1400 bytes are fragmented, or with DF dropped (mtu_exceeded)"},
      {"the source is named", "10.1.0.1", "10.1.0.2", kContinue, kNone, kWeb, kDb,
       "source_guard: 10.1.0.1 belongs to endpoint web on port web\n"},
      {"to the gateway", "10.1.0.1", "169.254.1.1", kSend, kNone, kWeb, kWeb,
       "answer: the switch itself has 169.254.1.1"},
      {"to the gateway, IPv6", "fe80::5", "fe80::1", kSend, kNone, kWeb, kWeb,
       "source_guard: fe80::5 may talk to the switch only", kWeb},
      {"somebody else's address", "10.1.0.2", "10.1.0.1", kDrop, kSourceIp, kWeb, none,
       "10.1.0.2 belongs to endpoint db on port db; the packet enters by port web", kWeb},
      {"nobody's address", "10.9.9.9", "10.1.0.1", kDrop, kSourceIp, kWeb, none,
       "no endpoint has 10.9.9.9; the packet enters by port web", kWeb},
      {"a port without an endpoint", "10.9.9.9", "10.1.0.1", kDrop, kPortWithoutEndpoint, kBare,
       none, "source_guard: the port has no endpoint yet", kBare},
      {"a closed endpoint sends", "10.1.0.3", "10.1.0.1", kDrop, kEndpointClosed, kDb, none,
       "10.1.0.3 belongs to endpoint shut on port db"},
      {"to a closed endpoint", "10.1.0.1", "10.1.0.3", kDrop, kDestinationClosed, kWeb, none,
       "10.1.0.3 belongs to endpoint shut on port db"},
      {"nowhere", "10.1.0.1", "10.8.0.1", kDropAnswer, kNoRoute, kWeb, none,
       "route: no endpoint and no route for the destination; the sender is told by ICMP\n"},
      {"a martian", "10.1.0.1", "127.0.0.1", kDrop, kMartianDestination, kWeb, none, "route: "},
      {"a group", "10.1.0.1", "224.0.0.1", kDrop, kMulticast, kWeb, none, "answer: "},
      {"by a route, neighbour known", "10.1.0.1", "10.2.0.1", kContinue, kNone, kWeb, kUp,
       "route: route 10.2.0.0/16 via 192.0.2.254 on port up\n"
       "forward: 192.0.2.254 is at 02:00:00:00:09:09\n"},
      {"the longest prefix, neighbour failed", "10.1.0.1", "10.2.3.1", kDropAnswer,
       kNeighbourFailed, kWeb, none, "route 10.2.3.0/24 via 192.0.2.253 on port up"},
      {"neighbour not known yet", "10.1.0.1", "10.2.4.1", kConsumed, kNone, kWeb, kUp,
       "the Ethernet address of 192.0.2.252 is not known now"},
      {"on the link", "10.1.0.1", "192.0.2.9", kConsumed, kNone, kWeb, kUp,
       "route: route 192.0.2.0/24 (on the link) on port up\n"
       "forward: the Ethernet address of 192.0.2.9 is not known"},
      {"nobody can be asked", "fd00::1", "2001:db8::1", kDrop, kNeighbourFailed, kWeb, kUp,
       "on port up, which has no address of that family to ask from"},
      {"to the host", "10.1.0.1", "10.3.0.1", kContinue, kNone, kWeb, kHost,
       "route: route 10.3.0.0/16 (on the link) on port pollux0\n"},
      {"from the wire, by the way back", "10.2.0.1", "10.1.0.1", kContinue, kNone, kUp, kWeb,
       "source_guard: port up is an uplink"},
      {"from the wire with a pod's address", "10.1.0.2", "10.1.0.1", kDrop, kUplinkSpoof, kUp, none,
       "10.1.0.2 belongs to endpoint db on port db; the packet enters by port up", kUp},
      {"from the wire to the switch", "192.0.2.9", "192.0.2.1", kSend, kNone, kUp, kUp,
       "the switch itself has 192.0.2.1"},
      {"from the wire to the wire", "192.0.2.9", "10.2.0.1", kDrop, kSameInterface, kUp, none,
       "route 10.2.0.0/16 via 192.0.2.254 on port up"},
      {"from the host", "10.3.0.1", "10.1.0.1", kContinue, kNone, kHost, kWeb,
       "source_guard: port pollux0 is the host's"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sentence);
    const auto explained = Ask(row.source, row.destination, row.given);
    ASSERT_TRUE(explained.ok()) << explained.status();
    EXPECT_EQ(core::VerdictName(explained->verdict.kind()),
              std::string(core::VerdictName(row.verdict)));
    EXPECT_EQ(core::Describe(explained->verdict.reason()).name, core::Describe(row.reason).name);
    EXPECT_EQ(explained->ingress.value(), row.ingress.value());
    EXPECT_EQ(explained->egress.value(), row.egress.value());
    EXPECT_EQ(explained->revision, net::Revision{7});
    EXPECT_THAT(Text(*explained), HasSubstr(row.text));
  }
}

policy::Policy Isolating(const std::string& name, const std::string& app,
                         std::vector<policy::Rule> rules) {
  return {.name_space = "shop",
          .name = name,
          .pods = {{{.key = "app", .op = policy::Operator::kIn, .values = {app}}}},
          .ingress = std::move(rules),
          .egress = {}};
}

TEST_F(ExplainTest, SaysWhichServiceAndWhichPolicy) {
  config_.services = {
      std::make_shared<const ServiceConfig>(
          ServiceConfig{.name = "shop/db:sql",
                        .frontends = {{.ip = Ip("10.96.0.1"), .port = 80}},
                        .backends = {{.ip = Ip("10.1.0.2"), .port = 5432, .local = true}}}),
      std::make_shared<const ServiceConfig>(ServiceConfig{
          .name = "shop/nobody:http", .frontends = {{.ip = Ip("10.96.0.2"), .port = 80}}})};
  for (const char* name : {"web", "db"}) {
    config_.workloads.push_back(std::make_shared<const WorkloadConfig>(
        WorkloadConfig{.name = std::string("shop/").append(name),
                       .profile = {.name_space = "shop",
                                   .namespace_labels = {},
                                   .labels = {{"app", name}},
                                   .named_ports = {}},
                       .addresses = {}}));
  }
  config_.endpoints[0].pod = "shop/web";
  config_.endpoints[1].pod = "shop/db";

  auto told = AskTcp("10.1.0.1", "10.96.0.1", 80);
  ASSERT_TRUE(told.ok());
  EXPECT_TRUE(told->verdict.continues());
  EXPECT_EQ(told->egress, kDb);
  EXPECT_EQ(told->translated.destination, Ip("10.1.0.2"));
  EXPECT_EQ(told->translated.destination_port.value(), 5432);
  EXPECT_THAT(Text(*told), HasSubstr("service: service shop/db:sql: 10.1.0.2 belongs to endpoint "
                                     "db on port db, port 5432 is Maglev's choice of 1 backends"));

  told = AskTcp("10.1.0.1", "10.96.0.2", 80);
  EXPECT_EQ(told->verdict, core::Verdict::DropAnswer(DropReason::kServiceNoEndpoint));
  EXPECT_THAT(Text(*told), HasSubstr("service shop/nobody:http, which has 0 backends"));

  config_.policies = {std::make_shared<const policy::Policy>(Isolating("closed", "db", {}))};
  told = AskTcp("10.1.0.1", "10.96.0.1", 80);
  EXPECT_EQ(told->verdict, core::Verdict::Drop(DropReason::kPolicyIngress));
  EXPECT_THAT(Text(*told), HasSubstr("10.1.0.2 is isolated by shop/closed"));

  const policy::Rule everybody{};
  config_.policies.push_back(
      std::make_shared<const policy::Policy>(Isolating("open", "db", {everybody})));
  told = AskTcp("10.1.0.1", "10.96.0.1", 80);
  EXPECT_TRUE(told->verdict.continues());
  EXPECT_THAT(Text(*told), HasSubstr("policy: no policy isolates 10.1.0.1 for egress; policy "
                                     "shop/open allows it by its ingress rule 1"));
}

TEST_F(ExplainTest, LeavesNoTrace) {
  ASSERT_TRUE(Ask("10.1.0.1", "10.8.0.1").ok());  // an ICMP error
  ASSERT_TRUE(Ask("10.1.0.1", "10.2.4.1").ok());  // a packet that waits
  ASSERT_TRUE(Ask("10.1.0.1", "10.2.0.1").ok());  // a neighbour that is used
  EXPECT_EQ(Counted(), 0);
  EXPECT_FALSE(neighbours_->TakeUsed(kUp, Ip("192.0.2.254")));
  for (const auto& port : ports_) {
    EXPECT_TRUE(port->TakeSent().empty());
  }
}

TEST_F(ExplainTest, SaysThatAPeerIsNotThere) {
  ports_[1]->set_link_up(false);
  const auto explained = Ask("10.1.0.1", "10.1.0.2");
  ASSERT_TRUE(explained.ok());
  EXPECT_TRUE(explained->verdict.continues());
  EXPECT_THAT(Text(*explained), HasSubstr("packets are dropped (dest_down)"));
}

TEST_F(ExplainTest, AsksForAPortWhereItCannotKnowIt) {
  const auto unknown = Ask("10.9.9.9", "10.1.0.1");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(unknown.status().message()),
              testing::StartsWith("port: no endpoint has 10.9.9.9"));
  const auto removed = Ask("10.1.0.1", "10.1.0.2", net::PortId{77});
  EXPECT_EQ(removed.status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace pollux
