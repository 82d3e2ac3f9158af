#include "vhost/peer_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <cstdint>
#include <utility>

namespace pollux::vhost {
namespace {

std::uint64_t Drain(int fd) {
  std::uint64_t count = 0;
  return read(fd, &count, sizeof count) == sizeof count ? count : 0;
}

PeerEvent Adopt(int fd) { return *PeerEvent::Adopt(UniqueFd(dup(fd))); }

TEST(PeerEventTest, EachSignalAddsOne) {
  const UniqueFd theirs(eventfd(0, EFD_NONBLOCK));
  const PeerEvent event = Adopt(theirs.get());
  for (int i = 0; i < 1000; ++i) {  // more than the completions that fit at once
    event.Signal();
  }
  EXPECT_EQ(Drain(theirs.get()), 1000U);
}

// write() would sleep for ever here.
TEST(PeerEventTest, AFullBlockingCounterDoesNotBlock) {
  const UniqueFd theirs(eventfd(0, 0));
  const std::uint64_t full = 0xfffffffffffffffe;
  ASSERT_EQ(write(theirs.get(), &full, sizeof full), ssize_t{sizeof full});
  const PeerEvent event = Adopt(theirs.get());
  event.Signal();
  event.Signal();
  pollfd wait{.fd = theirs.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&wait, 1, 0), 1);
}

TEST(PeerEventTest, OnlyEventfdsAreAdopted) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const UniqueFd read_end(pipe_fds[0]);
  EXPECT_THAT(PeerEvent::Adopt(UniqueFd(pipe_fds[1])).status().message(),
              testing::HasSubstr("not an eventfd"));
  EXPECT_FALSE(PeerEvent::Adopt(UniqueFd()).ok());
}

}  // namespace
}  // namespace pollux::vhost
