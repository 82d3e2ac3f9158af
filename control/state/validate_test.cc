#include "control/state/validate.h"

#include <gtest/gtest.h>

#include <functional>

#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

using absl::StatusCode;

const Object kWeb = Tap("web");
const Object kUplink = Uplink("wire", {"192.0.2.1/24"});

struct Row {
  std::string sentence;
  std::vector<Object> objects;  // the state
  std::string error{};          // empty: may be
  StatusCode code = StatusCode::kInvalidArgument;
};

void Check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sentence);
    const absl::Status status = Validate(StateOf(row.objects));
    EXPECT_EQ(status.message(), row.error);
    EXPECT_EQ(status.code(), row.error.empty() ? StatusCode::kOk : row.code);
  }
}

Object With(Port port, const std::function<void(core::PortSpec&)>& change) {
  change(port.spec);
  return port;
}

Object With(Endpoint endpoint, const std::function<void(Endpoint&)>& change) {
  change(endpoint);
  return endpoint;
}

Object MemifPort(const std::string& name, std::uint32_t id) {
  core::MemifSpec backend;
  backend.socket = "/run/memif.sock";
  backend.id = id;
  return PortOn(name, backend);
}

TEST(ValidateTest, Ports) {
  Check({
      {"nothing", {}},
      {"one of each kind", {kWeb, Vhost("v", "/run/v.sock"), MemifPort("m", 0), kUplink}},
      {"memif ports share a socket", {MemifPort("a", 0), MemifPort("b", 1)}},
      {"but not its ids",
       {MemifPort("a", 1), MemifPort("b", 1)},
       "port: socket /run/memif.sock with id 1 belongs to port \"a\" of owner \"cli\" (port "
       "\"b\")",
       StatusCode::kFailedPrecondition},
      {"fields of the port itself",
       {Resized(Tap("web"), 67)},
       "port.mtu: 67 is outside 68..9216 (port \"web\")"},
      {"fields of the kind of port lie in its message",
       {PortOn("web", core::TapSpec{"netns", "eth0"})},
       "port.tap.netns: 'netns' is not an absolute path (such as /run/netns/NAME) (port \"web\")"},
      {"vhost-user's socket",
       {Vhost("web", "relative")},
       "port.vhost_user.socket: 'relative' is not an absolute path of at most 107 bytes (port "
       "\"web\")"},
      {"memif's socket mode",
       {With(Vhost("web", "/s"),
             [](core::PortSpec& spec) {
               core::MemifSpec backend;
               backend.socket = "/s";
               backend.socket_mode = 07777;
               spec.backend = backend;
             })},
       "port.memif.socket_mode: 07777 has bits other than 0777 (port \"web\")"},
      {"the device of an ethdev",
       {PortOn("web", core::EthdevSpec{""})},
       "port.ethdev.devargs: '' is no DPDK device (such as 0000:01:00.0 or net_null0) (port "
       "\"web\")"},
      {"a name of two lines stays on one",
       {PortOn("a\nb", core::TapSpec{"", "eth0"})},
       "port.name: 'a\\nb' is not 1 to 127 letters, digits or '._-:/@' that begin with a letter or "
       "digit (port \"a\\nb\")"},
      {"the host interface is vswitchd's",
       {With(Tap("web"), [](core::PortSpec& spec) { spec.role = core::PortRole::kHost; })},
       "port.role: \"host\" is reserved for vswitchd's own interface (port \"web\")"},
      {"vswitchd's host interface",
       {With(Tap("pollux0", Owner::kSwitch),
             [](core::PortSpec& spec) { spec.role = core::PortRole::kHost; })}},
      {"the switch has no address towards pods",
       {With(Uplink("web", {"10.0.0.1/24"}),
             [](core::PortSpec& spec) { spec.role = core::PortRole::kPod; })},
       "port.address: the switch has addresses on uplinks only (port \"web\")"},
      {"the switch's address is one of an interface",
       {Uplink("wire", {"192.0.2.1/24", "224.0.0.1/4"})},
       "port.address[1]: \"224.0.0.1\" cannot be the switch's address (port \"wire\")"},
      {"the switch's address on two uplinks",
       {Uplink("a", {"192.0.2.1/24"}), Uplink("b", {"192.0.2.1/25"})},
       "port.address[0]: 192.0.2.1 belongs to port \"a\" of owner \"cli\" (port \"b\")",
       StatusCode::kFailedPrecondition},
      {"the switch's address twice on one",
       {Uplink("a", {"192.0.2.1/24", "192.0.2.1/25"})},
       "port.address[1]: 192.0.2.1 is given twice (port \"a\")"},
      {"two devices in one place",
       {PortOn("a", core::TapSpec{"/n", "eth0"}, Owner::kAgent),
        PortOn("b", core::TapSpec{"/n", "eth0"})},
       "port: interface eth0 in /n belongs to port \"a\" of owner \"agent\" (port \"b\")",
       StatusCode::kFailedPrecondition},
      {"two peers of one Ethernet address",
       {With(Tap("a"), [](core::PortSpec& spec) { spec.mac = Mac("02:00:00:00:00:01"); }),
        With(Tap("b"), [](core::PortSpec& spec) { spec.mac = Mac("02:00:00:00:00:01"); })},
       "port.mac: 02:00:00:00:00:01 belongs to port \"a\" of owner \"cli\" (port \"b\")",
       StatusCode::kFailedPrecondition},
  });
}

