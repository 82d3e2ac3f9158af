// The two directions of one queue of a DPDK device.
// Threading: receive queue by its worker; send queue by any worker (a try-lock where shared).
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/core/batch.h"
#include "dataplane/core/port.h"
#include "vhost/ethdev/ethdev_device.h"

namespace pollux::vhost {

class EthdevRxQueue final : public core::RxQueue {
 public:
  // max_frame_bytes: with the Ethernet header (and tag).
  EthdevRxQueue(std::uint16_t device, std::uint16_t queue, std::uint32_t max_frame_bytes);
  ~EthdevRxQueue() override;

  void Receive(core::Batch& batch) override;
  void Release(core::Batch& batch) override;
  bool Arm() override;
  void Disarm() override;
  void AcknowledgeWake() override;
  // An epoll descriptor of ours: how interrupts are acknowledged differs by driver, DPDK knows.
  [[nodiscard]] core::WaitHandle wait_handle() const override { return {epoll_fd_, 0}; }

 private:
  void SetUpInterrupt();
  void Append(const rte_mbuf& first, core::Batch& batch) const;

  const std::uint16_t device_;
  const std::uint16_t queue_;
  const std::uint32_t max_frame_bytes_;
  int epoll_fd_ = -1;
  // Received: [first_, count_); listed in the present batch: [0, first_).
  std::array<rte_mbuf*, core::kBurst> mbufs_;
  unsigned first_ = 0;
  unsigned count_ = 0;
};

class EthdevTxQueue {
 public:
  EthdevTxQueue(const EthdevDevice& device, std::uint16_t queue, bool shared)
      : device_(device), queue_(queue), shared_(shared) {}

  // As core::Port::Send.
  void Send(std::span<core::Packet* const> packets);

 private:
  void SendOwned(std::span<core::Packet* const> packets);
  void Transmit(std::span<core::Packet* const> packets, rte_mbuf** mbufs);
  // The frame in `mbuf`, and more of them if it is longer; or why not.
  core::DropReason Fill(core::Packet& packet, rte_mbuf& mbuf) const;
  core::DropReason FillChain(const core::Packet& packet, rte_mbuf& mbuf) const;

  const EthdevDevice& device_;
  const std::uint16_t queue_;
  const bool shared_;
  alignas(64) std::atomic_flag busy_;
};

}  // namespace pollux::vhost
