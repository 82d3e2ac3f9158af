// The conversation without a socket: what is allowed when, what workers see, and when.
#include "vhost/vhost_user/session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>

#include "vhost/test_system.h"
#include "vhost/vhost_user/test_memory.h"

namespace pollux::vhost::vhost_user {
namespace {

constexpr std::uint16_t kRingSize = 64;
constexpr std::uint64_t kFeatures = Feature::kVersion1 | Feature::kProtocolFeatures;

// Remembers what it was told.
class FakeHost final : public RingHost {
 public:
  void Publish(std::shared_ptr<const Device> device) override {
    visible = std::move(device);
    ++publications;
  }
  void RestartRing(unsigned index, std::uint16_t position) override {
    EXPECT_TRUE(visible == nullptr || !visible->queues[index].ring.running())
        << "ring " << index << " is restarted under the workers";
    positions[index] = position;
  }
  [[nodiscard]] std::uint16_t RingPosition(unsigned index) const override {
    EXPECT_TRUE(visible == nullptr || !visible->queues[index].ring.running())
        << "ring " << index << " is asked for its position while it runs";
    return positions.at(index);
  }

  std::shared_ptr<const Device> visible;
  int publications = 0;
  std::map<unsigned, std::uint16_t> positions;
};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() : rx_(memory_, kRingSize), tx_(memory_, kRingSize), session_(host_, 2, 1518) {}

  // Sends; true if it was accepted.
  bool Say(Request request, Payload payload = {}, std::vector<UniqueFd> fds = {}) {
    const auto answer = session_.Handle(
        {.request = request, .wants_ack = false, .payload = payload}, std::move(fds));
    return answer.ok();
  }
  std::uint64_t Ask(Request request, Payload payload = {}) {
    const auto answer =
        session_.Handle({.request = request, .wants_ack = false, .payload = payload}, {});
    EXPECT_TRUE(answer.ok() && answer->has_value());
    std::uint64_t value = ~0ULL;
    if (answer.ok() && answer->has_value()) {
      std::memcpy(&value, (*answer)->bytes().data() + sizeof(MessageHeader), sizeof value);
    }
    return value;
  }
  bool SetMemory() { return SetMemory({memory_.Region()}); }
  bool SetMemory(const std::vector<MemoryRegion>& regions) {
    RegionList list;
    std::vector<UniqueFd> fds;
    for (const MemoryRegion& region : regions) {
      list.regions[list.count++] = region;
      fds.emplace_back(dup(memory_.fd()));
    }
    return Say(Request::kSetMemTable, list, std::move(fds));
  }
  bool SetEvent(Request request, std::uint32_t index) {
    std::vector<UniqueFd> fds;
    fds.emplace_back(eventfd(0, EFD_CLOEXEC));
    return Say(request, VringFile{.index = index, .has_fd = true}, std::move(fds));
  }
  bool StartRing(std::uint32_t index) {
    const GuestRing& ring = index % 2 == 0 ? rx_ : tx_;
    return Say(Request::kSetVringNum, VringState{index, kRingSize}) &&
           Say(Request::kSetVringBase, VringState{index, 0}) &&
           Say(Request::kSetVringAddr, ring.Address(index)) &&
           SetEvent(Request::kSetVringKick, index) && SetEvent(Request::kSetVringCall, index);
  }
  bool Enable(std::uint32_t index, std::uint32_t value = 1) {
    return Say(Request::kSetVringEnable, VringState{index, value});
  }
  void StartAll() {
    ASSERT_TRUE(Say(Request::kSetFeatures, kFeatures));
    ASSERT_TRUE(SetMemory());
    ASSERT_TRUE(StartRing(0));
    ASSERT_TRUE(StartRing(1));
  }
  const Queue& Visible(unsigned index) { return host_.visible->queues[index]; }

