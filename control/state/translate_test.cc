#include "control/state/translate.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

struct ErrorRow {
  std::string object;  // api::Object as text
  std::string error;
};

const ErrorRow kErrors[] = {
    {"", "object: one of port, endpoint, route, service, workload, policy, cluster must be given"},
    {"port {name: 'p'}", "port: one of tap, vhost_user, memif, ethdev must be given (port \"p\")"},
    {"port {name: 'p' role: 'router' tap {}}",
     "port.role: \"router\" is neither \"pod\" nor \"uplink\" (port \"p\")"},
    {"port {name: 'p' mac: '02:00:00:00:00' tap {}}",
     "port.mac: \"02:00:00:00:00\" is not an Ethernet address (port \"p\")"},
    {"port {name: 'p' mtu: 65536 tap {}}", "port.mtu: 65536 is too large (port \"p\")"},
    {"port {name: 'p' queues: 65537 tap {}}", "port.queues: 65537 is too large (port \"p\")"},
    {"port {name: 'p' ring_size: 4294967295 tap {}}",
     "port.ring_size: 4294967295 is too large (port \"p\")"},
    {"port {name: 'p' vlan: 65537 tap {}}", "port.vlan: 65537 is too large (port \"p\")"},
    {"port {name: 'p' address: '192.0.2.1/24' address: '192.0.2.1/33' tap {}}",
     "port.address[1]: \"192.0.2.1/33\" is not an address with the length of its subnet (port "
     "\"p\")"},
    {"port {name: 'p' vhost_user {mode: 'both'}}",
     "port.vhost_user.mode: \"both\" is neither \"server\" nor \"client\" (port \"p\")"},
    {"port {name: 'p' vhost_user {socket_mode: '0668'}}",
     "port.vhost_user.socket_mode: \"0668\" is not an octal number such as 0660 (port \"p\")"},
    {"port {name: 'p' memif {role: 'master'}}",
     "port.memif.role: \"master\" is neither \"server\" nor \"client\" (port \"p\")"},
    {"port {name: 'p' memif {socket_mode: '-1'}}",
     "port.memif.socket_mode: \"-1\" is not an octal number such as 0660 (port \"p\")"},
    {"port {name: 'p' memif {socket_mode: '77777777777777'}}",
     "port.memif.socket_mode: \"77777777777777\" is not an octal number such as 0660 (port \"p\")"},
    {"port {name: 'p\\n' mtu: 65536 tap {}}", "port.mtu: 65536 is too large (port \"p\\n\")"},
    {"port {name: 'p' role: 'x' mtu: 65536}",
     "port.role: \"x\" is neither \"pod\" nor \"uplink\" (port \"p\")"},
    {"endpoint {name: 'e' ip: '10.0.0.1'}",
     "endpoint.mac: \"\" is not an Ethernet address (endpoint \"e\")"},
    {"endpoint {name: 'e' mac: '02:00:00:00:00:01' ip: '10.0.0.1' ip: '10.0.0.300'}",
     "endpoint.ip[1]: \"10.0.0.300\" is not an IP address (endpoint \"e\")"},
    {"endpoint {name: 'e' mac: '02:00:00:00:00:01' ip: '10.0.0.1/24'}",
     "endpoint.ip[0]: \"10.0.0.1/24\" is not an IP address (endpoint \"e\")"},
    {"route {port: 'p'}",
     "route.prefix: \"\" is not a prefix (ADDRESS/LENGTH, host bits zero) (route \"\")"},
    {"route {prefix: '10.0.0.1/8' port: 'p'}",
     "route.prefix: \"10.0.0.1/8\" is not a prefix (ADDRESS/LENGTH, host bits zero) (route "
     "\"10.0.0.1/8\")"},
    {"route {prefix: '10.0.0.0/8' via: 'gateway' port: 'p'}",
     "route.via: \"gateway\" is not an IP address (route \"10.0.0.0/8\")"},
};

TEST(FromProtoTest, NamesTheFieldThatIsWrong) {
  for (const ErrorRow& row : kErrors) {
    SCOPED_TRACE(row.object);
    const absl::Status status = FromProto(Parse<api::Object>(row.object), Owner::kCli).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), row.error);
  }
}

TEST(FromProtoTest, LongValuesAreCutInMessages) {
  api::Object object;
  object.mutable_route()->set_prefix(std::string(1 << 20, 'x'));
  const absl::Status status = FromProto(object, Owner::kCli).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(status.message().size(), 512U);
}

