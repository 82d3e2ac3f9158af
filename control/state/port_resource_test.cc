#include "control/state/port_resource.h"

#include <gtest/gtest.h>

#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

core::PortSpec Memif(std::string socket, std::uint32_t id) {
  core::MemifSpec backend;
  backend.socket = std::move(socket);
  backend.id = id;
  return PortOn("m", backend).spec;
}

struct Row {
  core::PortSpec spec;
  std::string resource;
};

TEST(PortResourceTest, NamesWhatNoOtherPortMayHave) {
  const Row rows[] = {
      {PortOn("p", core::TapSpec{"", "eth0"}).spec, "interface eth0 in vswitchd's namespace"},
      {Tap("web").spec, "interface eth0 in /run/netns/web"},
      {Vhost("p", "/run/web.sock").spec, "socket /run/web.sock"},
      {Memif("/run/memif.sock", 7), "socket /run/memif.sock with id 7"},
      {PortOn("p", core::EthdevSpec{"0000:01:00.0"}).spec, "device 0000:01:00.0"},
      {PortOn("p", core::EthdevSpec{"net_null0,copy=1"}).spec, "device net_null0,copy=1"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ResourceOf(row.spec), row.resource);
  }
}

}  // namespace
}  // namespace pollux::control
