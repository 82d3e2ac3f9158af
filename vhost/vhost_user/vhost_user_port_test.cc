// The port as a whole: a real socket, real shared memory, and a guest written by hand.
#include "vhost/vhost_user/vhost_user_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "vhost/test_system.h"
#include "vhost/test_worker.h"
#include "vhost/vhost_user/test_guest.h"

namespace pollux::vhost::vhost_user {
namespace {

using core::DropReason;
using core::SocketMode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr VhostUserTimings kTimings{.message_deadline = std::chrono::milliseconds(50),
                                    .first_retry = std::chrono::milliseconds(1),
                                    .longest_retry = std::chrono::milliseconds(10)};

class VhostUserPortTest : public ::testing::Test {
 protected:
  struct Options {
    SocketMode mode = SocketMode::kServer;
    std::uint16_t queues = 1;
    std::uint16_t mtu = 1500;
    std::string owner = "";
    std::uint32_t socket_mode = 0;
  };

  absl::StatusOr<std::unique_ptr<core::Port>> Make(const Options& options,
                                                   const std::string& socket) {
    core::PortSpec spec;
    spec.name = "guest";
    spec.mtu = options.mtu;
    spec.queues = options.queues;
    spec.backend = core::VhostUserSpec{.socket = socket,
                                       .mode = options.mode,
                                       .owner = options.owner,
                                       .socket_mode = options.socket_mode};
    return MakeVhostUserPort(net::PortId{1}, spec, context_, kTimings);
  }
  void Open(const Options& options) {
    auto port = Make(options, path_);
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
  }
  void Open() { Open({}); }
  TestFrontEnd Connect() { return TestFrontEnd::ConnectTo(path_); }
  std::string State() { return port_->Status().state; }
  bool Reaches(const std::string& state) {
    return WaitFor([&] { return State().starts_with(state); });
  }
  std::string Detail(const std::string& key) {
    for (const auto& [name, value] : port_->Status().details) {
      if (name == key) {
        return value;
      }
    }
    return "";
  }
  void ExpectTraffic(TestGuest& guest, unsigned seed = 0) {
    const Bytes in = MakeFrame(60, 2 * seed);
    const Bytes out = MakeFrame(1514, 2 * seed + 1);
    EXPECT_EQ(worker_.Send(*port_, in), DropReason::kNone);
    EXPECT_EQ(guest.Receive(), in);
    ASSERT_TRUE(guest.Transmit(out));
    EXPECT_THAT(worker_.Receive(*port_), ElementsAre(Received{out}));
  }