TEST(FromProtoTest, AbsentFieldsHaveDefaults) {
  const auto object = FromProto(Parse<api::Object>("port {name: 'eth7' tap {}}"), Owner::kAgent);
  EXPECT_EQ(object.value(),
            Object(PortOn("eth7", core::TapSpec{.netns = "", .ifname = "eth7"}, Owner::kAgent)));
}

TEST(FromProtoTest, OutputFieldsAreIgnored) {
  const auto object =
      FromProto(Parse<api::Object>(
                    "route {prefix: '10.0.0.0/8' owner: 'agent' port: 'p' status {live: true}}"),
                Owner::kCli);
  EXPECT_EQ(object.value(), Object(OnLink("10.0.0.0/8", "p")));
}

TEST(FromProtoTest, Keys) {
  EXPECT_EQ(std::get<PortKey>(*FromProto(Parse<api::Key>("port: 'p'"))).name, "p");
  EXPECT_EQ(std::get<EndpointKey>(*FromProto(Parse<api::Key>("endpoint: 'e'"))).name, "e");
  EXPECT_EQ(std::get<RouteKey>(*FromProto(Parse<api::Key>("route: 'fd00::/8'"))).prefix,
            Prefix("fd00::/8"));
  EXPECT_EQ(
      FromProto(api::Key()).status(),
      absl::InvalidArgumentError(
          "key: one of port, endpoint, route, service, workload, policy, cluster must be given"));
  EXPECT_EQ(FromProto(Parse<api::Key>("route: '10.0.0.1/8'")).status(),
            absl::InvalidArgumentError("key.route: \"10.0.0.1/8\" is not a prefix (ADDRESS/LENGTH, "
                                       "host bits zero) (route \"10.0.0.1/8\")"));
}

TEST(FromProtoTest, Owners) {
  EXPECT_EQ(OwnerFromProto("").value(), Owner::kCli);
  EXPECT_EQ(OwnerFromProto("cli").value(), Owner::kCli);
  EXPECT_EQ(OwnerFromProto("agent").value(), Owner::kAgent);
  for (const char* owner : {"switch", "Cli", "root"}) {
    EXPECT_EQ(OwnerFromProto(owner).status(),
              absl::InvalidArgumentError("owner: \"" + std::string(owner) +
                                         "\" is neither \"cli\" nor \"agent\""));
  }
}

std::vector<Object> OneOfEach() {
  Port uplink = Uplink("wire", {"192.0.2.1/24", "2001:db8::1/64"});
  uplink.spec.vlan = 7;
  Port vhost = Vhost("v", "/run/v.sock");
  vhost.spec.mac = Mac("02:00:00:00:00:01");
  vhost.spec.mtu = 9000;
  vhost.spec.queues = 4;
  vhost.spec.ring_size = 256;
  std::get<core::VhostUserSpec>(vhost.spec.backend) = {"/run/v.sock", core::SocketMode::kClient,
                                                       "qemu:kvm", 0660};
  Port memif =
      PortOn("m", core::MemifSpec{"/run/m.sock", 9, core::SocketMode::kClient, "0:0", 0600});
  Endpoint pod = Pod("e", "v", {"10.0.0.1", "fd00::1"});
  pod.pod = "ns/pod";
  return {Tap("t"),
          uplink,
          vhost,
          memif,
          pod,
          OnLink("10.0.0.0/8", "wire"),
          Via("::/0", "fe80::1", "wire")};
}

TEST(ToProtoTest, WhatWasListedCanBeAppliedAgain) {
  for (const Object& object : OneOfEach()) {
    const api::Object listed = ToProto(object);
    EXPECT_EQ(FromProto(listed, Owner::kCli).value(), object) << listed.DebugString();
  }
}

TEST(ToProtoTest, TextForms) {
  EXPECT_EQ(ToProto(Via("2001:0db8::/32", "fe80::0001", "wire", Owner::kAgent)).ShortDebugString(),
            "route { prefix: \"2001:db8::/32\" owner: \"agent\" via: \"fe80::1\" port: \"wire\" }");
  const api::Object port = ToProto(Object(PortOn("m", core::MemifSpec{"/m", 0, {}, "", 066})));
  EXPECT_EQ(port.port().memif().socket_mode(), "0066");
  EXPECT_EQ(port.port().memif().role(), "server");
  EXPECT_EQ(port.port().role(), "pod");
  EXPECT_EQ(port.port().mac(), "") << "zero is absent";
}

}  // namespace
}  // namespace pollux::control