TEST(ValidateTest, Endpoints) {
  const Endpoint pod = Pod("pod", "web", {"10.0.0.1"});
  std::vector<std::string_view> many(65, "10.0.0.1");
  Check({
      {"a pod", {kWeb, pod}},
      {"a pod of both families and a name",
       {kWeb, With(Pod("ns/pod@eth0", "web", {"10.0.0.1", "fd00::1"}),
                   [](Endpoint& e) { e.pod = "ns/pod-0.x"; })}},
      {"two on one port", {kWeb, pod, Pod("other", "web", {"10.0.0.2"})}},
      {"no name",
       {kWeb, With(pod, [](Endpoint& e) { e.name = ""; })},
       "endpoint.name: \"\" is not 1 to 127 letters, digits or ._-:/@ that begin with a letter or "
       "digit (endpoint \"\")"},
      {"a name that begins like a flag",
       {kWeb, With(pod, [](Endpoint& e) { e.name = "-x"; })},
       "endpoint.name: \"-x\" is not 1 to 127 letters, digits or ._-:/@ that begin with a letter "
       "or digit (endpoint \"-x\")"},
      {"no such port",
       {pod},
       "endpoint.port: there is no port \"web\" (endpoint \"pod\")",
       StatusCode::kFailedPrecondition},
      {"on an uplink",
       {kUplink, With(pod, [](Endpoint& e) { e.port = "wire"; })},
       "endpoint.port: \"wire\" is an uplink (endpoint \"pod\")",
       StatusCode::kFailedPrecondition},
      {"no Ethernet address",
       {kWeb, With(pod, [](Endpoint& e) { e.mac = {}; })},
       "endpoint.mac: \"00:00:00:00:00:00\" is not the address of one interface (endpoint "
       "\"pod\")"},
      {"a group's Ethernet address",
       {kWeb, With(pod, [](Endpoint& e) { e.mac = Mac("01:00:5e:00:00:01"); })},
       "endpoint.mac: \"01:00:5e:00:00:01\" is not the address of one interface (endpoint "
       "\"pod\")"},
      {"another's Ethernet address",
       {kWeb, pod, With(Pod("pod2", "web", {"10.0.0.2"}), [&](Endpoint& e) { e.mac = pod.mac; })},
       "endpoint.mac: 02:00:0a:00:00:01 belongs to endpoint \"pod\" of owner \"cli\" (endpoint "
       "\"pod2\")",
       StatusCode::kFailedPrecondition},
      {"a pod without namespace",
       {kWeb, With(pod, [](Endpoint& e) { e.pod = "pod"; })},
       "endpoint.pod: \"pod\" is not NAMESPACE/NAME (endpoint \"pod\")"},
      {"a pod with three parts",
       {kWeb, With(pod, [](Endpoint& e) { e.pod = "a/b/c"; })},
       "endpoint.pod: \"a/b/c\" is not NAMESPACE/NAME (endpoint \"pod\")"},
      {"no address",
       {kWeb, With(pod, [](Endpoint& e) { e.addresses = {}; })},
       "endpoint.ip: 0 addresses, not 1 to 64 (endpoint \"pod\")"},
      {"too many addresses",
       {kWeb, Pod("pod", "web", many)},
       "endpoint.ip: 65 addresses, not 1 to 64 (endpoint \"pod\")"},
      {"an address twice",
       {kWeb, Pod("pod", "web", {"10.0.0.1", "fd00::1", "10.0.0.1"})},
       "endpoint.ip[2]: 10.0.0.1 is given twice (endpoint \"pod\")"},
      {"another's address",
       {kWeb, Pod("a", "web", {"10.0.0.1"}, Owner::kAgent),
        Pod("b", "web", {"10.0.0.2", "10.0.0.1"})},
       "endpoint.ip[1]: 10.0.0.1 belongs to endpoint \"a\" of owner \"agent\" (endpoint \"b\")",
       StatusCode::kFailedPrecondition},
      {"the switch's address",
       {kWeb, kUplink, Pod("pod", "web", {"192.0.2.1"})},
       "endpoint.ip[0]: 192.0.2.1 is the switch's own on port \"wire\" (endpoint \"pod\")",
       StatusCode::kFailedPrecondition},
  });
}

