// Hostile guests and clients on some ports of a worker, honest guests on others: whatever the
// former write, say or take away, no frame of the latter is lost, nothing leaks, and the attacked
// port serves the next honest peer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "vhost/memif/memif_port.h"
#include "vhost/memif/test_peer.h"
#include "vhost/test_system.h"
#include "vhost/test_worker.h"
#include "vhost/vhost_user/test_guest.h"
#include "vhost/vhost_user/vhost_user_port.h"

namespace pollux::vhost {
namespace {

using memif::TestLink;
using memif::TestPeer;
using vhost_user::Feature;
using vhost_user::Request;
using vhost_user::TestFrontEnd;
using vhost_user::TestGuest;

constexpr std::uint64_t kSeed = 20261014;
constexpr std::uint64_t kFeatures = Feature::kVersion1 | Feature::kProtocolFeatures |
                                    Feature::kNetCsum | Feature::kNetHostTso4 |
                                    Feature::kNetMrgRxbuf | Feature::kRingIndirectDesc;

// Numbers that programs stumble over, and any other.
class Dice {
 public:
  std::uint64_t Any() { return generator_(); }
  std::uint64_t Below(std::uint64_t bound) { return generator_() % bound; }
  std::uint64_t Nasty() {
    constexpr std::array<std::uint64_t, 14> kNasty{
        0, 1, 2, 11, 12, 63, 64, 255, 0xffff, 0x10000, 0xffffffff, 0x100000000, 1ULL << 63, ~0ULL};
    return Below(4) == 0 ? Any() : kNasty[Below(kNasty.size())];
  }

