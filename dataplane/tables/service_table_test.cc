#include "dataplane/tables/service_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "dataplane/tables/service_table_builder.h"

namespace pollux::tables {
namespace {

using core::FrontendKind;
using core::ServiceConfig;
using net::IpProtocol;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;
using Config = ServiceTableBuilder::Config;

net::IpAddress Ip(const char* text) { return net::IpAddress::Parse(text).value(); }
net::IpPrefix Prefix(const char* text) { return net::IpPrefix::Parse(text).value(); }

ServiceConfig Web() {
  return {.name = "shop/web:http",
          .frontends = {{.ip = Ip("10.96.0.1"), .port = 80}},
          .backends = {{.ip = Ip("10.0.0.1"), .port = 8080}, {.ip = Ip("10.0.0.2"), .port = 8080}}};
}

ServiceConfig Dns() {
  return {
      .name = "kube-system/dns:dns",
      .protocol = IpProtocol::kUdp,
      .frontends = {{.ip = Ip("10.96.0.10"), .port = 53}, {.ip = Ip("fd00:96::10"), .port = 53}},
      .backends = {{.ip = Ip("10.0.0.3"), .port = 53}, {.ip = Ip("fd00::3"), .port = 53}}};
}

Config Shared(ServiceConfig config) {
  return std::make_shared<const ServiceConfig>(std::move(config));
}

class Services : public testing::Test {
 protected:
  ServiceTableBuilder::Change Apply(const std::vector<ServiceConfig>& put,
                                    const std::vector<std::string>& removed = {}) {
    std::vector<Config> configs;
    for (const ServiceConfig& config : put) {
      configs.push_back(Shared(config));
    }
    auto change = builder_.Apply(configs, removed);
    EXPECT_TRUE(change.ok()) << change.status();
    for (const net::ObjectId object : change.ok() ? change->gone : std::vector<net::ObjectId>()) {
      objects_.Release(object);
    }
    return change.ok() ? *std::move(change) : ServiceTableBuilder::Change{builder_.table(), {}, {}};
  }
  [[nodiscard]] const Frontend* Find(const char* ip, std::uint16_t port,
                                     IpProtocol protocol = IpProtocol::kTcp) const {
    return builder_.table()->Find(Ip(ip), protocol, port);
  }
  [[nodiscard]] net::ObjectId ObjectOf(const Frontend& frontend, const char* backend,
                                       std::uint16_t port) const {
    const Backend* found = builder_.table()->FindBackend(frontend.service, Ip(backend), port);
    return found == nullptr ? net::ObjectId{} : found->object;
  }

