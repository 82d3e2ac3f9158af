// The end of a burst on either ring: telling the guest what was published, if he wants to know.
//
// The order is the contract (virtio 1.2 section 2.7.13 and 2.7.7.1): release the used index, then a
// full fence, then look at what the guest asked for. A guest that asks and then sleeps looks at the
// used index after its own fence, so one of the two always sees the other.
// Threading: by whoever owns the ring for this burst; NotifyGuest may come after giving it up.
#pragma once

#include <atomic>
#include <cstdint>

#include "vhost/vhost_user/vring.h"

namespace pollux::vhost::vhost_user {

// One look, at most one system call.
inline void NotifyGuest(const Device& device, const Queue& queue, std::uint16_t before,
                        std::uint16_t after) {
  if (queue.call == nullptr) {
    return;
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const bool wanted = device.event_index ? CrossesEvent(queue.ring.UsedEvent(), before, after)
                                         : (queue.ring.AvailableFlags() & kNoNotification) == 0;
  if (wanted) {
    queue.call->Signal();
  }
}

}  // namespace pollux::vhost::vhost_user
