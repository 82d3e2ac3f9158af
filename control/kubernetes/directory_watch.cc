#include "control/kubernetes/directory_watch.h"

#include <glog/logging.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

namespace pollux::kubernetes {
namespace {

using Clock = std::chrono::steady_clock;

// A change comes in several events: made, written, closed, renamed.
constexpr std::chrono::milliseconds kQuiet{20};
constexpr std::chrono::milliseconds kLongestNoise{200};
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVE | IN_CREATE | IN_DELETE | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

DirectoryWatch::DirectoryWatch(std::string path)
    : path_(std::move(path)),
      inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  PCHECK(stop_ >= 0);
  PLOG_IF(WARNING, inotify_ < 0) << "no inotify: " << path_ << " is looked at every few seconds";
  Watch();
}

DirectoryWatch::~DirectoryWatch() {
  if (inotify_ >= 0) {
    close(inotify_);
  }
  close(stop_);
}

void DirectoryWatch::Watch() {
  if (inotify_ >= 0 && watch_ < 0) {
    watch_ = inotify_add_watch(inotify_, path_.c_str(), kEvents);
  }
}

bool DirectoryWatch::Drain() {
  alignas(inotify_event) std::array<char, 16384> bytes;
  bool any = false;
  for (ssize_t length = 0; (length = read(inotify_, bytes.data(), bytes.size())) > 0;) {
    any = true;
    for (ssize_t at = 0; at < length;) {
      const auto* event = reinterpret_cast<const inotify_event*>(bytes.data() + at);
      if ((event->mask & (IN_IGNORED | IN_MOVE_SELF)) != 0 && event->wd == watch_) {
        inotify_rm_watch(inotify_, watch_);  // another directory may take its place
        watch_ = -1;
      }
      at += static_cast<ssize_t>(sizeof *event + event->len);
    }
  }
  return any;
}

bool DirectoryWatch::Poll(std::chrono::milliseconds timeout) {
  std::array<pollfd, 2> wait{{{.fd = stop_, .events = POLLIN, .revents = 0},
                              {.fd = inotify_, .events = POLLIN, .revents = 0}}};
  (void)poll(wait.data(), wait.size(), static_cast<int>(timeout.count()));
  stopped_ |= wait[0].revents != 0;
  return wait[1].revents != 0 && Drain();
}

bool DirectoryWatch::Wait(std::chrono::milliseconds longest) {
  Watch();
  if (Poll(longest)) {
    const Clock::time_point end = Clock::now() + kLongestNoise;
    while (!stopped_ && Clock::now() < end && Poll(kQuiet)) {
    }
  }
  return !stopped_;
}

void DirectoryWatch::Stop() {
  const std::uint64_t one = 1;
  (void)!write(stop_, &one, sizeof one);
}

}  // namespace pollux::kubernetes
