#include "vhost/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <string>

#include "vhost/unique_fd.h"

namespace pollux::vhost {
namespace {

using std::chrono::milliseconds;

UniqueFd MakeEvent() { return UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void Signal(int fd) {
  const std::uint64_t one = 1;
  ASSERT_EQ(write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
}

TEST(EventLoop, RunReturnsWhenTheTaskIsDoneOnTheLoopsThread) {
  EventLoop loop;
  int plain = 0;  // no lock: Run orders both sides
  bool on_loop_thread = false;
  loop.Run([&] {
    plain = 1;
    on_loop_thread = loop.OnLoopThread();
    loop.Run([&] { ++plain; });  // at once, on the loop's own thread
  });
  EXPECT_EQ(plain, 2);
  EXPECT_TRUE(on_loop_thread);
}

TEST(EventLoop, TasksRunInTheOrderInWhichTheyWerePosted) {
  EventLoop loop;
  std::string order;
  for (const char c : {'a', 'b', 'c'}) {
    loop.Post([&order, c] { order += c; });
  }
  loop.Run([] {});
  EXPECT_EQ(order, "abc");
}

// Both are reported at once; whichever comes first closes the other, whose number then means a new
// descriptor that nothing has happened to.
TEST(EventLoop, EventsOfAClosedDescriptorAreNotForItsSuccessor) {
  EventLoop loop;
  std::array<UniqueFd, 2> events{MakeEvent(), MakeEvent()};
  bool mistaken = false;
  const auto replace_other = [&](unsigned i) {
    UniqueFd& other = events[1 - i];
    const int number = other.get();
    loop.Unwatch(events[i].get());
    loop.Unwatch(number);
    other.reset();
    other = MakeEvent();
    ASSERT_EQ(other.get(), number) << "the lowest free number is given out";
    loop.Watch(number, EPOLLIN, [&](std::uint32_t) { mistaken = true; });
  };
  loop.Run([&] {
    loop.Watch(events[0].get(), EPOLLIN, [&](std::uint32_t) { replace_other(0); });
    loop.Watch(events[1].get(), EPOLLIN, [&](std::uint32_t) { replace_other(1); });
    Signal(events[0].get());  // seen together, since the loop is busy here
    Signal(events[1].get());
  });
  loop.Run([] {});
  loop.Run([] {});
  EXPECT_FALSE(mistaken);
}

TEST(EventLoop, WatchedDescriptorsReportAndUnwatchedOnesDoNot) {
  EventLoop loop;
  const UniqueFd event = MakeEvent();
  std::promise<std::uint32_t> reported;
  loop.Run([&] {
    loop.Watch(event.get(), EPOLLIN, [&](std::uint32_t events) {
      loop.Unwatch(event.get());  // a callback may unwatch itself
      reported.set_value(events);
    });
  });
  Signal(event.get());
  EXPECT_EQ(reported.get_future().get(), std::uint32_t{EPOLLIN});
  // Still readable; a second report would set the promise again, which throws.
  loop.Run([] {});
}

TEST(EventLoop, ACallbackMayUnwatchAnotherThatIsDueAsWell) {
  EventLoop loop;
  const UniqueFd first = MakeEvent();
  const UniqueFd second = MakeEvent();
  int reports = 0;
  loop.Run([&] {
    const auto stop_both = [&](std::uint32_t) {
      ++reports;
      loop.Unwatch(first.get());
      loop.Unwatch(second.get());
    };
    loop.Watch(first.get(), EPOLLIN, stop_both);
    loop.Watch(second.get(), EPOLLIN, stop_both);
    Signal(first.get());
    Signal(second.get());
  });
  std::promise<void> later;
  loop.Run([&] { loop.After(milliseconds(1), [&] { later.set_value(); }); });
  later.get_future().wait();
  loop.Run([&] { EXPECT_EQ(reports, 1); });
}

TEST(EventLoop, TimersRunInOrderAndCancelledOnesDoNot) {
  EventLoop loop;
  std::string order;
  std::promise<void> last;
  loop.Run([&] {
    loop.After(milliseconds(3), [&] {
      order += 'c';
      last.set_value();
    });
    loop.After(milliseconds(1), [&] { order += 'a'; });
    const EventLoop::TimerId cancelled = loop.After(milliseconds(2), [&] { order += 'b'; });
    loop.Cancel(cancelled);
  });
  last.get_future().wait();
  loop.Run([&] { EXPECT_EQ(order, "ac"); });
}

TEST(EventLoop, WhatWasPostedBeforeTheEndIsDone) {
  bool done = false;
  {
    EventLoop loop;
    loop.Post([&] { done = true; });
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace pollux::vhost
