// The control thread changes a port while a worker moves frames through it: nothing is lost that
// was in a ring, nothing is seen after it was taken away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "vhost/test_system.h"
#include "vhost/test_worker.h"
#include "vhost/vhost_user/test_guest.h"
#include "vhost/vhost_user/vhost_user_port.h"

namespace pollux::vhost::vhost_user {
namespace {

constexpr unsigned kPairs = 2;

// A frame that carries its number.
Bytes Numbered(std::uint32_t number) {
  Bytes frame = MakeFrame(80);
  std::memcpy(frame.data() + 14, &number, sizeof number);
  return frame;
}
std::uint32_t NumberOf(const Bytes& frame) {
  std::uint32_t number = 0;
  std::memcpy(&number, frame.data() + 14, sizeof number);
  return number;
}

class VhostUserPortThreadsTest : public ::testing::Test {
 protected:
  VhostUserPortThreadsTest()
      : a_(Make(1)), b_(Make(2)), worker_(std::in_place, rcu_, net::WorkerId{0}, *a_, *b_) {}

  std::string PathOf(unsigned id) { return directory_ / std::to_string(id); }
  std::unique_ptr<core::Port> Make(std::uint16_t id) {
    core::PortSpec spec;
    spec.name = std::to_string(id);
    spec.queues = kPairs;
    spec.backend = core::VhostUserSpec{.socket = PathOf(id), .owner = ""};
    auto port = MakeVhostUserPort(net::PortId{id}, spec, context_);
    CHECK(port.ok()) << port.status();
    return *std::move(port);
  }
  TestFrontEnd ConnectTo(unsigned id) { return TestFrontEnd::ConnectTo(PathOf(id)); }

  // Sends until a's ring is full, in order; takes what arrived at b, which must be in order.
  void Exchange(TestGuest& from, TestGuest& to) {
    while (sent_ - received_ < 128 && from.Transmit(Numbered(sent_))) {
      ++sent_;
    }
    from.Kick();
    while (const auto frame = to.Poll()) {
      ASSERT_EQ(NumberOf(*frame), received_);
      ++received_;
    }
  }
  void ExpectAllArrive(TestGuest& from, TestGuest& to) {
    EXPECT_TRUE(WaitFor([&] {
      if (const auto frame = to.Poll()) {
        EXPECT_EQ(NumberOf(*frame), received_);
        ++received_;
      }
      return received_ == sent_;
    })) << received_
        << " of " << sent_;
    (void)from;
  }

  TestDirectory directory_;
  core::Rcu rcu_{2};
  EventLoop events_;
  PortContext context_{rcu_, events_, 1, {}};
  std::unique_ptr<core::Port> a_;
  std::unique_ptr<core::Port> b_;
  std::optional<ForwardingThread> worker_;
  std::uint32_t sent_ = 0;
  std::uint32_t received_ = 0;
};

// Nothing of this closes a queue, so every frame arrives, once and in order.
TEST_F(VhostUserPortThreadsTest, ReconfigurationUnderTrafficLosesNothing) {
  TestGuest a({.queue_pairs = kPairs});
  TestGuest b({.queue_pairs = kPairs});
  ASSERT_TRUE(a.Start(ConnectTo(1)));
  ASSERT_TRUE(b.Start(ConnectTo(2)));
  for (int round = 0; round < 100; ++round) {
    Exchange(a, b);
    ASSERT_TRUE(a.SetMemory());
    Exchange(a, b);
    ASSERT_TRUE(b.SetMemory());
    Exchange(a, b);
    ASSERT_TRUE(a.StopRing(1).has_value());
    Exchange(a, b);
    ASSERT_TRUE(a.ResumeRing(1));
    Exchange(a, b);
    ASSERT_TRUE(b.EnableRing(2, false));  // the worker uses the first pair
    Exchange(a, b);
    ASSERT_TRUE(b.StopRing(3).has_value());
    ASSERT_TRUE(b.ResumeRing(3));
    ASSERT_TRUE(b.EnableRing(2, true));
    (void)a_->Status();
    (void)b_->capabilities();
  }
  Exchange(a, b);
  ExpectAllArrive(a, b);
  EXPECT_EQ(worker_->dropped(), 0U);
}

// The guest's frames lie in its ring before the port sees it, and no kick comes any more: a worker
// that sleeps must find them all the same, and one that does not must leave them until the ring is
// enabled.
TEST_F(VhostUserPortThreadsTest, ASleepingWorkerFindsWhatWasThereBefore) {
  TestGuest b({.queue_pairs = kPairs});
  ASSERT_TRUE(b.Start(ConnectTo(2)));
  for (std::uint32_t round = 0; round < 100; ++round) {
    TestGuest a({.queue_pairs = kPairs});
    ASSERT_TRUE(a.Transmit(Numbered(round)));
    ASSERT_TRUE(a.Resume(ConnectTo(1)));
    const auto frame = b.Receive();
    ASSERT_TRUE(frame) << "round " << round;
    EXPECT_EQ(NumberOf(*frame), round);
  }
}

TEST_F(VhostUserPortThreadsTest, GuestsComeAndGoUnderTraffic) {
  TestGuest a({.queue_pairs = kPairs});
  ASSERT_TRUE(a.Start(ConnectTo(1)));
  for (unsigned round = 0; round < 50; ++round) {
    TestGuest b({.queue_pairs = kPairs});
    ASSERT_TRUE(b.Start(ConnectTo(2)));
    bool arrived = false;
    ASSERT_TRUE(WaitFor([&] {
      a.Transmit(Numbered(round));
      a.Kick();
      while (const auto frame = b.Poll()) {
        arrived |= NumberOf(*frame) == round;
      }
      return arrived;
    }));
  }
}

TEST_F(VhostUserPortThreadsTest, MemoryThatShrinksUnderTrafficCostsOnePort) {
  TestGuest a({.queue_pairs = kPairs});
  ASSERT_TRUE(a.Start(ConnectTo(1)));
  for (int round = 0; round < 20; ++round) {
    TestGuest b({.queue_pairs = kPairs});
    ASSERT_TRUE(b.Start(ConnectTo(2)));
    for (int i = 0; i < 200; ++i) {
      a.Transmit(MakeFrame(1000));
      a.Kick();
      if (i == 100) {
        PCHECK(ftruncate(b.memory().fd(), 0) == 0);  // never touched from here again
      }
    }
    EXPECT_TRUE(WaitFor([&] {
      a.Transmit(MakeFrame(1000));
      a.Kick();
      return b_->Status().state.starts_with("quarantined: ");
    })) << b_->Status().state;
    EXPECT_EQ(a_->Status().state, "connected");
  }
}

}  // namespace
}  // namespace pollux::vhost::vhost_user
