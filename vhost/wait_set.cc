#include "vhost/wait_set.h"

#include <glog/logging.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cstdint>

namespace pollux::vhost {

WaitSet::WaitSet() : epoll_(epoll_create1(EPOLL_CLOEXEC)), own_(eventfd(0, EFD_CLOEXEC)) {
  PCHECK(epoll_.valid() && own_.valid());
  Add(own_.get());
}

void WaitSet::Add(int fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  PCHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void WaitSet::Remove(int fd) { PCHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0); }

void WaitSet::Wake() {
  const std::uint64_t one = 1;
  PCHECK(write(own_.get(), &one, sizeof one) == sizeof one);
}

void WaitSet::Acknowledge() {
  std::array<epoll_event, 4> events;
  (void)epoll_wait(epoll_.get(), events.data(), events.size(), 0);
}

}  // namespace pollux::vhost