TEST(ValidateTest, AddressesThatNoPodCanHave) {
  for (const std::string_view ip : {"0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1",
                                    "255.255.255.255", "::", "::1", "fe80::1", "ff02::1"}) {
    EXPECT_EQ(Validate(StateOf({kWeb, Pod("pod", "web", {ip})})).message(),
              "endpoint.ip[0]: \"" + std::string(ip) +
                  "\" cannot be an endpoint's address (endpoint \"pod\")");
  }
}

TEST(ValidateTest, Routes) {
  Check({
      {"on the link", {kUplink, OnLink("0.0.0.0/0", "wire")}},
      {"by next hops, link-local ones too",
       {kUplink, Via("0.0.0.0/0", "192.0.2.254", "wire"), Via("::/0", "fe80::1", "wire")}},
      {"no such port",
       {OnLink("10.0.0.0/8", "wire")},
       "route.port: there is no port \"wire\" (route \"10.0.0.0/8\")",
       StatusCode::kFailedPrecondition},
      {"a next hop of the other family",
       {kUplink, Via("10.0.0.0/8", "fe80::1", "wire")},
       "route.via: \"fe80::1\" is not of the prefix's family (route \"10.0.0.0/8\")"},
      {"a group as next hop",
       {kUplink, Via("10.0.0.0/8", "224.0.0.1", "wire")},
       "route.via: \"224.0.0.1\" cannot be a next hop (route \"10.0.0.0/8\")"},
  });
}

// Whatever the names: the newcomer is at fault, and told whom he collides with.
TEST(ValidateTest, WhatIsThereAlreadyComesFirst) {
  const Object agents = Pod("web", "web", {"10.0.0.1"}, Owner::kAgent);
  for (const char* name : {"aaa", "zzz"}) {
    const State before = StateOf({kWeb, agents});
    const State after = StateOf({kWeb, agents, Pod(name, "web", {"10.0.0.1"})});
    const absl::Status status = Validate(after, before);
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
    EXPECT_EQ(status.message(),
              "endpoint.mac: 02:00:0a:00:00:01 belongs to endpoint \"web\" of owner \"agent\" "
              "(endpoint \"" +
                  std::string(name) + "\")");
  }
}

TEST(ValidateTest, WhatIsThereAlreadyMayHaveChanged) {
  const State before =
      StateOf({kWeb, Pod("b", "web", {"10.0.0.1"}, Owner::kAgent), Pod("a", "web", {"10.0.0.2"})});
  // "a" takes what "b" has.
  const State after = StateOf(
      {kWeb, Pod("b", "web", {"10.0.0.1"}, Owner::kAgent),
       With(Pod("a", "web", {"10.0.0.1"}), [](Endpoint& e) { e.mac = Mac("02:00:00:00:00:07"); })});
  EXPECT_EQ(Validate(after, before).message(),
            "endpoint.ip[0]: 10.0.0.1 belongs to endpoint \"b\" of owner \"agent\" (endpoint "
            "\"a\")");
}

TEST(CheckRemovalsTest, NamesWhatStillUsesThePort) {
  const Object pod = Pod("pod", "web", {"10.0.0.1"}, Owner::kAgent);
  const State before = StateOf({kWeb, pod});
  EXPECT_TRUE(CheckRemovals(before, before).ok());
  EXPECT_TRUE(CheckRemovals(before, {}).ok());
  EXPECT_TRUE(CheckRemovals({}, StateOf({pod})).ok()) << "it never was there";
  EXPECT_EQ(CheckRemovals(before, StateOf({pod})),
            absl::FailedPreconditionError("port \"web\" is still used by endpoint \"pod\" of owner "
                                          "\"agent\": remove that first"));
  EXPECT_EQ(CheckRemovals(before, StateOf({OnLink("10.0.0.0/8", "web")})),
            absl::FailedPreconditionError("port \"web\" is still used by route \"10.0.0.0/8\" of "
                                          "owner \"cli\": remove that first"));
}

}  // namespace
}  // namespace pollux::control