  GuestMemory memory_;
  GuestRing rx_;
  GuestRing tx_;
  FakeHost host_;
  Session session_;
};

TEST_F(SessionTest, OffersNothingThatWeCannotDo) {
  const std::uint64_t features = Ask(Request::kGetFeatures);
  for (const unsigned bit : {26U, 33U, 34U, 36U, 17U}) {  // LOG_ALL, IOMMU, packed, ORDER, CTRL_VQ
    EXPECT_EQ(features >> bit & 1, 0U) << "bit " << bit;
  }
  const std::uint64_t protocol = Ask(Request::kGetProtocolFeatures);
  // LOG_SHMFD, SLAVE_REQ, CRYPTO, PAGEFAULT, CONFIG, HOST_NOTIFIER, INFLIGHT, MEM_SLOTS
  for (const unsigned bit : {1U, 5U, 7U, 8U, 9U, 11U, 12U, 15U}) {
    EXPECT_EQ(protocol >> bit & 1, 0U) << "bit " << bit;
  }
  EXPECT_EQ(Ask(Request::kGetQueueNum), 2U);
}

// Packed rings, IOMMU_PLATFORM, LOG_ALL and whatever else there is or will be.
TEST_F(SessionTest, FeaturesThatWereNotOfferedAreRefusedOneByOne) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t feature = std::uint64_t{1} << bit;
    EXPECT_EQ(Say(Request::kSetProtocolFeatures, feature),
              (kOfferedProtocolFeatures & feature) != 0)
        << "protocol bit " << bit;
    if ((kOfferedFeatures & feature) == 0) {
      EXPECT_FALSE(Say(Request::kSetFeatures, kOfferedFeatures | feature)) << "bit " << bit;
    }
  }
  EXPECT_TRUE(Say(Request::kSetFeatures, kOfferedFeatures));
}