  TestDirectory directory_;
  const std::string path_ = directory_ / "guest.sock";
  core::Rcu rcu_{8};
  EventLoop events_;
  PortContext context_{rcu_, events_, 4, {}};
  TestWorker worker_{rcu_, net::WorkerId{0}};
  std::unique_ptr<core::Port> port_;
};

TEST_F(VhostUserPortTest, ListensAndMovesFrames) {
  Open();
  EXPECT_EQ(State(), "listening");
  EXPECT_EQ(worker_.Send(*port_, MakeFrame(60)), DropReason::kDestinationDown);
  EXPECT_THAT(worker_.Receive(*port_), IsEmpty());
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  EXPECT_EQ(State(), "connected");
  EXPECT_TRUE(port_->Status().link_up);
  ExpectTraffic(guest);
}

TEST_F(VhostUserPortTest, ConnectsOnceTheGuestListens) {
  Open({.mode = SocketMode::kClient});
  EXPECT_TRUE(Reaches("connecting: socket: "));
  TestListener listener(path_);
  TestGuest guest;
  ASSERT_TRUE(guest.Start(listener.Accept()));
  EXPECT_EQ(State(), "connected");
  ExpectTraffic(guest);
}

class VhostUserReconnectTest : public VhostUserPortTest,
                               public ::testing::WithParamInterface<SocketMode> {};

TEST_P(VhostUserReconnectTest, EveryTimeTheGuestDies) {
  std::optional<TestListener> listener;
  if (GetParam() == SocketMode::kClient) {
    listener.emplace(path_);
  }
  Open({.mode = GetParam()});
  const auto connect = [&] { return listener ? listener->Accept() : Connect(); };
  const auto one_guest = [&](unsigned seed) {
    TestGuest guest;
    ASSERT_TRUE(guest.Start(connect()));
    ExpectTraffic(guest, seed);
  };
  one_guest(0);
  ASSERT_TRUE(WaitFor([this] { return State() != "connected"; }));
  // A switch that connects has a connection at any time; taken, it is in the count for sure.
  std::optional<TestFrontEnd> idle;
  const auto take_idle = [&] {
    if (listener) {
      idle.emplace(connect());
    }
  };
  take_idle();
  const auto descriptors = OpenDescriptors();
  const auto mappings = Mappings();
  idle.reset();
  for (unsigned i = 1; i < 100; ++i) {
    one_guest(i);
  }
  take_idle();
  EXPECT_TRUE(WaitFor([&] { return OpenDescriptors() <= descriptors; }))
      << OpenDescriptors() << " descriptors after " << descriptors;
  EXPECT_EQ(Mappings(), mappings);
}

INSTANTIATE_TEST_SUITE_P(Modes, VhostUserReconnectTest,
                         ::testing::Values(SocketMode::kServer, SocketMode::kClient),
                         [](const auto& row) {
                           return std::string(row.param == SocketMode::kServer ? "Server"
                                                                               : "Client");
                         });

// The guest lives on while the switch is away; what it sent meanwhile waits in its ring.
TEST_F(VhostUserPortTest, TheBacklogOfARestartIsNeitherLostNorRepeated) {
  TestGuest guest;
  Open();
  ASSERT_TRUE(guest.Start(Connect()));
  ExpectTraffic(guest);
  ASSERT_TRUE(guest.Transmit(MakeFrame(100, 0)));
  port_.reset();
  ASSERT_TRUE(guest.Transmit(MakeFrame(100, 1)));
  Open();
  ASSERT_TRUE(guest.Resume(Connect()));
  ASSERT_TRUE(guest.Transmit(MakeFrame(100, 2)));
  EXPECT_THAT(worker_.Receive(*port_),
              ElementsAre(Received{MakeFrame(100, 0)}, Received{MakeFrame(100, 1)},
                          Received{MakeFrame(100, 2)}));
  EXPECT_THAT(worker_.Receive(*port_), IsEmpty());
  ExpectTraffic(guest);
}

TEST_F(VhostUserPortTest, ABacklogLongerThanABurstComesInOrder) {
  Open();
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  for (unsigned i = 0; i < 256; ++i) {
    ASSERT_TRUE(guest.Transmit(MakeFrame(64, i)));
  }
  EXPECT_FALSE(guest.Transmit(MakeFrame(64))) << "the ring is full";
  unsigned next = 0;
  for (auto burst = worker_.Receive(*port_); !burst.empty(); burst = worker_.Receive(*port_)) {
    for (const Received& received : burst) {
      EXPECT_EQ(received, Received{MakeFrame(64, next++)});
    }
  }
  EXPECT_EQ(next, 256U);
}

TEST_F(VhostUserPortTest, AStoppedRingGoesOnWhereItStopped) {
  Open();
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  ExpectTraffic(guest);
  ASSERT_TRUE(guest.Transmit(MakeFrame(64, 7)));
  EXPECT_EQ(guest.StopRing(1), 1);
  EXPECT_THAT(worker_.Receive(*port_), IsEmpty());
  ASSERT_TRUE(guest.ResumeRing(1));
  EXPECT_THAT(worker_.Receive(*port_), ElementsAre(Received{MakeFrame(64, 7)}));
}

TEST_F(VhostUserPortTest, ASecondPeerIsTurnedAwayWhileTheFirstLives) {
  Open();
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  EXPECT_TRUE(Connect().Closed());
  EXPECT_TRUE(Connect().Closed());
  EXPECT_EQ(Detail("connections"), "1, 2 refused");
  ExpectTraffic(guest);
}

TEST_F(VhostUserPortTest, AThousandConnectionsLeaveNothing) {
  Open();
  const auto descriptors = OpenDescriptors();
  for (int i = 0; i < 1000; ++i) {
    TestFrontEnd peer = Connect();
    if (i % 2 == 0) {
      peer.Send(Request::kGetFeatures);
    }
  }
  EXPECT_TRUE(WaitFor([&] { return OpenDescriptors() <= descriptors; }));
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  ExpectTraffic(guest);
}

// --- the socket's file ---------------------------------------------------------------------------

TEST_F(VhostUserPortTest, AStaleSocketIsReplaced) {
  { const TestListener dead(path_); }
  ASSERT_TRUE(std::filesystem::is_socket(path_));
  Open();
  TestGuest guest;
  EXPECT_TRUE(guest.Start(Connect()));
}

TEST_F(VhostUserPortTest, ASocketThatSomebodyAnswersIsLeftAlone) {
  TestListener alive(path_);
  EXPECT_EQ(Make({}, path_).status().code(), absl::StatusCode::kAlreadyExists);
  TestFrontEnd client = Connect();
  alive.Accept();
}

TEST_F(VhostUserPortTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "mine";
  EXPECT_EQ(Make({}, path_).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(VhostUserPortTest, TheNameGoesWithThePortUnlessItIsSomebodyElses) {
  Open();
  port_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
  Open();
  std::filesystem::remove(path_);
  const TestListener successor(path_);
  port_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(VhostUserPortTest, OwnerAndModeOfTheSocket) {
  const std::string self = std::to_string(getuid()) + ":" + std::to_string(getgid());
  for (const auto& [options, mode] :
       std::vector<std::pair<Options, mode_t>>{{{}, 0600},
                                               {{.socket_mode = 0666}, 0666},
                                               {{.owner = self, .socket_mode = 0660}, 0660}}) {
    Open(options);
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, mode);
    EXPECT_EQ(status.st_uid, getuid());
    port_.reset();
  }
  const absl::Status unknown = Make({.owner = "nobody-of-that-name"}, path_).status();
  EXPECT_THAT(std::string(unknown.message()), StartsWith("socket_owner: "));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(VhostUserPortTest, NoSymbolicLinkIsFollowed) {
  std::filesystem::create_directory(directory_ / "real");
  std::filesystem::create_directory_symlink(directory_ / "real", directory_ / "link");
  EXPECT_EQ(Make({}, directory_ / "link/guest.sock").status().code(),
            absl::StatusCode::kFailedPrecondition);

  const TestListener listener(directory_ / "real/guest.sock");
  std::filesystem::create_symlink(directory_ / "real/guest.sock", path_);
  for (const std::string& way : {path_, directory_ / "link/guest.sock"}) {
    auto port = Make({.mode = SocketMode::kClient}, way);
    ASSERT_TRUE(port.ok());
    port_ = *std::move(port);
    EXPECT_TRUE(WaitFor([this] { return State().find("symbolic link") != std::string::npos; }))
        << State();
  }
}

// --- queues and frames ---------------------------------------------------------------------------

TEST_F(VhostUserPortTest, WorkersSpreadOverTheQueuesThatAreOpen) {
  Open({.queues = 4});
  TestGuest guest({.queue_pairs = 4});
  ASSERT_TRUE(guest.Start(Connect()));
  EXPECT_EQ(Detail("open queues"), "4 of 4");
  const auto queue_of = [&](std::uint16_t worker) {
    TestWorker other(rcu_, net::WorkerId{worker});
    EXPECT_EQ(other.Send(*port_, MakeFrame(60, worker)), DropReason::kNone);
    int found = -1;
    for (unsigned pair = 0; pair < 4; ++pair) {
      if (guest.Poll(pair)) {
        EXPECT_EQ(found, -1);
        found = static_cast<int>(pair);
      }
    }
    return found;
  };
  EXPECT_THAT((std::array{queue_of(1), queue_of(2), queue_of(3)}), ElementsAre(1, 2, 3));
  ASSERT_TRUE(guest.EnableRing(2, false));
  EXPECT_EQ(Detail("open queues"), "3 of 4");
  EXPECT_THAT((std::array{queue_of(1), queue_of(2), queue_of(3)}), ElementsAre(2, 3, 0));
  for (unsigned pair = 0; pair < 4; ++pair) {
    ASSERT_TRUE(guest.Transmit(MakeFrame(60, 10 + pair), pair));
    EXPECT_THAT(worker_.Receive(*port_, pair), ElementsAre(Received{MakeFrame(60, 10 + pair)}));
  }
}

TEST_F(VhostUserPortTest, AGuestMayUseFewerQueues) {
  Open({.queues = 4});
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  TestWorker third(rcu_, net::WorkerId{3});
  EXPECT_EQ(third.Send(*port_, MakeFrame(60)), DropReason::kNone);
  EXPECT_EQ(guest.Receive(), MakeFrame(60));
  EXPECT_THAT(worker_.Receive(*port_, 3), IsEmpty());
}

TEST_F(VhostUserPortTest, AClosedQueueTakesNothing) {
  Open();
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  ASSERT_TRUE(guest.EnableRing(0, false));
  ASSERT_TRUE(guest.EnableRing(1, false));
  EXPECT_EQ(worker_.Send(*port_, MakeFrame(60)), DropReason::kDestinationDown);
  ASSERT_TRUE(guest.Transmit(MakeFrame(60)));
  EXPECT_THAT(worker_.Receive(*port_),
              ElementsAre(::testing::Field(&Received::drop, DropReason::kPortClosed)));
}

// Jumbo frames over buffers of 2 KB, if the guest can put them together.
TEST_F(VhostUserPortTest, LargeFramesLieInMergeableBuffers) {
  Open({.mtu = 9000});
  TestGuest plain;
  ASSERT_TRUE(plain.Start(Connect()));
  EXPECT_EQ(worker_.Send(*port_, MakeFrame(5000)), DropReason::kDestinationTooSmall);
  plain.Disconnect();

  TestGuest guest(
      {.features = Feature::kVersion1 | Feature::kProtocolFeatures | Feature::kNetMrgRxbuf});
  ASSERT_TRUE(guest.Start(Connect()));
  const Bytes frame = MakeFrame(5000);
  EXPECT_EQ(worker_.Send(*port_, frame), DropReason::kNone);
  Bytes got;
  for (int i = 0; i < 3; ++i) {
    const auto used = guest.receive_ring().TakeUsed();
    ASSERT_TRUE(used);
    const std::uint8_t* const at = guest.memory().At(
        guest.receive_ring().descriptor(used->id).address - GuestMemory::kGuestBase);
    got.insert(got.end(), at, at + used->length);
  }
  EXPECT_FALSE(guest.receive_ring().TakeUsed());
  ASSERT_THAT(got, SizeIs(sizeof(VirtioNetHeader) + 5000));
  EXPECT_EQ(CopyOnce<VirtioNetHeader>(got.data()).buffer_count, 3);
  EXPECT_EQ(Bytes(got.begin() + sizeof(VirtioNetHeader), got.end()), frame);
}

TEST_F(VhostUserPortTest, CapabilitiesAreThoseOfThePresentGuest) {
  Open();
  EXPECT_FALSE(port_->capabilities().checksum);
  TestGuest guest({.features = Feature::kVersion1 | Feature::kProtocolFeatures |
                               Feature::kNetGuestCsum | Feature::kNetGuestTso4});
  ASSERT_TRUE(guest.Start(Connect()));
  EXPECT_TRUE(port_->capabilities().checksum);
  EXPECT_TRUE(port_->capabilities().tso4);
  EXPECT_FALSE(port_->capabilities().tso6);
  guest.Disconnect();
  EXPECT_TRUE(WaitFor([this] { return !port_->capabilities().checksum; }));
}

// --- guests that go wrong ------------------------------------------------------------------------

struct Fault {
  const char* name;
  void (*commit)(TestGuest& guest);
  const char* state;
};
class VhostUserFaultTest : public VhostUserPortTest, public ::testing::WithParamInterface<Fault> {};

TEST_P(VhostUserFaultTest, QuarantinesThePortUntilTheGuestBeginsAnew) {
  Open();
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  ExpectTraffic(guest);
  GetParam().commit(guest);
  for (int i = 0; i < 3; ++i) {
    worker_.Send(*port_, MakeFrame(60));
    worker_.Receive(*port_);
  }
  EXPECT_EQ(State(), std::string("quarantined: ") + GetParam().state);
  EXPECT_FALSE(port_->Status().link_up);
  guest.Disconnect();
  TestGuest good;
  ASSERT_TRUE(good.Start(Connect()));
  EXPECT_EQ(State(), "connected");
  ExpectTraffic(good);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, VhostUserFaultTest,
    ::testing::Values(
        Fault{"TransmitIndexJumps",
              [](TestGuest& guest) { guest.transmit_ring().available(1) += 1000; },
              "ring 1: the available index jumped"},
        Fault{"TransmitIndexGoesBack",
              [](TestGuest& guest) { guest.transmit_ring().available(1) -= 1; },
              "ring 1: the available index jumped"},
        Fault{"ReceiveIndexJumps",
              [](TestGuest& guest) { guest.receive_ring().available(1) += 1000; },
              "ring 0: the available index jumped"},
        Fault{"HeadOutOfRange", [](TestGuest& guest) { guest.transmit_ring().Offer(256); },
              "ring 1: a head index is out of range"},
        Fault{"MemoryShrinks",
              [](TestGuest& guest) { PCHECK(ftruncate(guest.memory().fd(), 4096) == 0); },
              "ring 1: a memory region shrank"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(VhostUserPortTest, WhoStopsInAMessageLosesOnlyItsOwnConnection) {
  Open();
  auto other = Make({}, directory_ / "other.sock");
  ASSERT_TRUE(other.ok());
  TestGuest guest;
  ASSERT_TRUE(guest.Start(TestFrontEnd::ConnectTo(directory_ / "other.sock")));
  TestFrontEnd silent = Connect();
  silent.SendBytes(std::array<std::uint8_t, 5>{1});
  EXPECT_TRUE(silent.Closed());
  EXPECT_EQ(Detail("last disconnect"), "a message was begun and not finished");
  port_ = *std::move(other);
  ExpectTraffic(guest);
}

TEST_F(VhostUserPortTest, APortIsRemovedWhileItsGuestIsThere) {
  Open();
  TestGuest guest;
  ASSERT_TRUE(guest.Start(Connect()));
  ASSERT_TRUE(guest.Transmit(MakeFrame(60)));
  port_.reset();
  EXPECT_TRUE(guest.socket().Closed());
}

TEST_F(VhostUserPortTest, SpecificationsThatCannotBe) {
  EXPECT_EQ(Make({.queues = 0}, path_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Make({.queues = core::kMaxQueues + 1}, path_).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Make({}, directory_ / "missing/guest.sock").status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(Make({}, directory_ / std::string(200, 'x')).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pollux::vhost::vhost_user
