// A lock for the few places where workers meet and that hold it for less than a microsecond.
// Threading: any thread; never held across anything that may wait.
#pragma once

#include <emmintrin.h>

#include <atomic>

namespace pollux::core {

class SpinLock {
 public:
  void lock() {
    while (locked_.exchange(true, std::memory_order_acquire)) {
      while (locked_.load(std::memory_order_relaxed)) {
        _mm_pause();
      }
    }
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> locked_{false};
};

}  // namespace pollux::core
