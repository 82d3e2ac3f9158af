#include "vhost/port_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "vhost/packet_generator.h"

namespace pollux::vhost {
namespace {

using testing::StartsWith;

class PortFactoryTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<core::Port>> Make(core::PortBackend backend) {
    core::PortSpec spec;
    spec.name = "p";
    spec.backend = std::move(backend);
    return MakePort(net::PortId{7}, spec, context_);
  }

  core::Rcu rcu_{1};
  EventLoop events_;
  PortContext context_{rcu_, events_, 1, {}};
};

TEST_F(PortFactoryTest, RefusesAWrongFieldBeforeAnythingIsMade) {
  EXPECT_THAT(std::string(Make(core::TapSpec{"", "a b"}).status().message()),
              StartsWith("ifname: "));
}

TEST_F(PortFactoryTest, EachBackendMakesItsPort) {
  const std::string socket = testing::TempDir() + "pollux_factory_" + std::to_string(getpid());
  core::VhostUserSpec vhost_user;
  vhost_user.socket = socket + ".vhost";
  core::MemifSpec memif;
  memif.socket = socket + ".memif";
  const core::EthdevSpec generator{"pollux_generator,src=198.18.0.1,dst=198.18.0.2"};
  for (const core::PortBackend& backend :
       {core::PortBackend{vhost_user}, core::PortBackend{memif}, core::PortBackend{generator}}) {
    const auto port = Make(backend);
    ASSERT_TRUE(port.ok()) << port.status();
    EXPECT_EQ((*port)->id(), net::PortId{7});
    EXPECT_EQ((*port)->spec().backend, backend);
  }
}

}  // namespace
}  // namespace pollux::vhost
