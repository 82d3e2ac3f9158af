// Workers for tests of whole ports: one that the test plays itself, step by step, and one that
// forwards between two ports on a thread of its own.
// Threading: see each class.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "dataplane/core/batch.h"
#include "dataplane/core/port.h"
#include "dataplane/core/rcu.h"
#include "vhost/test_frames.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost {

// Used by one thread. Between calls it is offline, so that ports may change meanwhile.
class TestWorker {
 public:
  TestWorker(core::Rcu& rcu, net::WorkerId id) : rcu_(rcu), id_(id) { rcu_.Register(id_); }
  TestWorker(const TestWorker&) = delete;
  TestWorker& operator=(const TestWorker&) = delete;
  ~TestWorker() { rcu_.Unregister(id_); }

  // One burst, given back already.
  std::vector<Received> Receive(core::Port& port, unsigned queue = 0);
  // What became of each frame.
  std::vector<core::DropReason> Send(core::Port& port, const std::vector<Bytes>& frames);
  core::DropReason Send(core::Port& port, const Bytes& frame) {
    return Send(port, std::vector<Bytes>{frame}).front();
  }
  // As a worker does before it sleeps: true if there is no reason to.
  bool Arm(core::Port& port, unsigned queue = 0);
  void Disarm(core::Port& port, unsigned queue = 0);

 private:
  core::Rcu& rcu_;
  const net::WorkerId id_;
  core::Batch batch_;
};

// Forwards everything that comes from some ports, each to one other, until it is destroyed. Sleeps
// like a worker of the switch when there is nothing to do and all queues can be waited for.
class ForwardingThread {
 public:
  struct Route {
    core::Port& from;
    core::Port& to;
  };
  ForwardingThread(core::Rcu& rcu, net::WorkerId id, const std::vector<Route>& routes);
  // Between two ports.
  ForwardingThread(core::Rcu& rcu, net::WorkerId id, core::Port& a, core::Port& b)
      : ForwardingThread(rcu, id, {{a, b}, {b, a}}) {}
  ForwardingThread(const ForwardingThread&) = delete;
  ForwardingThread& operator=(const ForwardingThread&) = delete;
  ~ForwardingThread();

  // Frames that were delivered, and those that were not.
  [[nodiscard]] std::uint64_t forwarded() const { return forwarded_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Source {
    core::RxQueue& queue;
    core::Port& from;
    core::Port& to;
    int watched = -1;
  };

  void Loop();
  bool ForwardBurst(Source& source);
  void Sleep();
  void Watch(int fd, core::RxQueue* queue);

  core::Rcu& rcu_;
  const net::WorkerId id_;
  std::vector<Source> sources_;
  core::Batch batch_;
  std::atomic<std::uint64_t> forwarded_{0};
  std::atomic<std::uint64_t> dropped_{0};
  UniqueFd epoll_;
  UniqueFd stopped_;  // an eventfd
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace pollux::vhost
