#include "vhost/received_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <array>
#include <string>

#include "vhost/test_system.h"

namespace pollux::vhost {
namespace {

class Pair {
 public:
  explicit Pair(int type) {
    std::array<int, 2> ends{};
    PCHECK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) == 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  void Give(std::span<const int> fds) const {
    ASSERT_TRUE(SendWithDescriptors(theirs.get(), std::array<std::uint8_t, 1>{}, fds));
  }
  UniqueFd ours;
  UniqueFd theirs;
};

// Receives one message; what was taken is closed on return.
absl::Status Take(int socket, std::size_t& count) {
  std::array<char, 16> bytes;
  alignas(cmsghdr) std::array<char, kControlBytes> control;
  iovec data{.iov_base = bytes.data(), .iov_len = bytes.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  PCHECK(recvmsg(socket, &header, MSG_CMSG_CLOEXEC) > 0);
  EXPECT_EQ(header.msg_flags & MSG_CTRUNC, 0);
  std::vector<UniqueFd> fds;
  absl::Status status = TakeDescriptors(header, fds);
  count = fds.size();
  return status;
}

struct Row {
  const char* name;
  UniqueFd (*make)();
  bool good;
};
class ReceivedDescriptorsTest : public ::testing::TestWithParam<Row> {};

TEST_P(ReceivedDescriptorsTest, OnlyWhatClosesAtOnceIsTaken) {
  const Pair pair(SOCK_STREAM);
  const auto before = OpenDescriptors();
  {
    const UniqueFd given = GetParam().make();
    ASSERT_TRUE(given.valid());
    pair.Give({{given.get()}});
  }
  std::size_t count = 0;
  EXPECT_EQ(Take(pair.ours.get(), count).ok(), GetParam().good);
  EXPECT_EQ(count, GetParam().good ? 1U : 0U);
  EXPECT_TRUE(WaitFor([&] { return OpenDescriptors() == before; })) << "one is left open";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ReceivedDescriptorsTest,
    ::testing::Values(
        Row{"Eventfd", [] { return UniqueFd(eventfd(0, EFD_CLOEXEC)); }, true},
        Row{"Memfd", [] { return UniqueFd(memfd_create("test", MFD_CLOEXEC)); }, true},
        Row{"Tmpfs", [] { return UniqueFd(open("/dev/shm", O_TMPFILE | O_RDWR, 0600)); }, true},
        Row{"Device", [] { return UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)); }, false},
        Row{"Directory", [] { return UniqueFd(open("/", O_RDONLY | O_CLOEXEC)); }, false},
        Row{"PathOnly", [] { return UniqueFd(open("/dev/null", O_PATH | O_CLOEXEC)); }, false},
        Row{"Epoll", [] { return UniqueFd(epoll_create1(EPOLL_CLOEXEC)); }, false},
        Row{"Socket", [] { return UniqueFd(socket(AF_UNIX, SOCK_STREAM, 0)); }, false}),
    [](const auto& row) { return std::string(row.param.name); });

// The closes that the bodies below cause would take a minute.
class LingeringDescriptorTest : public ::testing::TestWithParam<int> {
 protected:
  void TearDown() override {
    EXPECT_LT(std::chrono::steady_clock::now() - begin_, kPatience) << "waited for the peer";
    // In the background, soon: and before the next test counts.
    EXPECT_TRUE(WaitFor([&] { return OpenDescriptors() == before_; })) << "one is left open";
  }
  const std::ptrdiff_t before_ = OpenDescriptors();
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

TEST_P(LingeringDescriptorTest, IsRefusedWithoutWaiting) {
  const Pair pair(GetParam());
  LingeringSocket lingering;
  pair.Give({{lingering.fd()}});
  lingering.GiveAway();
  std::size_t count = 0;
  EXPECT_FALSE(Take(pair.ours.get(), count).ok());
}

TEST_P(LingeringDescriptorTest, ThatNobodyReadHoldsUpNoEnd) {
  Pair pair(GetParam());
  LingeringSocket lingering;
  if (GetParam() == SOCK_SEQPACKET) {  // looks like the end
    ASSERT_TRUE(SendWithDescriptors(pair.theirs.get(), {}, {}));
  }
  pair.Give({{lingering.fd()}});
  lingering.GiveAway();
  CloseConnection(std::move(pair.ours));
  std::array<char, 1> byte;
  EXPECT_EQ(recv(pair.theirs.get(), byte.data(), byte.size(), 0), 0) << "the peer sees the end";
}

INSTANTIATE_TEST_SUITE_P(SocketTypes, LingeringDescriptorTest,
                         ::testing::Values(SOCK_STREAM, SOCK_SEQPACKET), [](const auto& row) {
                           return std::string(row.param == SOCK_STREAM ? "Stream" : "Seqpacket");
                         });

TEST(ReceivedDescriptors, AsManyAsAMessageMayHave) {
  const Pair pair(SOCK_STREAM);
  const UniqueFd event(eventfd(0, EFD_CLOEXEC));
  pair.Give(std::vector<int>(253, event.get()));
  std::size_t count = 0;
  EXPECT_TRUE(Take(pair.ours.get(), count).ok());
  EXPECT_EQ(count, 253U);
}

}  // namespace
}  // namespace pollux::vhost