// Logging, crypto sessions, postcopy, inflight regions, memory slots, ...
TEST_F(SessionTest, RequestsThatAreNotOursAreRefusedAndTheirDescriptorsClosed) {
  constexpr std::array<unsigned, 17> kOurs{1,  2,  3,  4,  5,  8,  9,  10, 11,
                                           12, 13, 14, 15, 16, 17, 18, 20};
  const auto before = OpenDescriptors();
  for (unsigned request = 0; request < 100; ++request) {
    if (std::find(kOurs.begin(), kOurs.end(), request) == kOurs.end()) {
      std::vector<UniqueFd> fds;
      fds.emplace_back(eventfd(0, EFD_CLOEXEC));
      fds.emplace_back(dup(memory_.fd()));
      EXPECT_FALSE(Say(Request{request}, UnknownRequest{}, std::move(fds))) << request;
    }
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(SessionTest, NothingIsVisibleBeforeARingIsComplete) {
  StartAll();
  EXPECT_TRUE(Visible(0).ring.running());
  EXPECT_FALSE(Visible(0).enabled);
  EXPECT_TRUE(Visible(1).undecided);
  EXPECT_EQ(host_.visible->open_count, 0U);
  ASSERT_TRUE(Enable(1, 0));
  EXPECT_FALSE(Visible(1).enabled || Visible(1).undecided);
  ASSERT_TRUE(Enable(0));
  EXPECT_TRUE(Visible(0).enabled);
  EXPECT_EQ(host_.visible->open_count, 1U);
  EXPECT_FALSE(Visible(2).ring.running());
}

TEST_F(SessionTest, RingsAreEnabledFromTheStartWithoutProtocolFeatures) {
  ASSERT_TRUE(Say(Request::kSetFeatures, std::uint64_t{Feature::kVersion1}));
  ASSERT_TRUE(SetMemory());
  ASSERT_TRUE(StartRing(0));
  EXPECT_TRUE(Visible(0).enabled);
  EXPECT_FALSE(Visible(0).undecided);
  EXPECT_FALSE(Enable(0)) << "not a message of this conversation";
}

// As QEMU does, whose guest has no driver yet then.
TEST_F(SessionTest, RingsMayBeEnabledBeforeFeaturesAreChosen) {
  ASSERT_TRUE(Enable(0));
  ASSERT_TRUE(Enable(1));
  StartAll();
  EXPECT_TRUE(Visible(0).enabled);
  EXPECT_TRUE(Visible(1).enabled);
}

// QEMU sends the kick before the call; others number, base and address in any order.
TEST_F(SessionTest, PartsMayComeInAnyOrder) {
  ASSERT_TRUE(Say(Request::kSetFeatures, kFeatures));
  ASSERT_TRUE(SetEvent(Request::kSetVringKick, 1));
  ASSERT_TRUE(SetMemory());
  EXPECT_EQ(host_.visible, nullptr);
  ASSERT_TRUE(Say(Request::kSetVringNum, VringState{1, kRingSize}));
  EXPECT_EQ(host_.visible, nullptr);
  ASSERT_TRUE(Say(Request::kSetVringAddr, tx_.Address(1)));
  ASSERT_NE(host_.visible, nullptr);
  EXPECT_TRUE(Visible(1).ring.running());
}

TEST_F(SessionTest, GoesOnAtTheUsedIndexWhateverTheFrontEndRemembers) {
  ASSERT_TRUE(Say(Request::kSetFeatures, kFeatures));
  ASSERT_TRUE(SetMemory());
  tx_.used(1) = 4711;
  ASSERT_TRUE(StartRing(1));
  EXPECT_EQ(host_.positions[1], 4711);
}

TEST_F(SessionTest, GetVringBaseStopsTheRingFirstAndTellsWhere) {
  StartAll();
  host_.positions[1] = 99;
  EXPECT_EQ(Ask(Request::kGetVringBase, VringState{1, 0}) >> 32, 99U);
  EXPECT_FALSE(Visible(1).ring.running());
  EXPECT_TRUE(Visible(0).ring.running());
  Ask(Request::kGetVringBase, VringState{0, 0});
  EXPECT_EQ(host_.visible, nullptr);
  EXPECT_TRUE(StartRing(1)) << "and it can be started again";
}

TEST_F(SessionTest, BaseOfARingThatNeverRan) {
  ASSERT_TRUE(Say(Request::kSetVringBase, VringState{3, 17}));
  EXPECT_EQ(Ask(Request::kGetVringBase, VringState{3, 0}) >> 32, 17U);
}

TEST_F(SessionTest, ReplacedDescriptorsLiveUntilWorkersHaveLetGo) {
  StartAll();
  const auto before = host_.visible;
  ASSERT_TRUE(SetEvent(Request::kSetVringCall, 0));
  EXPECT_NE(host_.visible, before);
  EXPECT_NE(Visible(0).call, before->queues[0].call);
  EXPECT_GE(fcntl(before->queues[0].call->fd(), F_GETFD), 0) << "closed under who still sees it";
}

TEST_F(SessionTest, NewMemoryMovesRunningRings) {
  StartAll();
  const auto before = host_.visible;
  ASSERT_TRUE(SetMemory());
  EXPECT_NE(host_.visible->memory, before->memory);
  EXPECT_NE(Visible(0).ring.DescriptorAt(0), before->queues[0].ring.DescriptorAt(0));
}

TEST_F(SessionTest, NewMemoryWithoutTheRunningRingsIsRefused) {
  StartAll();
  const auto before = host_.visible;
  MemoryRegion elsewhere = memory_.Region();
  elsewhere.user_address += 1ULL << 30;
  EXPECT_FALSE(SetMemory({elsewhere}));
  EXPECT_EQ(host_.visible, before);
}

TEST(SessionEndTest, WithdrawsWhatWorkersSee) {
  FakeHost host;
  GuestMemory memory;
  const GuestRing ring(memory, kRingSize);
  {
    Session session(host, 1, 1518);
    const auto say = [&](Request request, Payload payload, int fd = -1) {
      std::vector<UniqueFd> fds;
      if (fd >= 0) {
        fds.emplace_back(fd);
      }
      const Message message{.request = request, .wants_ack = false, .payload = payload};
      ASSERT_TRUE(session.Handle(message, std::move(fds)).ok());
    };
    RegionList regions;
    regions.count = 1;
    regions.regions[0] = memory.Region();
    say(Request::kSetFeatures, kFeatures);
    say(Request::kSetMemTable, regions, dup(memory.fd()));
    say(Request::kSetVringNum, VringState{0, kRingSize});
    say(Request::kSetVringAddr, ring.Address(0));
    say(Request::kSetVringKick, VringFile{.index = 0, .has_fd = false});
    ASSERT_NE(host.visible, nullptr);
  }
  EXPECT_EQ(host.visible, nullptr);
}

// What must be refused, in a conversation with ring 0 and 1 running.
struct Refused {
  const char* name;
  Request request;
  Payload payload;
};
class SessionRefusesTest : public SessionTest, public ::testing::WithParamInterface<Refused> {};

TEST_P(SessionRefusesTest, AndChangesNothing) {
  StartAll();
  const auto before = host_.visible;
  EXPECT_FALSE(Say(GetParam().request, GetParam().payload));
  EXPECT_EQ(host_.visible, before);
}

VringAddress Misaligned(std::uint64_t descriptors, std::uint64_t available, std::uint64_t used) {
  return {.index = 0,
          .flags = 0,
          .descriptors = GuestMemory::kUserBase + descriptors,
          .used = GuestMemory::kUserBase + used,
          .available = GuestMemory::kUserBase + available,
          .log = 0};
}
constexpr std::uint64_t kEnd = 4 << 20;

INSTANTIATE_TEST_SUITE_P(
    Rows, SessionRefusesTest,
    ::testing::Values(
        Refused{"FeaturesNotOffered", Request::kSetFeatures, kFeatures | 1ULL << 34},
        Refused{"LegacyDriver", Request::kSetFeatures, std::uint64_t{Feature::kProtocolFeatures}},
        Refused{"FeaturesOfARunningDevice", Request::kSetFeatures,
                kFeatures | Feature::kNetMrgRxbuf},
        Refused{"ProtocolFeaturesNotOffered", Request::kSetProtocolFeatures,
                std::uint64_t{1 << 12}},
        Refused{"SizeOfARunningRing", Request::kSetVringNum, VringState{0, 128}},
        Refused{"SizeZero", Request::kSetVringNum, VringState{2, 0}},
        Refused{"SizeNoPowerOfTwo", Request::kSetVringNum, VringState{2, 100}},
        Refused{"SizeTooLarge", Request::kSetVringNum, VringState{2, 65536}},
        Refused{"BaseOfARunningRing", Request::kSetVringBase, VringState{0, 1}},
        Refused{"BaseTooLarge", Request::kSetVringBase, VringState{2, 65536}},
        Refused{"RingThatIsNone", Request::kSetVringNum, VringState{4, 64}},
        Refused{"RingAllOnes", Request::kGetVringBase, VringState{0xffffffff, 0}},
        Refused{"EnableTwo", Request::kSetVringEnable, VringState{0, 2}},
        Refused{"EnableOfNone", Request::kSetVringEnable, VringState{4, 1}},
        Refused{"AddressBeforeSize", Request::kSetVringAddr,
                VringAddress{2, 0, GuestMemory::kUserBase, GuestMemory::kUserBase,
                             GuestMemory::kUserBase, 0}},
        Refused{"AddressWithLog", Request::kSetVringAddr,
                VringAddress{0, 1, GuestMemory::kUserBase, GuestMemory::kUserBase,
                             GuestMemory::kUserBase, 0}},
        Refused{"DescriptorsMisaligned", Request::kSetVringAddr, Misaligned(8, 0, 0)},
        Refused{"AvailableMisaligned", Request::kSetVringAddr, Misaligned(0, 1, 0)},
        Refused{"UsedMisaligned", Request::kSetVringAddr, Misaligned(0, 0, 2)},
        Refused{"DescriptorsBeyondTheEnd", Request::kSetVringAddr, Misaligned(kEnd - 1008, 0, 0)},
        Refused{"UsedBeyondTheEnd", Request::kSetVringAddr, Misaligned(0, 0, kEnd - 512)},
        Refused{"AddressOutside", Request::kSetVringAddr, VringAddress{0, 0, 0, 0, 0, 0}},
        Refused{"MtuNotNegotiated", Request::kNetSetMtu, std::uint64_t{1500}},
        Refused{"Unknown", Request{77}, UnknownRequest{}},
        Refused{"InflightIsNotOffered", Request{31}, UnknownRequest{}}),
    [](const auto& row) { return std::string(row.param.name); });

struct Regions {
  const char* name;
  std::vector<MemoryRegion> regions;
};
class SessionMemoryTest : public SessionTest, public ::testing::WithParamInterface<Regions> {};

TEST_P(SessionMemoryTest, IsRefused) { EXPECT_FALSE(SetMemory(GetParam().regions)); }

INSTANTIATE_TEST_SUITE_P(
    Rows, SessionMemoryTest,
    ::testing::Values(
        Regions{"Empty", {{0, 0, 0, 0}}}, Regions{"LargerThanItsFile", {{0, kEnd + 4096, 0, 0}}},
        Regions{"OffsetBeyondItsFile", {{0, 4096, 0, kEnd}}},
        Regions{"OffsetWraps", {{0, 8192, 0, ~0ULL - 4095}}},
        Regions{"GuestAddressWraps", {{~0ULL - 4095, 8192, 0, 0}}},
        Regions{"UserAddressWraps", {{0, 8192, ~0ULL - 4095, 0}}},
        Regions{"OverlapInGuestAddresses", {{0, 8192, 0, 0}, {4096, 8192, 1 << 20, 0}}},
        Regions{"OverlapInUserAddresses", {{0, 8192, 0, 0}, {1 << 20, 8192, 8191, 0}}}),
    [](const auto& row) { return std::string(row.param.name); });

struct Placed {
  const char* name;
  std::uint64_t user_address;  // of a region that begins with the file
  std::uint64_t mmap_offset;
};
class SessionPlacementTest : public SessionTest, public ::testing::WithParamInterface<Placed> {};

// The front-end's addresses of the ring are aligned; where its bytes lie is not.
TEST_P(SessionPlacementTest, RingsThatLieMisalignedAreRefused) {
  ASSERT_TRUE(Say(Request::kSetFeatures, kFeatures));
  ASSERT_TRUE(SetMemory({{.guest_address = GuestMemory::kGuestBase,
                          .size = kEnd - GetParam().mmap_offset,
                          .user_address = GetParam().user_address,
                          .mmap_offset = GetParam().mmap_offset}}));
  ASSERT_TRUE(Say(Request::kSetVringNum, VringState{0, kRingSize}));
  EXPECT_FALSE(Say(Request::kSetVringAddr, rx_.Address(0)));
}

INSTANTIATE_TEST_SUITE_P(Rows, SessionPlacementTest,
                         ::testing::Values(Placed{"UserAddress", GuestMemory::kUserBase - 1, 0},
                                           Placed{"UserAddressByHalf", GuestMemory::kUserBase - 8,
                                                  0},
                                           Placed{"Offset", GuestMemory::kUserBase, 1}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(SessionTest, OnlyEventfdsAreTakenForKicks) {
  std::vector<UniqueFd> fds;
  fds.emplace_back(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(Say(Request::kSetVringKick, VringFile{.index = 0, .has_fd = true}, std::move(fds)));
}

TEST_F(SessionTest, RingDoesNotStartBeforeFeatures) {
  ASSERT_TRUE(SetMemory());
  EXPECT_FALSE(StartRing(0));
  EXPECT_EQ(host_.visible, nullptr);
}

class SessionAckTest : public SessionTest {
 protected:
  // Null: the conversation ended.
  std::optional<std::uint64_t> Ack(Request request, Payload payload) {
    const auto answer =
        session_.Handle({.request = request, .wants_ack = true, .payload = payload}, {});
    if (!answer.ok()) {
      return std::nullopt;
    }
    EXPECT_TRUE(answer->has_value());
    std::uint64_t value = ~0ULL;
    std::memcpy(&value, (*answer)->bytes().data() + sizeof(MessageHeader), sizeof value);
    return value;
  }
};

TEST_F(SessionAckTest, RefusalIsAnAnswerOnceAcksAreNegotiated) {
  EXPECT_EQ(Ack(Request{77}, UnknownRequest{}), std::nullopt);
  ASSERT_TRUE(
      Say(Request::kSetProtocolFeatures, ProtocolFeature::kReplyAck | ProtocolFeature::kNetMtu));
  EXPECT_EQ(Ack(Request{77}, UnknownRequest{}), 1U);
  EXPECT_EQ(Ack(Request::kSetFeatures, kFeatures), 0U);
  EXPECT_EQ(Ack(Request::kNetSetMtu, std::uint64_t{9000}), 0U);
  EXPECT_EQ(session_.peer_mtu(), 9000);
  EXPECT_EQ(Ack(Request::kNetSetMtu, std::uint64_t{67}), 1U);
  EXPECT_EQ(Ack(Request::kGetFeatures, {}), kOfferedFeatures) << "no second answer";
}

TEST_F(SessionAckTest, EndlessNonsenseEndsTheConversation) {
  ASSERT_TRUE(Say(Request::kSetProtocolFeatures, std::uint64_t{ProtocolFeature::kReplyAck}));
  int refused = 0;
  while (refused < 1000 && Ack(Request{77}, UnknownRequest{}) == 1U) {
    ++refused;
  }
  EXPECT_LT(refused, 100);
}

}  // namespace
}  // namespace pollux::vhost::vhost_user
