// An eventfd that is shared with a peer, which may be hostile.
//
// The peer holds the same open file: it may fill the counter and clear O_NONBLOCK at any moment, so
// a worker that writes to it may sleep until the peer allows it to go on. Signal() therefore never
// writes: it lets the completion of a Linux AIO request add the one, which cannot block (a full
// counter stays full). Where the kernel offers no AIO it sets O_NONBLOCK and writes.
// For the same reason nobody reads from it: wait with epoll, edge-triggered.
// Threading: any thread.
#pragma once

#include <absl/status/statusor.h>

#include <utility>

#include "vhost/unique_fd.h"

namespace pollux::vhost {

[[nodiscard]] bool IsEventfd(int fd);

class PeerEvent {
 public:
  // InvalidArgument unless `fd` is an eventfd.
  static absl::StatusOr<PeerEvent> Adopt(UniqueFd fd);

  // Adds one to the counter: one system call, no lock.
  void Signal() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit PeerEvent(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace pollux::vhost