  core::Epochs objects_{100};
  ServiceTableBuilder builder_{objects_};
};

TEST_F(Services, AreFoundByAddressProtocolAndPort) {
  Apply({Web(), Dns()});
  ASSERT_NE(Find("10.96.0.1", 80), nullptr);
  EXPECT_EQ(Find("10.96.0.1", 81), nullptr);
  EXPECT_EQ(Find("10.96.0.1", 80, IpProtocol::kUdp), nullptr);
  EXPECT_EQ(Find("10.96.0.2", 80), nullptr);
  EXPECT_EQ(Find("a60:1::", 80), nullptr) << "the same bytes in the other family";
  ASSERT_NE(Find("fd00:96::10", 53, IpProtocol::kUdp), nullptr);
  EXPECT_EQ(Find("fd00:96::10", 53, IpProtocol::kUdp)->service,
            Find("10.96.0.10", 53, IpProtocol::kUdp)->service);
  EXPECT_NE(Find("10.96.0.1", 80)->service, Find("10.96.0.10", 53, IpProtocol::kUdp)->service);
}

TEST_F(Services, AFrontendIsServedByItsOwnFamily) {
  Apply({Dns()});
  EXPECT_EQ(Select(*Find("10.96.0.10", 53, IpProtocol::kUdp), 7, true).backend->ip, Ip("10.0.0.3"));
  EXPECT_EQ(Select(*Find("fd00:96::10", 53, IpProtocol::kUdp), 7, true).backend->ip, Ip("fd00::3"));
}

TEST_F(Services, OwnTheAddressesThatAreNotANodes) {
  ServiceConfig web = Web();
  web.frontends.push_back({.ip = Ip("192.0.2.1"), .port = 30080, .kind = FrontendKind::kNodePort});
  web.frontends.push_back({.ip = Ip("192.0.2.2"), .port = 80, .kind = FrontendKind::kHostPort});
  web.frontends.push_back({.ip = Ip("192.0.2.3"), .port = 80, .kind = FrontendKind::kLoadBalancer});
  web.frontends.push_back({.ip = Ip("192.0.2.4"), .port = 80, .kind = FrontendKind::kExternalIp});
  web.frontends.push_back({.ip = Ip("10.96.0.1"), .port = 443});
  const auto owned = [this](const char* ip) { return builder_.table()->IsFrontendAddress(Ip(ip)); };
  Apply({web});
  EXPECT_TRUE(owned("10.96.0.1") && owned("192.0.2.3") && owned("192.0.2.4"));
  EXPECT_FALSE(owned("192.0.2.1") || owned("192.0.2.2") || owned("10.96.0.2"));
  Apply({Web()});
  EXPECT_TRUE(owned("10.96.0.1")) << "one of its two frontends is left";
  EXPECT_FALSE(owned("192.0.2.3"));
  Apply({}, {Web().name});
  EXPECT_FALSE(owned("10.96.0.1"));
}

// --- Who takes a new connection

struct SelectRow {
  const char* sentence;
  FrontendKind kind;
  bool local_only;
  bool inside;
  std::vector<core::BackendConfig> backends;
  std::set<std::string> expected;  // addresses, or "reject", or "drop"
};

constexpr auto kClusterIp = FrontendKind::kClusterIp;
constexpr auto kNodePort = FrontendKind::kNodePort;

core::BackendConfig Here(const char* ip, bool draining = false) {
  return {.ip = Ip(ip), .port = 80, .local = true, .draining = draining};
}
core::BackendConfig There(const char* ip, bool draining = false) {
  return {.ip = Ip(ip), .port = 80, .local = false, .draining = draining};
}

const SelectRow kSelectRows[] = {
    {"everybody takes part",
     kClusterIp,
     false,
     true,
     {Here("1.0.0.1"), There("1.0.0.2")},
     {"1.0.0.1", "1.0.0.2"}},
    {"who drains gets nothing new",
     kClusterIp,
     false,
     true,
     {Here("1.0.0.1"), There("1.0.0.2", true)},
     {"1.0.0.1"}},
    {"if all drain, all take part",
     kClusterIp,
     false,
     true,
     {Here("1.0.0.1", true), There("1.0.0.2", true)},
     {"1.0.0.1", "1.0.0.2"}},
    {"nobody is there", kClusterIp, false, true, {}, {"reject"}},
    {"only the other family is there", kClusterIp, false, true, {There("fd00::1")}, {"reject"}},
    {"Local: this node's only",
     kNodePort,
     true,
     false,
     {Here("1.0.0.1"), There("1.0.0.2")},
     {"1.0.0.1"}},
    {"Local: this node's draining one before another node's",
     kNodePort,
     true,
     false,
     {Here("1.0.0.1", true), There("1.0.0.2")},
     {"1.0.0.1"}},
    {"Local, and only others have some", kNodePort, true, false, {There("1.0.0.2")}, {"drop"}},
    {"Local, and nobody has any", kNodePort, true, false, {}, {"reject"}},
    {"Local, from inside: all",
     kNodePort,
     true,
     true,
     {Here("1.0.0.1"), There("1.0.0.2")},
     {"1.0.0.1", "1.0.0.2"}},
    {"LoadBalancer, Local, from inside: all",
     FrontendKind::kLoadBalancer,
     true,
     true,
     {There("1.0.0.2")},
     {"1.0.0.2"}},
    {"ExternalIp, Local, from inside: all",
     FrontendKind::kExternalIp,
     true,
     true,
     {There("1.0.0.2")},
     {"1.0.0.2"}},
    {"the internal policy Local binds the inside",
     kClusterIp,
     true,
     true,
     {Here("1.0.0.1"), There("1.0.0.2")},
     {"1.0.0.1"}},
    {"the internal policy Local, others have some",
     kClusterIp,
     true,
     true,
     {There("1.0.0.2")},
     {"drop"}},
    {"a HostPort is this node's",
     FrontendKind::kHostPort,
     true,
     true,
     {There("1.0.0.2")},
     {"drop"}},
};

TEST_F(Services, ChooseByKubernetesRules) {
  for (const SelectRow& row : kSelectRows) {
    Apply(
        {{.name = "a/b:c",
          .frontends =
              {{.ip = Ip("10.96.0.1"), .port = 80, .kind = row.kind, .local_only = row.local_only}},
          .backends = row.backends}});
    std::set<std::string> chosen;
    for (std::uint64_t hash = 0; hash < 1009; ++hash) {
      const Choice choice = Select(*Find("10.96.0.1", 80), hash, row.inside);
      chosen.insert(choice.kind == Choice::Kind::kBackend  ? choice.backend->ip.ToString()
                    : choice.kind == Choice::Kind::kReject ? "reject"
                                                           : "drop");
    }
    EXPECT_EQ(chosen, row.expected) << row.sentence;
  }
}

TEST_F(Services, TheOrderOfBackendsDoesNotMatter) {
  ServiceConfig web = Web();
  web.backends.push_back({.ip = Ip("10.0.0.9"), .port = 8080});
  const auto choices = [&] {
    Apply({web});
    std::vector<net::IpAddress> ips;
    for (std::uint64_t hash = 0; hash < 1009; ++hash) {
      ips.push_back(Select(*Find("10.96.0.1", 80), hash, false).backend->ip);
    }
    return ips;
  };
  const auto before = choices();
  std::reverse(web.backends.begin(), web.backends.end());
  EXPECT_EQ(choices(), before);
}

TEST_F(Services, SourceRangesSayWhoMay) {
  ServiceConfig web = Web();
  Apply({web});
  EXPECT_TRUE(Find("10.96.0.1", 80)->Allows(Ip("8.8.8.8")));
  web.frontends[0].source_ranges = {Prefix("192.0.2.0/24"), Prefix("198.51.100.7/32")};
  web.affinity_seconds = 10'800;
  Apply({web});
  const Frontend& frontend = *Find("10.96.0.1", 80);
  EXPECT_TRUE(frontend.Allows(Ip("192.0.2.255")) && frontend.Allows(Ip("198.51.100.7")));
  EXPECT_FALSE(frontend.Allows(Ip("192.0.3.0")) || frontend.Allows(Ip("198.51.100.8")));
  EXPECT_EQ(frontend.affinity_seconds, 10'800U);
}

TEST_F(Services, KnowTheirBackendsDrainingOnesIncluded) {
  ServiceConfig web = Web();
  web.backends[1].draining = true;
  Apply({web, Dns()});
  const std::uint32_t id = Find("10.96.0.1", 80)->service;
  const ServiceTable& table = *builder_.table();
  ASSERT_NE(table.FindBackend(id, Ip("10.0.0.2"), 8080), nullptr);
  EXPECT_TRUE(table.FindBackend(id, Ip("10.0.0.2"), 8080)->draining);
  EXPECT_EQ(table.FindBackend(id, Ip("10.0.0.2"), 8081), nullptr);
  EXPECT_EQ(table.FindBackend(id, Ip("10.0.0.3"), 8080), nullptr);
  EXPECT_EQ(table.FindBackend(id + 1000, Ip("10.0.0.2"), 8080), nullptr) << "no such service";
}

// --- What a change touches

TEST_F(Services, WhatDidNotChangeIsShared) {
  Apply({Web(), Dns()});
  const Frontend* dns = Find("10.96.0.10", 53, IpProtocol::kUdp);
  const Selection* web_backends = Find("10.96.0.1", 80)->all;
  ServiceConfig web = Web();
  web.affinity_seconds = 5;
  const auto old = builder_.table();
  Apply({web});
  EXPECT_EQ(Find("10.96.0.10", 53, IpProtocol::kUdp), dns);
  EXPECT_EQ(Find("10.96.0.1", 80)->all, web_backends) << "its backends did not change";
  EXPECT_EQ(Find("10.96.0.1", 80)->affinity_seconds, 5U);
  EXPECT_EQ(old->Find(Ip("10.96.0.1"), IpProtocol::kTcp, 80)->affinity_seconds, 0U)
      << "who reads the old table sees the old service";
}

struct ChangeRow {
  const char* sentence;
  std::function<void(ServiceConfig&)> edit;
  bool closing;
};

const ChangeRow kChangeRows[] = {
    {"a backend comes", [](auto& c) { c.backends.push_back(There("1.0.0.9")); }, false},
    {"a backend drains", [](auto& c) { c.backends[0].draining = true; }, false},
    {"affinity", [](auto& c) { c.affinity_seconds = 1; }, false},
    {"a frontend comes",
     [](auto& c) {
       c.frontends.push_back({Ip("10.96.0.2"), 80});
     },
     false},
    {"a frontend goes", [](auto& c) { c.frontends.pop_back(); }, true},
    {"a frontend's port changes", [](auto& c) { c.frontends[0].port = 81; }, true},
    {"the policy becomes Local", [](auto& c) { c.frontends[0].local_only = true; }, true},
    {"the policy becomes Cluster", [](auto& c) { c.frontends[1].local_only = false; }, false},
    {"ranges where there were none",
     [](auto& c) { c.frontends[0].source_ranges = {Prefix("10.0.0.0/8")}; }, true},
    {"a range goes", [](auto& c) { c.frontends[1].source_ranges.pop_back(); }, true},
    {"a range grows", [](auto& c) { c.frontends[1].source_ranges[0] = Prefix("0.0.0.0/0"); },
     false},
    {"a range shrinks", [](auto& c) { c.frontends[1].source_ranges[0] = Prefix("192.0.2.0/25"); },
     true},
    {"no ranges any more", [](auto& c) { c.frontends[1].source_ranges.clear(); }, false},
};

TEST_F(Services, AChangeNamesTheBackendsAsClosingIfSomethingIsRefusedNow) {
  ServiceConfig before = Web();
  before.frontends.push_back(
      {.ip = Ip("192.0.2.9"),
       .port = 80,
       .kind = FrontendKind::kLoadBalancer,
       .local_only = true,
       .source_ranges = {Prefix("192.0.2.0/24"), Prefix("198.51.100.0/24")}});
  for (const ChangeRow& row : kChangeRows) {
    Apply({before, Dns()});
    ServiceConfig after = before;
    row.edit(after);
    const auto change = Apply({after});
    const Frontend& frontend = builder_.table()->FindService(1)->frontends.front();
    std::vector<net::ObjectId> expected;
    for (const core::BackendConfig& backend : after.backends) {
      expected.push_back(ObjectOf(frontend, backend.ip.ToString().c_str(), backend.port));
    }
    EXPECT_THAT(change.closing,
                UnorderedElementsAreArray(row.closing ? expected : std::vector<net::ObjectId>()))
        << row.sentence;
  }
}

TEST_F(Services, ABackendThatLeavesIsGoneByItsOwnNumber) {
  Apply({Web()});
  const Frontend before = *Find("10.96.0.1", 80);
  const net::ObjectId stays = ObjectOf(before, "10.0.0.1", 8080);
  const net::ObjectId leaves = ObjectOf(before, "10.0.0.2", 8080);
  EXPECT_EQ((std::set{stays, leaves}), (std::set{net::ObjectId{1}, net::ObjectId{2}}));
  ServiceConfig web = Web();
  web.backends[1].ip = Ip("10.0.0.7");
  const auto change = Apply({web});
  EXPECT_THAT(change.gone, ElementsAre(leaves));
  EXPECT_THAT(change.closing, IsEmpty());
  EXPECT_EQ(ObjectOf(*Find("10.96.0.1", 80), "10.0.0.1", 8080), stays);
  EXPECT_EQ(Find("10.96.0.1", 80)->service, before.service);
}

TEST_F(Services, ARemovedServiceGivesBackAllItsNumbers) {
  Apply({Web(), Dns()});
  const std::uint32_t dns_objects = 2;
  const auto change = Apply({}, {Web().name});
  EXPECT_THAT(change.gone, UnorderedElementsAre(net::ObjectId{1}, net::ObjectId{2}));
  EXPECT_EQ(objects_.in_use(), dns_objects);
  EXPECT_EQ(Find("10.96.0.1", 80), nullptr);
}

TEST_F(Services, MoreBackendsThanThereAreNumbersForAreRefused) {
  ServiceConfig web = Web();
  for (unsigned i = 1; i < 100; ++i) {
    web.backends.push_back(There(("10.9.0." + std::to_string(i)).c_str()));
  }
  const auto change = builder_.Apply(std::vector{Shared(web)}, {});
  EXPECT_EQ(change.status().code(), absl::StatusCode::kResourceExhausted) << change.status();
  EXPECT_EQ(objects_.in_use(), 0U);
}

TEST_F(Services, AFrontendMayMoveFromOneServiceToAnotherInOneChange) {
  Apply({Web(), Dns()});
  ServiceConfig heir = Web();
  heir.name = "shop/heir:http";
  ServiceConfig web = Web();
  web.frontends[0].port = 81;
  Apply({heir, web});
  EXPECT_NE(Find("10.96.0.1", 80)->service, Find("10.96.0.1", 81)->service);
  Apply({Web()}, {heir.name});
  EXPECT_EQ(Find("10.96.0.1", 80)->service, 1U);
  EXPECT_EQ(Find("10.96.0.1", 81), nullptr);
}

// --- What is refused

struct BadRow {
  const char* sentence;
  std::function<void(ServiceConfig&)> spoil;
  const char* error;
};

const BadRow kBadRows[] = {
    {"no name", [](auto& c) { c.name = ""; }, "service : name: is empty"},
    {"no ports", [](auto& c) { c.protocol = IpProtocol::kIcmp; },
     "service shop/web:http: protocol: 1 has no ports"},
    {"affinity", [](auto& c) { c.affinity_seconds = 86'401; },
     "affinity_seconds: 86401 are more than 86400"},
    {"frontend port", [](auto& c) { c.frontends[0].port = 0; }, "frontends: 10.96.0.1 has port 0"},
    {"frontend address", [](auto& c) { c.frontends[0].ip = Ip("224.0.0.1"); },
     "frontends: 224.0.0.1 is not the address of one host"},
    {"backend port", [](auto& c) { c.backends[0].port = 0; }, "backends: 10.0.0.1 has port 0"},
    {"backend address", [](auto& c) { c.backends[0].ip = Ip("::"); },
     "backends: :: is not the address of one host"},
    {"backend twice", [](auto& c) { c.backends[1] = c.backends[0]; },
     "backends: 10.0.0.1 port 8080 is there twice"},
    {"frontend twice", [](auto& c) { c.frontends.push_back(c.frontends[0]); },
     "frontends: 10.96.0.1 port 80 is there twice"},
    {"another's frontend",
     [](auto& c) {
       c.protocol = IpProtocol::kUdp;
       c.frontends = Dns().frontends;
     },
     "frontends: 10.96.0.10 port 53 belongs to service kube-system/dns:dns"},
    {"too many backends", [](auto& c) { c.backends.resize(Maglev::kMaxBackends + 1); },
     "backends: 100001 are more than 100000"},
    {"name twice", [](auto& c) { c.name = "other"; }, "service other: name: is there twice"},
};

TEST_F(Services, WhatIsWrongIsNamedAndChangesNothing) {
  Apply({Dns()});
  const ServiceConfig other{.name = "other"};
  for (const BadRow& row : kBadRows) {
    ServiceConfig config = Web();
    row.spoil(config);
    const auto table = builder_.table();
    const auto change = builder_.Apply(std::vector{Shared(other), Shared(config)}, {});
    EXPECT_EQ(change.status().code(), absl::StatusCode::kInvalidArgument) << row.sentence;
    EXPECT_THAT(std::string(change.status().message()), HasSubstr(row.error)) << row.sentence;
    EXPECT_EQ(builder_.table(), table) << row.sentence;
    EXPECT_EQ(objects_.in_use(), 2U) << row.sentence;
  }
}

TEST_F(Services, TwoOfOneChangeCannotHaveOneFrontend) {
  ServiceConfig twin = Web();
  twin.name = "twin";
  const auto change = builder_.Apply(std::vector{Shared(Web()), Shared(twin)}, {});
  EXPECT_THAT(std::string(change.status().message()),
              HasSubstr("service twin: frontends: 10.96.0.1 port 80 belongs to service shop/web"));
}

TEST_F(Services, WhatIsNotThereCannotBeRemoved) {
  const std::vector<std::string> removed = {"nobody"};
  EXPECT_EQ(builder_.Apply({}, removed).status().code(), absl::StatusCode::kNotFound);
  Apply({Web()});
  const std::vector<std::string> twice = {Web().name, Web().name};
  EXPECT_FALSE(builder_.Apply({}, twice).ok());
}

}  // namespace
}  // namespace pollux::tables
