#include "vhost/event_loop.h"

#include <glog/logging.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>

namespace pollux::vhost {

EventLoop::EventLoop()
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  PCHECK(epoll_fd_ >= 0);
  PCHECK(wake_fd_ >= 0);
  Control(EPOLL_CTL_ADD, wake_fd_, EPOLLIN, 0);
  thread_ = std::thread([this] { Loop(); });
  pthread_setname_np(thread_.native_handle(), "pollux-events");
}

EventLoop::~EventLoop() {
  CHECK(!OnLoopThread());
  Post([this] { stop_ = true; });
  thread_.join();
  close(wake_fd_);
  close(epoll_fd_);
}

void EventLoop::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  // EAGAIN means the counter is full: the loop is woken already.
  PCHECK(write(wake_fd_, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

void EventLoop::Run(const Task& task) {
  if (OnLoopThread()) {
    task();
    return;
  }
  std::mutex done_mutex;
  std::condition_variable done_condition;
  bool done = false;
  Post([&] {
    task();
    const std::lock_guard lock(done_mutex);
    done = true;
    done_condition.notify_one();
  });
  std::unique_lock lock(done_mutex);
  done_condition.wait(lock, [&] { return done; });
}

void EventLoop::Control(int operation, int fd, std::uint32_t epoll_events,
                        std::uint32_t generation) const {
  epoll_event event{};
  event.events = epoll_events;
  event.data.u64 = std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
  PCHECK(epoll_ctl(epoll_fd_, operation, fd, &event) == 0) << "fd " << fd;
}

void EventLoop::Watch(int fd, std::uint32_t epoll_events, FdCallback callback) {
  DCHECK(OnLoopThread());
  const std::uint32_t generation = ++last_generation_;
  Control(EPOLL_CTL_ADD, fd, epoll_events, generation);
  watched_[fd] = std::make_shared<Watched>(Watched{std::move(callback), generation});
}

void EventLoop::Modify(int fd, std::uint32_t epoll_events) {
  DCHECK(OnLoopThread());
  Control(EPOLL_CTL_MOD, fd, epoll_events, watched_.at(fd)->generation);
}

void EventLoop::Unwatch(int fd) {
  DCHECK(OnLoopThread());
  if (watched_.erase(fd) > 0) {
    PCHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr) == 0) << "fd " << fd;
  }
}

EventLoop::TimerId EventLoop::After(Clock::duration delay, Task task) {
  DCHECK(OnLoopThread());
  const TimerId id{Clock::now() + delay, ++next_timer_};
  timers_.emplace(id, std::move(task));
  return id;
}

void EventLoop::Cancel(const TimerId& timer) {
  DCHECK(OnLoopThread());
  timers_.erase(timer);
}

int EventLoop::MillisecondsToNextTimer() const {
  if (timers_.empty()) {
    return -1;
  }
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void EventLoop::RunDueTimers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const Task task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
  }
}

void EventLoop::RunPosted() {
  std::uint64_t ignored = 0;
  (void)!read(wake_fd_, &ignored, sizeof ignored);
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (const Task& task : tasks) {
    task();
  }
}

void EventLoop::Deliver(std::uint32_t epoll_events, std::uint64_t data) {
  const auto fd = static_cast<int>(static_cast<std::uint32_t>(data));
  if (fd == wake_fd_) {
    RunPosted();
    return;
  }
  const auto it = watched_.find(fd);
  if (it != watched_.end() && it->second->generation == data >> 32) {
    const std::shared_ptr<Watched> keep = it->second;
    keep->callback(epoll_events);
  }
}

void EventLoop::Loop() {
  std::array<epoll_event, 64> events;
  while (!stop_) {
    const int n = epoll_wait(epoll_fd_, events.data(), events.size(), MillisecondsToNextTimer());
    PCHECK(n >= 0 || errno == EINTR);
    for (int i = 0; i < n; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      Deliver(event.events, event.data.u64);
    }
    RunDueTimers();
  }
}

}  // namespace pollux::vhost
