// The one thread that talks to the peers' control sockets (vhost-user, memif).
//
// Non-blocking by contract: a callback never waits for a peer; what takes time (a message that is
// half there, a peer that does not read) is a state and a deadline. The only wait allowed is an RCU
// grace period (microseconds). Callbacks run on the loop's thread, one at a time, so what only they
// touch needs no lock.
// Threading: Post, Run and the destructor by any thread (Run and the destructor not from a
// callback); the rest on the loop's thread only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pollux::vhost {

class EventLoop {
 public:
  using Task = std::function<void()>;
  using FdCallback = std::function<void(std::uint32_t epoll_events)>;
  using Clock = std::chrono::steady_clock;
  using TimerId = std::pair<Clock::time_point, std::uint64_t>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs `task` on the loop's thread, later.
  void Post(Task task);
  // Runs `task` on the loop's thread and returns when it is done. On the loop's own thread it runs
  // at once.
  void Run(const Task& task);

  // Calls `callback` while `epoll_events` (EPOLLIN, ...) hold on fd. The fd stays the caller's and
  // is unwatched before it is closed. A callback may unwatch itself or any other.
  void Watch(int fd, std::uint32_t epoll_events, FdCallback callback);
  void Modify(int fd, std::uint32_t epoll_events);
  void Unwatch(int fd);

  TimerId After(Clock::duration delay, Task task);
  void Cancel(const TimerId& timer);

  [[nodiscard]] bool OnLoopThread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  // A number of its own, because a descriptor's number comes back: an event that was collected for
  // one that was closed since is not for its successor.
  struct Watched {
    FdCallback callback;
    std::uint32_t generation;
  };

  void Loop();
  void Control(int operation, int fd, std::uint32_t epoll_events, std::uint32_t generation) const;
  void Deliver(std::uint32_t epoll_events, std::uint64_t data);
  void RunPosted();
  void RunDueTimers();
  [[nodiscard]] int MillisecondsToNextTimer() const;

  int epoll_fd_;
  int wake_fd_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards posted_
  std::vector<Task> posted_;
  // Loop thread only. Shared, so that a callback that unwatches itself stays alive while it runs.
  std::unordered_map<int, std::shared_ptr<Watched>> watched_;
  std::uint32_t last_generation_ = 0;
  std::map<TimerId, Task> timers_;
  std::uint64_t next_timer_ = 0;
  std::thread thread_;
};

}  // namespace pollux::vhost
