// Where an idle worker waits for one queue: a descriptor that stays while peers come and go.
//
// An epoll set that holds the present peer's eventfd, if any, and one of our own. Both are
// edge-triggered, so that nothing is ever read from what the peer shares (peer_event.h).
// Threading: Acknowledge and fd by the queue's worker, the rest by the control thread.
#pragma once

#include "vhost/unique_fd.h"

namespace pollux::vhost {

class WaitSet {
 public:
  WaitSet();

  // A descriptor must be removed before it is closed: the peer's copy would keep it in the set.
  void Add(int fd);
  void Remove(int fd);
  // Wakes the worker.
  void Wake();

  // Readable while there is something to acknowledge.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  void Acknowledge();

 private:
  UniqueFd epoll_;
  UniqueFd own_;
};

}  // namespace pollux::vhost