 private:
  std::mt19937_64 generator_{kSeed};
};

std::uint32_t Low32(std::uint64_t value) { return static_cast<std::uint32_t>(value & 0xffffffff); }
std::uint16_t Low16(std::uint64_t value) { return static_cast<std::uint16_t>(value & 0xffff); }

// What a peer may send along.
class Descriptors {
 public:
  Descriptors() {
    event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    memory_.reset(memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    device_.reset(open("/dev/null", O_RDWR | O_CLOEXEC));
    PCHECK(ftruncate(memory_.get(), 1 << 20) == 0);
    PCHECK(fcntl(memory_.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0);
  }
  // `right` of them of the kind that is expected; or not.
  std::vector<int> Choose(Dice& dice, unsigned right) const {
    const std::array kinds{event_.get(), memory_.get(), device_.get()};
    std::vector<int> fds(dice.Below(4) == 0 ? dice.Below(10) : right);
    for (int& fd : fds) {
      fd = kinds[dice.Below(8) == 0 ? 2 : dice.Below(2)];
    }
    return fds;
  }

 private:
  UniqueFd event_;
  UniqueFd memory_;
  UniqueFd device_;
};

struct Victims {
  std::string vhost_user;  // socket paths
  std::string memif;
};

// --- what hostile peers do -----------------------------------------------------------------------

std::vector<std::uint8_t> NastyWords(Dice& dice, std::size_t bytes) {
  std::vector<std::uint8_t> payload(bytes);
  for (std::size_t at = 0; at + 4 <= bytes; at += 4) {
    const std::uint32_t word = Low32(dice.Nasty());
    std::memcpy(payload.data() + at, &word, sizeof word);
  }
  return payload;
}

void SendRandomRequest(TestFrontEnd& peer, Dice& dice, const Descriptors& descriptors) {
  constexpr std::array<std::size_t, 7> kSizes{0, 8, 8, 8, 40, 40, 8 + 32};
  const auto request = Request{Low32(dice.Below(48))};
  auto payload = NastyWords(dice, dice.Below(6) == 0 ? dice.Below(520) : kSizes[dice.Below(7)]);
  if (payload.size() >= 8 && dice.Below(2) == 0) {  // a ring that exists, a value that may be
    const std::array<std::uint32_t, 2> sensible{Low32(dice.Below(3)), 1U << dice.Below(16)};
    std::memcpy(payload.data(), sensible.data(), sizeof sensible);
  }
  const bool takes_fd = request == Request::kSetVringKick || request == Request::kSetVringCall ||
                        request == Request::kSetMemTable;
  peer.SendBytes(vhost_user::RequestBytes(request, payload, dice.Below(4) == 0),
                 descriptors.Choose(dice, takes_fd ? 1 : 0));
}

void SayAnything(const Victims& victims) {
  Dice dice;
  const Descriptors descriptors;
  for (int i = 0; i < 1000; ++i) {
    TestFrontEnd peer = TestFrontEnd::ConnectTo(victims.vhost_user);
    for (std::uint64_t n = dice.Below(20); n > 0; --n) {
      SendRandomRequest(peer, dice, descriptors);
    }
  }
}

// As above, in a conversation that is well under way.
void SayAnythingWithRunningRings(const Victims& victims) {
  Dice dice;
  const Descriptors descriptors;
  for (int i = 0; i < 200; ++i) {
    TestGuest guest({.features = kFeatures});
    if (guest.Start(TestFrontEnd::ConnectTo(victims.vhost_user))) {
      for (std::uint64_t n = dice.Below(30); n > 0; --n) {
        SendRandomRequest(guest.socket(), dice, descriptors);
      }
    }
  }
}

void StopInTheMiddle(const Victims& victims) {
  for (int i = 0; i < 20; ++i) {
    TestFrontEnd peer = TestFrontEnd::ConnectTo(victims.vhost_user);
    peer.SendBytes(std::array<std::uint8_t, 3>{1});
    TestPeer client = TestPeer::ConnectTo(victims.memif);
    peer.Closed();
  }
}

void SendWhatIsSlowToClose(const Victims& victims) {
  for (int i = 0; i < 5; ++i) {
    LingeringSocket first;
    LingeringSocket second;
    TestFrontEnd peer = TestFrontEnd::ConnectTo(victims.vhost_user);
    peer.SendBytes(vhost_user::RequestBytes(Request{99}), std::array{first.fd()});
    TestPeer client = TestPeer::ConnectTo(victims.memif);
    client.Send(memif::AddRegion{}, {second.fd()});
    first.GiveAway();
    second.GiveAway();
    peer.Closed();
    client.ReasonOfDisconnect();
  }
}

vhost_user::Descriptor NastyDescriptor(Dice& dice, std::size_t memory) {
  using vhost_user::GuestMemory;
  const std::array<std::uint64_t, 4> addresses{GuestMemory::kGuestBase + dice.Below(memory),
                                               GuestMemory::kGuestBase + memory - dice.Below(64),
                                               GuestMemory::kGuestBase, dice.Nasty()};
  return {.address = addresses[dice.Below(4)],
          .length = Low32(dice.Below(2) == 0 ? dice.Below(2048) : dice.Nasty()),
          .flags = Low16(dice.Below(4) == 0 ? dice.Any() : dice.Below(6)),
          .next = Low16(dice.Below(4) == 0 ? dice.Any() : dice.Below(256))};
}

void ScribbleOverARing(vhost_user::GuestRing& ring, std::size_t memory, Dice& dice) {
  for (unsigned i = 0; i < 16; ++i) {
    ring.descriptor(Low32(dice.Below(ring.size()))) = NastyDescriptor(dice, memory);
  }
  // Mostly indices that are served, so that the descriptors are looked at.
  const std::uint16_t head = Low16(dice.Below(1000) == 0 ? dice.Any() : dice.Below(ring.size()));
  if (dice.Below(1000) == 0) {
    ring.available(1) = Low16(dice.Any());
  } else {
    ring.Offer(head);
  }
  ring.used(Low32(dice.Below(2 + 4U * ring.size()))) = Low16(dice.Any());
  ring.available(0) = Low16(dice.Any());
  ring.used_event() = Low16(dice.Any());
}

// Both rings change at every moment, while the worker walks them.
void ScribbleOverRings(const Victims& victims) {
  Dice dice;
  for (int i = 0; i < 40; ++i) {
    TestGuest guest({.features = kFeatures | (i % 2 == 0 ? Feature::kRingEventIdx : 0)});
    ASSERT_TRUE(guest.Start(TestFrontEnd::ConnectTo(victims.vhost_user)));
    for (int n = 0; n < 500; ++n) {
      ScribbleOverARing(guest.receive_ring(), guest.memory().size(), dice);
      ScribbleOverARing(guest.transmit_ring(), guest.memory().size(), dice);
      guest.Kick();
    }
  }
}

// One buffer that is two things in turn: inside and outside, header and chain and table.
void FlipDescriptors(const Victims& victims) {
  using vhost_user::Descriptor;
  using vhost_user::GuestMemory;
  const std::array<Descriptor, 5> faces{
      Descriptor{GuestMemory::kGuestBase, 1500, 0, 0},
      Descriptor{GuestMemory::kGuestBase, 1500, Descriptor::kWrite, 0},
      Descriptor{GuestMemory::kGuestBase, 160, Descriptor::kIndirect, 0},
      Descriptor{GuestMemory::kGuestBase - 1, 0xffffffff, 0, 0},
      Descriptor{GuestMemory::kGuestBase, 13, Descriptor::kNext, 1}};
  const auto flip = [&](vhost_user::GuestRing& ring, unsigned n) {
    ring.descriptor(n % 4) = faces[n % faces.size()];
    ring.descriptor((n + 1) % 4) = faces[(n / 3) % faces.size()];
    while (ring.TakeUsed()) {
      ring.Offer(Low16(n % 4));
    }
  };
  for (int i = 0; i < 10; ++i) {
    TestGuest guest({.features = kFeatures});
    ASSERT_TRUE(guest.Start(TestFrontEnd::ConnectTo(victims.vhost_user)));
    for (unsigned n = 0; n < 5000; ++n) {
      flip(guest.receive_ring(), n);
      flip(guest.transmit_ring(), n);
      if (n < 64) {
        guest.transmit_ring().Offer(Low16(n % 4));
      }
      guest.Kick();
    }
  }
}

void ShrinkMemory(const Victims& victims) {
  for (int i = 0; i < 50; ++i) {
    TestGuest guest({.features = kFeatures});
    ASSERT_TRUE(guest.Start(TestFrontEnd::ConnectTo(victims.vhost_user)));
    for (int n = 0; n < 64; ++n) {
      guest.Transmit(MakeFrame(1500));
    }
    guest.Kick();
    PCHECK(ftruncate(guest.memory().fd(), i % 2 == 0 ? 0 : 1 << 20) == 0);
    guest.StopRing(1);  // the answer comes after the worker has seen it
  }
}

memif::Message RandomMessage(Dice& dice) {
  switch (dice.Below(8)) {
    case 0:
      return memif::Ack{};
    case 1:
      return memif::Hello{};
    case 2:
      return memif::Init{.version = dice.Below(4) == 0 ? Low16(dice.Any()) : memif::kVersion,
                         .id = Low32(dice.Below(3)),
                         .secret = "s",
                         .name = "n"};
    case 3:
      return memif::AddRegion{.index = Low16(dice.Below(3)), .size = dice.Nasty()};
    case 4:
      return memif::AddRing{.direction = memif::Direction{static_cast<std::uint8_t>(dice.Below(2))},
                            .index = Low16(dice.Below(3)),
                            .region = Low16(dice.Nasty()),
                            .offset = Low32(dice.Nasty()),
                            .log2_ring_size = static_cast<std::uint8_t>(dice.Below(18)),
                            .private_header_size = Low16(dice.Below(2))};
    case 5:
      return memif::Connect{};
    case 6:
      return memif::Connected{};
    default:
      return memif::Disconnect{.code = Low32(dice.Any()), .reason = std::string(95, '%')};
  }
}

void SayAnythingToMemif(const Victims& victims) {
  Dice dice;
  const Descriptors descriptors;
  for (int i = 0; i < 2000; ++i) {
    TestPeer peer = TestPeer::ConnectTo(victims.memif);
    if (dice.Below(2) == 0) {
      peer.Send(memif::Init{});
    }
    for (std::uint64_t n = dice.Below(8); n > 0; --n) {
      const memif::Message message = RandomMessage(dice);
      auto bytes = memif::EncodeMessage(message);
      if (dice.Below(8) == 0) {
        bytes[dice.Below(bytes.size())] = static_cast<std::uint8_t>(dice.Below(256));
      }
      peer.SendBytes(bytes, descriptors.Choose(dice, memif::DescriptorsOf(message)));
    }
  }
}

// A client whose place is taken for a moment is no failure: the former one is being let go.
std::optional<TestLink> ConnectToMemif(const Victims& victims) {
  for (int i = 0; i < 3; ++i) {
    // The listener may be full of silent strangers.
    if (TestPeer::ConnectTo(victims.memif).Receive().has_value()) {
      return memif::ConnectAsClient(victims.memif);
    }
  }
  return std::nullopt;
}

void ScribbleOverMemifRings(const Victims& victims) {
  Dice dice;
  for (int i = 0; i < 40; ++i) {
    std::optional<TestLink> link = ConnectToMemif(victims);
    if (!link) {
      continue;
    }
    const std::array rings{link->to_server[0], link->to_client[0]};
    for (int n = 0; n < 1000; ++n) {
      const memif::Ring& ring = rings[dice.Below(2)];
      ring.Store(Low16(dice.Any()), {.flags = Low16(dice.Below(2)),
                                     .region = Low16(dice.Below(8) == 0 ? dice.Nasty() : 0),
                                     .length = Low32(dice.Nasty()),
                                     .offset = Low32(dice.Nasty())});
      if (dice.Below(1000) == 0) {
        ring.head() = Low16(dice.Any());
      } else {
        ring.head().fetch_add(&ring == rings.data() ? 1 : 0);
      }
      ring.tail() = Low16(dice.Any());
      ring.flags() = Low16(dice.Any());
      eventfd_write(link->events_to_server[0].get(), 1);
    }
  }
}

// --- the ports -----------------------------------------------------------------------------------

struct Attack {
  const char* name;
  void (*run)(const Victims& victims);
};

class NeighboursTest : public testing::TestWithParam<Attack> {
 protected:
  static constexpr std::uint32_t kInFlight = 128;

  std::unique_ptr<core::Port> MakeVhostUser(std::uint16_t id) {
    constexpr VhostUserTimings kTimings{.message_deadline = std::chrono::milliseconds(20)};
    core::PortSpec spec;
    spec.name = std::to_string(id);
    spec.backend = core::VhostUserSpec{.socket = PathOf(id), .owner = ""};
    auto port = MakeVhostUserPort(net::PortId{id}, spec, context_, kTimings);
    CHECK(port.ok()) << port.status();
    return *std::move(port);
  }
  std::unique_ptr<core::Port> MakeMemif(std::uint16_t id) {
    constexpr memif::Options kOptions{.step = std::chrono::milliseconds(1000)};
    core::PortSpec spec;
    spec.name = std::to_string(id);
    spec.backend = core::MemifSpec{.socket = PathOf(id), .owner = ""};
    auto port = MakeMemifPort(net::PortId{id}, spec, context_, kOptions);
    CHECK(port.ok()) << port.status();
    return *std::move(port);
  }
  std::string PathOf(std::uint16_t id) const { return directory_ / std::to_string(id); }

  // A step of the honest guests' conversation.
  void Exchange() {
    Bytes frame = MakeFrame(200);
    while (sent_ - received_ < kInFlight) {
      std::memcpy(frame.data() + 14, &sent_, sizeof sent_);
      ASSERT_TRUE(a_.Transmit(frame));
      ++sent_;
    }
    a_.Kick();
    while (const auto arrived = b_.Poll()) {
      std::uint32_t number = 0;
      std::memcpy(&number, arrived->data() + 14, sizeof number);
      ASSERT_EQ(number, received_) << "a neighbour's frame was lost";
      ++received_;
      last_arrival_ = std::chrono::steady_clock::now();
    }
    ASSERT_LT(std::chrono::steady_clock::now() - last_arrival_, kPatience) << "the worker hangs";
    c_.Transmit(frame);  // goes to the attacked port
    c_.Kick();
  }

  TestDirectory directory_;
  core::Rcu rcu_{2};
  EventLoop events_;
  PortContext context_{rcu_, events_, 1, {}};
  std::unique_ptr<core::Port> port_a_ = MakeVhostUser(1);
  std::unique_ptr<core::Port> port_b_ = MakeVhostUser(2);
  std::unique_ptr<core::Port> port_c_ = MakeVhostUser(3);
  std::unique_ptr<core::Port> attacked_vhost_ = MakeVhostUser(4);
  std::unique_ptr<core::Port> attacked_memif_ = MakeMemif(5);
  TestGuest a_;
  TestGuest b_;
  TestGuest c_;
  std::uint32_t sent_ = 0;
  std::uint32_t received_ = 0;
  std::chrono::steady_clock::time_point last_arrival_ = std::chrono::steady_clock::now();
};

TEST_P(NeighboursTest, LoseNothing) {
  ASSERT_TRUE(a_.Start(TestFrontEnd::ConnectTo(PathOf(1))));
  ASSERT_TRUE(b_.Start(TestFrontEnd::ConnectTo(PathOf(2))));
  ASSERT_TRUE(c_.Start(TestFrontEnd::ConnectTo(PathOf(3))));
  const ForwardingThread worker(rcu_, net::WorkerId{0},
                                {{*port_a_, *port_b_},
                                 {*port_c_, *attacked_vhost_},
                                 {*attacked_vhost_, *attacked_memif_},
                                 {*attacked_memif_, *attacked_vhost_}});
  ASSERT_TRUE(WaitFor([&] {  // the worker has what it opens when it first rings a guest
    Exchange();
    return HasFatalFailure() || received_ > kInFlight;
  }));
  const auto descriptors = OpenDescriptors();
  std::atomic<bool> over{false};
  std::thread attacker([&] {
    GetParam().run({.vhost_user = PathOf(4), .memif = PathOf(5)});
    over = true;
  });
  while (!over && !HasFatalFailure()) {
    Exchange();
  }
  attacker.join();
  const std::uint32_t until = sent_;
  EXPECT_TRUE(WaitFor([&] {
    Exchange();
    return HasFatalFailure() || received_ > until;
  }));
  EXPECT_EQ(port_a_->Status().state, "connected");
  EXPECT_TRUE(WaitFor([&] { return attacked_memif_->Status().state.starts_with("listening"); }))
      << attacked_memif_->Status().state;
  EXPECT_TRUE(WaitFor([&] { return OpenDescriptors() <= descriptors; }))
      << OpenDescriptors() << " descriptors after " << descriptors;

  TestGuest next;
  ASSERT_TRUE(next.Start(TestFrontEnd::ConnectTo(PathOf(4))));
  c_.Transmit(MakeFrame(99));
  c_.Kick();
  EXPECT_TRUE(next.Receive()) << "the attacked port serves nobody any more";
}

INSTANTIATE_TEST_SUITE_P(Attacks, NeighboursTest,
                         testing::Values(Attack{"SayAnything", SayAnything},
                                         Attack{"SayAnythingWithRunningRings",
                                                SayAnythingWithRunningRings},
                                         Attack{"StopInTheMiddle", StopInTheMiddle},
                                         Attack{"SendWhatIsSlowToClose", SendWhatIsSlowToClose},
                                         Attack{"ScribbleOverRings", ScribbleOverRings},
                                         Attack{"FlipDescriptors", FlipDescriptors},
                                         Attack{"ShrinkMemory", ShrinkMemory},
                                         Attack{"SayAnythingToMemif", SayAnythingToMemif},
                                         Attack{"ScribbleOverMemifRings", ScribbleOverMemifRings}),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace pollux::vhost
