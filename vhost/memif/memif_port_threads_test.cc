// Connections are published and withdrawn while a worker moves frames through the port.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "vhost/memif/memif_port.h"
#include "vhost/memif/test_peer.h"
#include "vhost/test_system.h"
#include "vhost/test_worker.h"

namespace pollux::vhost::memif {
namespace {

constexpr Options kOptions{.first_retry = std::chrono::milliseconds(1),
                           .longest_retry = std::chrono::milliseconds(10)};

// Two servers with a worker that forwards between them; clients of our own at their other ends.
class MemifPortThreadsTest : public testing::Test {
 protected:
  using PortPtr = std::unique_ptr<core::Port>;

  PortPtr Make(std::uint32_t id, core::SocketMode role) {
    core::PortSpec spec;
    spec.name = std::to_string(id);
    spec.queues = 2;
    spec.ring_size = 64;
    spec.backend =
        core::MemifSpec{.socket = directory_ / "memif.sock", .id = id, .role = role, .owner = ""};
    auto port =
        MakeMemifPort(net::PortId{static_cast<std::uint16_t>(id)}, spec, context_, kOptions);
    CHECK(port.ok()) << port.status();
    return *std::move(port);
  }
  PortPtr MakeClient(std::uint32_t id) { return Make(id, core::SocketMode::kClient); }
  // Sends again until it arrives: the other end may not be there yet.
  bool Arrives(core::Port& from, core::Port& to, unsigned seed) {
    const Bytes frame = MakeFrame(500, seed);
    return WaitFor([&] {
      player_.Send(from, frame);
      for (const Received& received : player_.Receive(to)) {
        if (received.frame == frame) {
          return true;
        }
      }
      return false;
    });
  }

  TestDirectory directory_;
  core::Rcu rcu_{4};
  EventLoop events_;
  PortContext context_{rcu_, events_, 2, {}};
  TestWorker player_{rcu_, net::WorkerId{1}};
  PortPtr one_ = Make(1, core::SocketMode::kServer);
  PortPtr two_ = Make(2, core::SocketMode::kServer);
  std::optional<ForwardingThread> worker_{std::in_place, rcu_, net::WorkerId{0}, *one_, *two_};
};

TEST_F(MemifPortThreadsTest, ClientsComeAndGoUnderTraffic) {
  const PortPtr a = MakeClient(1);
  for (unsigned round = 0; round < 50; ++round) {
    const PortPtr b = MakeClient(2);
    EXPECT_TRUE(Arrives(*a, *b, 2 * round));
    EXPECT_TRUE(Arrives(*b, *a, 2 * round + 1));
    (void)one_->Status();
  }
}

TEST_F(MemifPortThreadsTest, ServersComeAndGoUnderTraffic) {
  const PortPtr a = MakeClient(1);
  const PortPtr b = MakeClient(2);
  for (unsigned round = 0; round < 20; ++round) {
    EXPECT_TRUE(Arrives(*a, *b, round));
    worker_.reset();
    one_.reset();
    one_ = Make(1, core::SocketMode::kServer);
    worker_.emplace(rcu_, net::WorkerId{0}, *one_, *two_);
  }
  EXPECT_TRUE(Arrives(*a, *b, 100));
}

// The worker sleeps between; every frame is worth one interrupt.
TEST_F(MemifPortThreadsTest, FramesWakeASleepingWorker) {
  const PortPtr a = MakeClient(1);
  const PortPtr b = MakeClient(2);
  ASSERT_TRUE(Arrives(*a, *b, 0));
  for (unsigned i = 1; i < 200; ++i) {
    const Bytes frame = MakeFrame(60, i);
    ASSERT_EQ(player_.Send(*a, frame), core::DropReason::kNone);
    bool arrived = false;
    ASSERT_TRUE(WaitFor([&] {
      for (const Received& received : player_.Receive(*b)) {
        arrived |= received.frame == frame;
      }
      return arrived;
    }));
  }
}

}  // namespace
}  // namespace pollux::vhost::memif
