// SIGINT and SIGTERM as something to react to: an open stream ends in good order, anything else
// ends the program as these signals do.
// Threading: made by the main thread before any other thread, so that all of them inherit the
// blocked signals; the handlers run on a thread of its own.
#pragma once

#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

namespace pollux::ctl {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // While it lives, a signal calls `handler`.
  class Scope {
   public:
    Scope(Interrupt& interrupt, std::function<void()> handler) : interrupt_(interrupt) {
      interrupt_.SetHandler(std::move(handler));
    }
    ~Scope() { interrupt_.SetHandler(nullptr); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Interrupt& interrupt_;
  };

 private:
  void SetHandler(std::function<void()> handler);
  void Wait();

  sigset_t signals_{};
  std::mutex mutex_;
  std::function<void()> handler_;  // guarded by mutex_
  bool ending_ = false;            // guarded by mutex_
  std::thread thread_;
};

}  // namespace pollux::ctl
