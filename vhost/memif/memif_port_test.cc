// The port as a whole, over real sockets and real shared memory: against a peer written by hand,
// and server and client against each other.
#include "vhost/memif/memif_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "vhost/memif/test_peer.h"
#include "vhost/test_system.h"
#include "vhost/test_worker.h"

namespace pollux::vhost::memif {
namespace {

using core::DropReason;
using core::SocketMode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const Hello kHello{.name = "test server",
                   .max_region = 0,
                   .max_ring_to_client = 3,
                   .max_ring_to_server = 3,
                   .max_log2_ring_size = 6};

class MemifPortTest : public testing::Test {
 protected:
  struct Choice {
    SocketMode role = SocketMode::kServer;
    std::uint32_t id = 0;
    std::uint16_t queues = 1;
    std::uint16_t ring_size = 64;
    std::uint32_t socket_mode = 0;
  };
  using PortPtr = std::unique_ptr<core::Port>;

  absl::StatusOr<PortPtr> TryMake(const Choice& choice) {
    core::PortSpec spec;
    spec.name = choice.role == SocketMode::kServer ? "server" : "client";
    spec.queues = choice.queues;
    spec.ring_size = choice.ring_size;
    spec.backend = core::MemifSpec{.socket = path_,
                                   .id = choice.id,
                                   .role = choice.role,
                                   .owner = "",
                                   .socket_mode = choice.socket_mode};
    return MakeMemifPort(net::PortId{1}, spec, context_, options_);
  }
  PortPtr Make(const Choice& choice) {
    auto port = TryMake(choice);
    EXPECT_TRUE(port.ok()) << port.status();
    return *std::move(port);
  }
  static bool Reaches(core::Port& port, const std::string& state) {
    return WaitFor([&] { return port.Status().state.starts_with(state); });
  }
  // Whole frames each way between a port and the peer.
  void ExpectTraffic(core::Port& port, TestLink& link, Role peer, unsigned seed = 0) {
    const Ring& to_peer = peer == Role::kClient ? link.to_client[0] : link.to_server[0];
    std::uint16_t from = peer == Role::kClient ? to_peer.tail() : to_peer.head();
    const std::vector<Bytes> frames{MakeFrame(60, seed), MakeFrame(1514, seed + 1)};
    EXPECT_THAT(worker_.Send(port, frames), ElementsAre(DropReason::kNone, DropReason::kNone));
    EXPECT_EQ(ReadFrames(link, peer, from), frames);
    if (peer == Role::kClient) {
      to_peer.head() = static_cast<std::uint16_t>(from + to_peer.size());
    } else {
      to_peer.tail() = from;
    }
    WriteFrame(link, peer, frames[1]);
    EXPECT_THAT(worker_.Receive(port), ElementsAre(Received{frames[1]}));
  }
  void ExpectTrafficBetween(core::Port& a, core::Port& b, unsigned seed = 0) {
    for (const auto& [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      const std::vector<Bytes> frames{MakeFrame(64, seed), MakeFrame(1000, seed + 1),
                                      MakeFrame(1514, seed + 2)};
      EXPECT_THAT(worker_.Send(*from, frames), testing::Each(DropReason::kNone));
      EXPECT_THAT(worker_.Receive(*to),
                  ElementsAre(Received{frames[0]}, Received{frames[1]}, Received{frames[2]}));
    }
  }

  // Patient with peers; see below for a test of that.
  Options options_{.step = kPatience,
                   .first_retry = std::chrono::milliseconds(1),
                   .longest_retry = std::chrono::milliseconds(10)};
  TestDirectory directory_;
  const std::string path_ = directory_ / "memif.sock";
  core::Rcu rcu_{8};
  EventLoop events_;
  PortContext context_{rcu_, events_, 4, {}};
  TestWorker worker_{rcu_, net::WorkerId{0}};
};

TEST_F(MemifPortTest, AServerMovesFrames) {
  const PortPtr port = Make({});
  EXPECT_EQ(port->Status().state, "listening");
  EXPECT_EQ(worker_.Send(*port, MakeFrame(60)), DropReason::kDestinationDown);
  TestLink link = ConnectAsClient(path_);
  EXPECT_EQ(port->Status().state, "connected");
  EXPECT_TRUE(port->Status().link_up);
  for (unsigned i = 0; i < 50; ++i) {  // around the ring
    ExpectTraffic(*port, link, Role::kClient, i);
  }
}

TEST_F(MemifPortTest, AClientMovesFrames) {
  const PortPtr port = Make({.role = SocketMode::kClient});
  EXPECT_THAT(port->Status().state, StartsWith("connecting: "));
  TestServer server(path_);
  TestLink link = AcceptAsServer(server, kHello);
  ASSERT_TRUE(Reaches(*port, "connected"));
  EXPECT_EQ(link.to_server[0].size(), 64);
  for (unsigned i = 0; i < 50; ++i) {
    ExpectTraffic(*port, link, Role::kServer, i);
  }
}

TEST_F(MemifPortTest, ServerAndClientOfOurOwn) {
  const PortPtr server = Make({.queues = 4});
  const PortPtr client = Make({.role = SocketMode::kClient, .queues = 4});
  ASSERT_TRUE(Reaches(*client, "connected"));
  ASSERT_TRUE(Reaches(*server, "connected"));
  for (unsigned i = 0; i < 100; ++i) {
    ExpectTrafficBetween(*server, *client, i);
  }
  for (std::uint16_t queue = 1; queue < 4; ++queue) {  // each worker has a queue of its own
    TestWorker other(rcu_, net::WorkerId{queue});
    EXPECT_EQ(other.Send(*server, MakeFrame(60, queue)), DropReason::kNone);
    EXPECT_EQ(other.Send(*client, MakeFrame(60, 10U + queue)), DropReason::kNone);
    EXPECT_THAT(other.Receive(*client, queue), ElementsAre(Received{MakeFrame(60, queue)}));
    EXPECT_THAT(other.Receive(*server, queue), ElementsAre(Received{MakeFrame(60, 10U + queue)}));
  }
}

TEST_F(MemifPortTest, TheSmallerNumberOfQueuesCounts) {
  const PortPtr server = Make({.queues = 2});
  const PortPtr client = Make({.role = SocketMode::kClient, .queues = 4});
  ASSERT_TRUE(Reaches(*client, "connected"));
  ASSERT_TRUE(Reaches(*server, "connected"));
  TestWorker third(rcu_, net::WorkerId{3});
  EXPECT_EQ(third.Send(*client, MakeFrame(60)), DropReason::kNone);
  EXPECT_THAT(third.Receive(*server, 1), ElementsAre(Received{MakeFrame(60)}));
  EXPECT_THAT(third.Receive(*client, 3), IsEmpty());
}

TEST_F(MemifPortTest, AFullRingDropsAndGoesOn) {
  const PortPtr server = Make({});
  const PortPtr client = Make({.role = SocketMode::kClient, .ring_size = 16});
  ASSERT_TRUE(Reaches(*client, "connected"));
  ASSERT_TRUE(Reaches(*server, "connected"));
  for (core::Port* port : {server.get(), client.get()}) {
    core::Port& other = port == server.get() ? *client : *server;
    const auto drops = worker_.Send(*port, std::vector<Bytes>(20, MakeFrame(60)));
    EXPECT_EQ(std::count(drops.begin(), drops.end(), DropReason::kDestinationFull), 4);
    EXPECT_EQ(worker_.Receive(other).size(), 16U);
  }
  ExpectTrafficBetween(*server, *client);
}

TEST_F(MemifPortTest, EitherSideMayDieAndComeBack) {
  PortPtr server = Make({});
  PortPtr client = Make({.role = SocketMode::kClient});
  ASSERT_TRUE(Reaches(*client, "connected"));
  ASSERT_TRUE(Reaches(*server, "connected"));
  const auto descriptors = OpenDescriptors();
  const auto mappings = Mappings();
  for (unsigned i = 0; i < 20; ++i) {
    client.reset();
    EXPECT_TRUE(Reaches(*server, "listening: the peer disconnected"));
    client = Make({.role = SocketMode::kClient});
    ASSERT_TRUE(Reaches(*server, "connected"));
    ASSERT_TRUE(Reaches(*client, "connected"));
    ExpectTrafficBetween(*server, *client, i);

    server.reset();
    EXPECT_TRUE(Reaches(*client, "connecting"));
    EXPECT_EQ(worker_.Send(*client, MakeFrame(60)), DropReason::kDestinationDown);
    server = Make({});
    ASSERT_TRUE(Reaches(*client, "connected"));
    ASSERT_TRUE(Reaches(*server, "connected"));
    ExpectTrafficBetween(*server, *client, i);
  }
  EXPECT_TRUE(WaitFor([&] { return OpenDescriptors() <= descriptors; }))
      << OpenDescriptors() << " descriptors after " << descriptors;
  EXPECT_EQ(Mappings(), mappings);
}

TEST_F(MemifPortTest, APeerThatVanishesWithoutAWord) {
  const PortPtr port = Make({});
  for (unsigned i = 0; i < 3; ++i) {
    {
      TestLink link = ConnectAsClient(path_);
      ExpectTraffic(*port, link, Role::kClient, i);
    }
    EXPECT_TRUE(Reaches(*port, "listening: the peer closed the connection"));
  }
}

// --- who is who on a socket ----------------------------------------------------------------------

TEST_F(MemifPortTest, SeveralInterfacesShareASocket) {
  const PortPtr one = Make({.id = 1});
  PortPtr two = Make({.id = 2});
  TestLink first = ConnectAsClient(path_, {.id = 1});
  TestLink second = ConnectAsClient(path_, {.id = 2});
  ExpectTraffic(*one, first, Role::kClient);
  ExpectTraffic(*two, second, Role::kClient, 5);
  EXPECT_THAT(worker_.Receive(*one), IsEmpty());
  two.reset();
  EXPECT_EQ(second.peer.ReasonOfDisconnect(), "the interface was removed");
  ExpectTraffic(*one, first, Role::kClient, 7);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(MemifPortTest, TheSocketGoesWithItsLastInterface) {
  PortPtr one = Make({.id = 1});
  PortPtr two = Make({.id = 2});
  one.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
  two.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(MemifPortTest, PortsThatCannotShare) {
  const PortPtr one = Make({.id = 1});
  EXPECT_EQ(TryMake({.id = 1}).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(TryMake({.id = 2, .socket_mode = 0666}).status().message()),
              StartsWith("socket_owner: "));
  EXPECT_EQ(TryMake({.id = 2, .queues = 0}).status().code(), absl::StatusCode::kInvalidArgument);
  TestLink link = ConnectAsClient(path_, {.id = 1});
  ExpectTraffic(*one, link, Role::kClient);
}

// What a client sends after HELLO, and why it is shown the door.
struct Stranger {
  const char* name;
  std::function<void(TestPeer& peer)> speak;
  const char* why;
};
class MemifStrangerTest : public MemifPortTest, public testing::WithParamInterface<Stranger> {};

TEST_P(MemifStrangerTest, IsToldWhyAndDisturbsNobody) {
  const PortPtr port = Make({.id = 1});
  const PortPtr other = Make({.id = 2});
  TestLink link = ConnectAsClient(path_, {.id = 1});
  const auto descriptors = OpenDescriptors();
  {
    TestPeer stranger = TestPeer::ConnectTo(path_);
    GetParam().speak(stranger);
    EXPECT_THAT(stranger.ReasonOfDisconnect(), HasSubstr(GetParam().why));
  }
  EXPECT_TRUE(WaitFor([&] { return OpenDescriptors() <= descriptors; }));
  EXPECT_EQ(port->Status().state, "connected");
  ExpectTraffic(*port, link, Role::kClient);
}

void SayInit(TestPeer& peer) { peer.Send(Init{.id = 2, .name = "stranger"}); }

INSTANTIATE_TEST_SUITE_P(
    Rows, MemifStrangerTest,
    testing::Values(Stranger{"WrongId", [](TestPeer& peer) { peer.Send(Init{.id = 3}); },
                             "no interface with id 3"},
                    Stranger{"IdOfAnother", [](TestPeer& peer) { peer.Send(Init{.id = 1}); },
                             "connected already"},
                    Stranger{"WrongVersion",
                             [](TestPeer& peer) { peer.Send(Init{.version = 0x0300, .id = 2}); },
                             "version 2.0"},
                    Stranger{"Unsealed",
                             [](TestPeer& peer) {
                               SayInit(peer);
                               const TestRegion region(4096, TestRegion::Seal::kNone);
                               peer.Send(AddRegion{.size = 4096}, {region.fd()});
                             },
                             "F_SEAL_SHRINK"},
                    Stranger{"ShortMessage", [](TestPeer& peer) { peer.SendBytes(Bytes(127, 1)); },
                             "127 bytes"},
                    Stranger{"LongMessage", [](TestPeer& peer) { peer.SendBytes(Bytes(129, 1)); },
                             "too many bytes"},
                    Stranger{"UnknownType",
                             [](TestPeer& peer) { peer.SendBytes(Bytes(128, 0xff)); },
                             "unknown message type 65535"},
                    Stranger{"DescriptorWithInit",
                             [](TestPeer& peer) {
                               const UniqueFd event(eventfd(0, EFD_CLOEXEC));
                               peer.Send(Init{.id = 2}, {event.get()});
                             },
                             "1 descriptors instead of 0"},
                    Stranger{"RegionWithoutDescriptor",
                             [](TestPeer& peer) {
                               SayInit(peer);
                               peer.Send(AddRegion{.size = 4096});
                             },
                             "0 descriptors instead of 1"},
                    Stranger{"RegionWithMany",
                             [](TestPeer& peer) {
                               SayInit(peer);
                               const TestRegion region(4096);
                               peer.Send(AddRegion{.size = 4096},
                                         std::vector<int>(200, region.fd()));
                             },
                             "200 descriptors instead of 1"},
                    Stranger{"DescriptorThatIsSlowToClose",
                             [](TestPeer& peer) {
                               SayInit(peer);
                               LingeringSocket lingering;
                               peer.Send(AddRegion{.size = 4096}, {lingering.fd()});
                               lingering.GiveAway();
                               peer.ReasonOfDisconnect();
                             },
                             ""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(MemifPortTest, WhoSaysNothingIsShownTheDoorAndKeepsNobodyOut) {
  options_.step = std::chrono::milliseconds(50);
  const PortPtr port = Make({.id = 2});
  TestPeer named = TestPeer::ConnectTo(path_);
  SayInit(named);
  EXPECT_THAT(named.ReasonOfDisconnect(), HasSubstr("in time"));
  std::vector<TestPeer> silent;
  for (int i = 0; i < 60; ++i) {
    silent.push_back(TestPeer::ConnectTo(path_));
  }
  EXPECT_THAT(silent.front().ReasonOfDisconnect(), HasSubstr("in time"));
  for (TestPeer& peer : silent) {
    peer.ReasonOfDisconnect();  // those who were too many are told nothing
  }
  EXPECT_TRUE(TestPeer::ConnectTo(path_).Receive()) << "HELLO";
}

TEST_F(MemifPortTest, AServerThatSaysNothingIsLeftAndTriedAgain) {
  options_.step = std::chrono::milliseconds(50);
  TestServer server(path_);
  const PortPtr port = Make({.role = SocketMode::kClient});
  EXPECT_THAT(server.Accept().ReasonOfDisconnect(), HasSubstr("in time"));
  EXPECT_THAT(server.Accept().ReasonOfDisconnect(), HasSubstr("in time"));
}

TEST_F(MemifPortTest, AThousandConnectionsLeaveNothing) {
  const PortPtr port = Make({});
  const auto descriptors = OpenDescriptors();
  for (int i = 0; i < 1000; ++i) {
    TestPeer peer = TestPeer::ConnectTo(path_);
    if (i % 4 == 0) {
      peer.Send(Init{});
    }
  }
  EXPECT_TRUE(WaitFor([&] { return OpenDescriptors() <= descriptors; }));
  EXPECT_TRUE(WaitFor([&] { return TestPeer::ConnectTo(path_).Receive().has_value(); }));
  EXPECT_TRUE(Reaches(*port, "listening"));
}

// --- sleeping and waking
// -------------------------------------------------------------------------

bool Readable(int fd) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&wait, 1, 0) == 1;
}
bool Rung(const UniqueFd& event) {
  eventfd_t count = 0;
  return eventfd_read(event.get(), &count) == 0;
}

TEST_F(MemifPortTest, AnArmedQueueIsWokenByItsPeer) {
  const PortPtr port = Make({});
  TestLink link = ConnectAsClient(path_);
  core::RxQueue& queue = port->rx_queue(0);
  queue.AcknowledgeWake();  // of the new connection
  EXPECT_EQ(link.to_server[0].flags(), kMaskInterrupts) << "a poller asks for no interrupts";
  EXPECT_FALSE(worker_.Arm(*port));
  EXPECT_EQ(link.to_server[0].flags(), 0);
  EXPECT_FALSE(Readable(queue.wait_handle().fd));
  WriteFrame(link, Role::kClient, MakeFrame(60));
  eventfd_write(link.events_to_server[0].get(), 1);
  EXPECT_TRUE(Readable(queue.wait_handle().fd));
  queue.AcknowledgeWake();
  EXPECT_FALSE(Readable(queue.wait_handle().fd));
  worker_.Disarm(*port);
  EXPECT_EQ(link.to_server[0].flags(), kMaskInterrupts);
  EXPECT_TRUE(worker_.Arm(*port)) << "work is there already";
}

TEST_F(MemifPortTest, ANewConnectionWakesTheWorker) {
  const PortPtr port = Make({});
  core::RxQueue& queue = port->rx_queue(0);
  queue.AcknowledgeWake();
  EXPECT_FALSE(worker_.Arm(*port));
  EXPECT_FALSE(Readable(queue.wait_handle().fd));
  const TestLink link = ConnectAsClient(path_);
  EXPECT_TRUE(Readable(queue.wait_handle().fd));
}

TEST_F(MemifPortTest, ThePeerIsRungUnlessItPolls) {
  const PortPtr port = Make({});
  const TestLink link = ConnectAsClient(path_);
  ASSERT_EQ(worker_.Send(*port, MakeFrame(60)), DropReason::kNone);
  EXPECT_TRUE(Rung(link.events_to_client[0]));
  link.to_client[0].flags() = kMaskInterrupts;
  ASSERT_EQ(worker_.Send(*port, MakeFrame(60)), DropReason::kNone);
  EXPECT_FALSE(Rung(link.events_to_client[0]));
}

// --- peers that go wrong
// -------------------------------------------------------------------------

struct Fault {
  const char* name;
  Role peer;
  void (*commit)(TestLink& link);
};
class MemifFaultTest : public MemifPortTest, public testing::WithParamInterface<Fault> {};

TEST_P(MemifFaultTest, QuarantinesThePortUntilItsPeerConnectsAnew) {
  const bool peer_is_client = GetParam().peer == Role::kClient;
  std::optional<TestServer> server;
  if (!peer_is_client) {
    server.emplace(path_);
  }
  const PortPtr port = Make({.role = peer_is_client ? SocketMode::kServer : SocketMode::kClient});
  const auto connect = [&] {
    TestLink link = server ? AcceptAsServer(*server, kHello) : ConnectAsClient(path_);
    EXPECT_TRUE(Reaches(*port, "connected"));
    return link;
  };
  {
    TestLink link = connect();
    ExpectTraffic(*port, link, GetParam().peer);
    GetParam().commit(link);
    for (int i = 0; i < 3; ++i) {
      EXPECT_THAT(worker_.Receive(*port), IsEmpty());
      worker_.Send(*port, MakeFrame(60));
    }
    EXPECT_EQ(port->Status().state, "quarantined: the peer's ring index jumped beyond the ring");
    EXPECT_FALSE(port->Status().link_up);
  }
  TestLink link = connect();
  ExpectTraffic(*port, link, GetParam().peer);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MemifFaultTest,
    testing::Values(Fault{"HeadToTheServerJumps", Role::kClient,
                          [](TestLink& link) { link.to_server[0].head() += 17; }},
                    Fault{"HeadToTheServerGoesBack", Role::kClient,
                          [](TestLink& link) { link.to_server[0].head() -= 1; }},
                    Fault{"HeadToTheClientJumps", Role::kClient,
                          [](TestLink& link) { link.to_client[0].head() += 1000; }},
                    Fault{"HeadToTheClientGoesBack", Role::kClient,
                          [](TestLink& link) { link.to_client[0].head() = 0; }},
                    Fault{"TailToTheClientJumps", Role::kServer,
                          [](TestLink& link) { link.to_client[0].tail() += 65; }},
                    Fault{"TailToTheServerJumps", Role::kServer,
                          [](TestLink& link) { link.to_server[0].tail() += 1; }}),
    [](const auto& row) { return std::string(row.param.name); });

// What a server says to our client, which then keeps trying.
TEST_F(MemifPortTest, ServersThatAreWrongAreLeftAndTriedAgain) {
  TestServer server(path_);
  const PortPtr port = Make({.role = SocketMode::kClient});
  Hello old = kHello;
  old.min_version = old.max_version = 0x0100;
  for (const Message& wrong : {Message(old), Message(Connected{}), Message(Init{})}) {
    TestPeer peer = server.Accept();
    peer.Send(wrong);
    EXPECT_NE(peer.ReasonOfDisconnect(), "");
  }
  TestLink link = AcceptAsServer(server, kHello);
  ASSERT_TRUE(Reaches(*port, "connected"));
  ExpectTraffic(*port, link, Role::kServer);
  link.peer.Send(Disconnect{.reason = "maintenance"});
  EXPECT_TRUE(Reaches(*port, "connecting: the peer disconnected: maintenance"));
}

}  // namespace
}  // namespace pollux::vhost::memif
