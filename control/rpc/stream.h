// The client's end of a stream, without gRPC: what streaming calls write to.
// Threading: the thread of the call.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

namespace pollux::control {

template <typename Message>
struct Stream {
  std::function<bool(const Message&)> send;  // false: the client is gone
  std::function<bool()> cancelled;
};

// How soon a stream notices that its client is gone.
inline constexpr std::chrono::milliseconds kPatience{50};

// Waits for `duration`; false if the stream was cancelled meanwhile.
template <typename Message>
bool Pause(const Stream<Message>& stream, std::chrono::milliseconds duration) {
  const auto until = std::chrono::steady_clock::now() + duration;
  while (!stream.cancelled()) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds::zero()) {
      return true;
    }
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, kPatience));
  }
  return false;
}

}  // namespace pollux::control
