#include "vhost/vhost_user/receive_queue.h"

namespace pollux::vhost::vhost_user {

ReceiveQueue::~ReceiveQueue() { Adopt({}); }

const Device* ReceiveQueue::Running() const {
  const Device* device = device_.load(std::memory_order_acquire);
  if (device == nullptr || !device->queues[index_].ring.running() ||
      device->queues[index_].undecided) {
    return nullptr;
  }
  return device;
}

void ReceiveQueue::Receive(core::Batch& batch) {
  if (const Device* device = Running()) {
    ring_.Receive(*device, device->queues[index_], batch);
  }
}

bool ReceiveQueue::Arm() {
  const Device* device = Running();
  return device != nullptr && ring_.Arm(*device, device->queues[index_]);
}

void ReceiveQueue::Disarm() {
  if (const Device* device = Running()) {
    ring_.Disarm(*device, device->queues[index_]);
  }
}

core::WaitHandle ReceiveQueue::wait_handle() const {
  return must_poll_.load(std::memory_order_relaxed) ? core::WaitHandle{}
                                                    : core::WaitHandle{.fd = wait_set_.fd()};
}

void ReceiveQueue::Adopt(const Queue& queue) {
  if (queue.kick != kick_) {
    if (kick_ != nullptr) {
      wait_set_.Remove(kick_->fd());
    }
    kick_ = queue.kick;
    if (kick_ != nullptr) {
      wait_set_.Add(kick_->fd());
    }
  }
  must_poll_.store(queue.ring.running() && queue.kick == nullptr, std::memory_order_relaxed);
}

}  // namespace pollux::vhost::vhost_user
