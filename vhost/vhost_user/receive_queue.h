// A queue pair's receiving half, as the worker sees it: the ring walker, and where to wait for it.
// Threading: the core::RxQueue face by the queue's worker; Adopt, Wake and ring().Restart by the
// event loop's thread.
#pragma once

#include <atomic>
#include <memory>

#include "dataplane/core/port.h"
#include "vhost/vhost_user/rx_ring.h"
#include "vhost/wait_set.h"

namespace pollux::vhost::vhost_user {

class ReceiveQueue final : public core::RxQueue {
 public:
  // `device` is what workers see, null while nobody is connected. `index` is the ring's.
  ReceiveQueue(const std::atomic<const Device*>& device, unsigned index)
      : device_(device), index_(index) {}
  ~ReceiveQueue() override;

  void Receive(core::Batch& batch) override;
  void Release(core::Batch&) override { ring_.Release(); }
  bool Arm() override;
  void Disarm() override;
  void AcknowledgeWake() override { wait_set_.Acknowledge(); }
  [[nodiscard]] core::WaitHandle wait_handle() const override;

  // The ring as it will be published: follows its kick. The former kick may be closed afterwards.
  void Adopt(const Queue& queue);
  // Once it is published, so that a worker who wakes and finds nothing has seen it.
  void Wake() { wait_set_.Wake(); }

  [[nodiscard]] RxRing& ring() { return ring_; }
  [[nodiscard]] const RxRing& ring() const { return ring_; }

 private:
  // Null if there is no device, or the ring does not run or is not to be touched yet.
  [[nodiscard]] const Device* Running() const;

  const std::atomic<const Device*>& device_;
  const unsigned index_;
  RxRing ring_;
  WaitSet wait_set_;
  std::atomic<bool> must_poll_{false};     // the guest gave no kick
  std::shared_ptr<const PeerEvent> kick_;  // in wait_set_
};

}  // namespace pollux::vhost::vhost_user
