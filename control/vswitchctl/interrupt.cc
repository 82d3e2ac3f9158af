#include "control/vswitchctl/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

namespace pollux::ctl {

Interrupt::Interrupt() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { Wait(); });
}

Interrupt::~Interrupt() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  pthread_kill(thread_.native_handle(), SIGINT);
  thread_.join();
}

void Interrupt::SetHandler(std::function<void()> handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
}

void Interrupt::Wait() {
  constexpr int kEndedBySignal = 128;  // as shells count
  while (true) {
    int signal = 0;
    sigwait(&signals_, &signal);
    const std::lock_guard lock(mutex_);
    if (ending_) {
      return;
    }
    if (!handler_) {
      _exit(kEndedBySignal + signal);
    }
    handler_();
  }
}

}  // namespace pollux::ctl
