#include "vhost/port_spec_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace pollux::vhost {
namespace {

using core::PortSpec;
using testing::StartsWith;

PortSpec Tap() {
  PortSpec spec;
  spec.name = "pod/ns/name@eth0";
  spec.backend = core::TapSpec{"/run/netns/pod", "eth0"};
  return spec;
}

struct Row {
  std::string sentence;
  std::function<void(PortSpec&)> change;
  std::string error_begins;  // empty: accepted
};

class PortSpecCheckTest : public testing::TestWithParam<Row> {};

TEST_P(PortSpecCheckTest, NamesTheFieldThatIsWrong) {
  PortSpec spec = Tap();
  GetParam().change(spec);
  const absl::Status status = CheckPortSpec(spec);
  if (GetParam().error_begins.empty()) {
    EXPECT_TRUE(status.ok()) << status;
  } else {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), StartsWith(GetParam().error_begins + ": "));
  }
}

std::function<void(PortSpec&)> Ifname(const std::string& name) {
  return [name](PortSpec& s) { s.backend = core::TapSpec{"", name}; };
}
std::function<void(PortSpec&)> Socket(const std::string& path, std::uint32_t mode = 0) {
  return [=](PortSpec& s) {
    core::VhostUserSpec backend;
    backend.socket = path;
    backend.socket_mode = mode;
    s.backend = backend;
  };
}
std::function<void(PortSpec&)> Devargs(const std::string& devargs) {
  return [devargs](PortSpec& s) { s.backend = core::EthdevSpec{devargs}; };
}

const Row kRows[] = {
    {"a TAP in a namespace", [](PortSpec&) {}, ""},
    {"a TAP in our own namespace", Ifname("eth0"), ""},
    {"empty name", [](PortSpec& s) { s.name = ""; }, "name"},
    {"name with a space", [](PortSpec& s) { s.name = "a b"; }, "name"},
    {"name that begins with a dash", [](PortSpec& s) { s.name = "-a"; }, "name"},
    {"longest name", [](PortSpec& s) { s.name = std::string(127, 'a'); }, ""},
    {"name too long", [](PortSpec& s) { s.name = std::string(128, 'a'); }, "name"},
    {"least mtu", [](PortSpec& s) { s.mtu = 68; }, ""},
    {"mtu below", [](PortSpec& s) { s.mtu = 67; }, "mtu"},
    {"most mtu", [](PortSpec& s) { s.mtu = 9216; }, ""},
    {"mtu above", [](PortSpec& s) { s.mtu = 9217; }, "mtu"},
    {"no queue", [](PortSpec& s) { s.queues = 0; }, "queues"},
    {"most queues", [](PortSpec& s) { s.queues = 16; }, ""},
    {"too many queues", [](PortSpec& s) { s.queues = 17; }, "queues"},
    {"ring of no power of two", [](PortSpec& s) { s.ring_size = 1000; }, "ring_size"},
    {"ring too small", [](PortSpec& s) { s.ring_size = 32; }, "ring_size"},
    {"ring too large", [](PortSpec& s) { s.ring_size = 32768; }, "ring_size"},
    {"vlan beyond", [](PortSpec& s) { s.vlan = 4095; }, "vlan"},
    {"multicast mac", [](PortSpec& s) { s.mac.bytes[0] = 1; }, "mac"},
    {"relative netns",
     [](PortSpec& s) {
       s.backend = core::TapSpec{"pod", "eth0"};
     },
     "netns"},
    {"no ifname", Ifname(""), "ifname"},
    {"longest ifname", Ifname("abcdefghijklmno"), ""},
    {"ifname too long", Ifname("abcdefghijklmnop"), "ifname"},
    {"ifname with slash", Ifname("a/b"), "ifname"},
    {"ifname with colon", Ifname("a:b"), "ifname"},
    {"ifname with space", Ifname("a b"), "ifname"},
    {"ifname that the kernel numbers", Ifname("tap%d"), "ifname"},
    {"ifname of dots", Ifname(".."), "ifname"},
    {"longest socket", Socket("/" + std::string(106, 's')), ""},
    {"socket too long", Socket("/" + std::string(107, 's')), "socket"},
    {"relative socket", Socket("a.sock"), "socket"},
    {"socket with a zero byte", Socket(std::string("/a\0b", 4)), "socket"},
    {"setuid socket", Socket("/a", 04700), "socket_mode"},
    {"memif socket", [](PortSpec& s) { s.backend = core::MemifSpec{}; }, "socket"},
    {"device string", Devargs("net_af_packet0,iface=eth0"), ""},
    {"no device string", Devargs(""), "devargs"},
    {"device string with a newline", Devargs("net_null0\n"), "devargs"},
};

INSTANTIATE_TEST_SUITE_P(Rows, PortSpecCheckTest, testing::ValuesIn(kRows), [](const auto& row) {
  std::string name = row.param.sentence;
  for (char& c : name) {
    c = c == ' ' ? '_' : c;
  }
  return name;
});

}  // namespace
}  // namespace pollux::vhost
