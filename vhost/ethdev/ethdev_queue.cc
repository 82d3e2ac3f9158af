#include "vhost/ethdev/ethdev_queue.h"

#include <glog/logging.h>
#include <rte_interrupts.h>
#include <rte_log.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "dataplane/core/copy.h"
#include "dataplane/net/headers.h"
#include "vhost/ethdev/mbuf_offload.h"

namespace pollux::vhost {

using core::DropReason;

EthdevRxQueue::EthdevRxQueue(std::uint16_t device, std::uint16_t queue,
                             std::uint32_t max_frame_bytes)
    : device_(device), queue_(queue), max_frame_bytes_(max_frame_bytes) {
  SetUpInterrupt();
}

EthdevRxQueue::~EthdevRxQueue() {
  rte_pktmbuf_free_bulk(mbufs_.data() + first_, count_ - first_);
  if (epoll_fd_ >= 0) {
    rte_eth_dev_rx_intr_ctl_q(device_, queue_, epoll_fd_, RTE_INTR_EVENT_DEL, nullptr);
    close(epoll_fd_);
  }
}

// Most software devices have no interrupts. Asking is the only way to find out, and the answer no
// would be logged as an error.
void EthdevRxQueue::SetUpInterrupt() {
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  PCHECK(fd >= 0);
  const auto log = static_cast<std::uint32_t>(rte_eth_dev_logtype);
  const int level = rte_log_get_level(log);
  rte_log_set_level(log, RTE_LOG_CRIT);
  const int error = rte_eth_dev_rx_intr_ctl_q(device_, queue_, fd, RTE_INTR_EVENT_ADD, nullptr);
  rte_log_set_level(log, static_cast<std::uint32_t>(level));
  if (error == 0) {
    epoll_fd_ = fd;
  } else {
    close(fd);
  }
}

void EthdevRxQueue::Receive(core::Batch& batch) {
  if (first_ == count_) {
    first_ = 0;
    count_ = rte_eth_rx_burst(device_, queue_, mbufs_.data(), core::kBurst);
  }
  for (; first_ < count_ && batch.HasRoom(); ++first_) {
    Append(*mbufs_[first_], batch);
  }
}

void EthdevRxQueue::Append(const rte_mbuf& first, core::Batch& batch) const {
  const std::uint32_t length = first.pkt_len;
  DropReason drop = DropReason::kNone;
  if (length < sizeof(net::EthernetHeader)) {
    drop = DropReason::kFrameTooShort;
  } else if (length > max_frame_bytes_) {
    drop = DropReason::kFrameTooLong;
  } else if (first.nb_segs > core::kMaxSegmentsPerFrame) {
    drop = DropReason::kTooManySegments;
  }
  if (drop != DropReason::kNone) [[unlikely]] {
    batch.Append(0, 0, {}, drop);
    return;
  }
  core::Segment* segment = batch.NextSegments();
  for (const rte_mbuf* m = &first; m != nullptr; m = m->next) {
    *segment++ = {rte_pktmbuf_mtod(m, const std::uint8_t*), m->data_len};
  }
  batch.Append(first.nb_segs, length, {});
}

// The batch lists the mbufs in front of first_, no more and no less.
void EthdevRxQueue::Release(core::Batch& batch) {
  const unsigned listed = batch.size();
  DCHECK_LE(listed, first_);
  rte_pktmbuf_free_bulk(mbufs_.data() + first_ - listed, listed);
}

bool EthdevRxQueue::Arm() {
  if (epoll_fd_ < 0) {
    return false;
  }
  rte_eth_dev_rx_intr_enable(device_, queue_);  // not every driver has to be told
  return first_ < count_ || rte_eth_rx_queue_count(device_, queue_) > 0;
}

void EthdevRxQueue::Disarm() {
  if (epoll_fd_ >= 0) {
    rte_eth_dev_rx_intr_disable(device_, queue_);
  }
}

void EthdevRxQueue::AcknowledgeWake() {
  rte_epoll_event event;
  rte_epoll_wait(epoll_fd_, &event, 1, 0);
}

void EthdevTxQueue::Send(std::span<core::Packet* const> packets) {
  if (shared_ && busy_.test_and_set(std::memory_order_acquire)) {
    for (core::Packet* packet : packets) {
      packet->drop = DropReason::kDestinationBusy;
    }
    return;
  }
  for (; !packets.empty();
       packets = packets.subspan(std::min<std::size_t>(packets.size(), core::kBurst))) {
    SendOwned(packets.first(std::min<std::size_t>(packets.size(), core::kBurst)));
  }
  if (shared_) {
    busy_.clear(std::memory_order_release);
  }
}

void EthdevTxQueue::SendOwned(std::span<core::Packet* const> packets) {
  std::array<rte_mbuf*, core::kBurst> mbufs;
  const auto count = static_cast<unsigned>(packets.size());
  if (rte_pktmbuf_alloc_bulk(device_.pool(), mbufs.data(), count) != 0) {
    for (core::Packet* packet : packets) {
      packet->drop = DropReason::kNoBuffers;
    }
    return;
  }
  std::array<core::Packet*, core::kBurst> filled;
  std::uint16_t ready = 0;
  for (unsigned i = 0; i < count; ++i) {
    packets[i]->drop = Fill(*packets[i], *mbufs[i]);
    if (packets[i]->drop == DropReason::kNone) [[likely]] {
      filled[ready] = packets[i];
      mbufs[ready++] = mbufs[i];
    } else {
      rte_pktmbuf_free(mbufs[i]);
    }
  }
  Transmit({filled.data(), ready}, mbufs.data());
}

// Gives `mbufs`, one chain per packet, to the device.
void EthdevTxQueue::Transmit(std::span<core::Packet* const> packets, rte_mbuf** mbufs) {
  const auto count = static_cast<std::uint16_t>(packets.size());
  std::uint16_t at = 0;
  while (at < count) {
    const auto left = static_cast<std::uint16_t>(count - at);
    const std::uint16_t good = rte_eth_tx_prepare(device_.id(), queue_, mbufs + at, left);
    const std::uint16_t sent = rte_eth_tx_burst(device_.id(), queue_, mbufs + at, good);
    at = static_cast<std::uint16_t>(at + sent);
    if (sent < good) {
      break;
    }
    if (at < count) {  // the driver cannot do what this one asks for
      packets[at]->drop = DropReason::kDeviceError;
      rte_pktmbuf_free(mbufs[at++]);
    }
  }
  for (unsigned i = at; i < count; ++i) {
    packets[i]->drop = DropReason::kDestinationFull;
  }
  rte_pktmbuf_free_bulk(mbufs + at, static_cast<unsigned>(count - at));
}

DropReason EthdevTxQueue::Fill(core::Packet& packet, rte_mbuf& mbuf) const {
  const core::Offload& offload = packet.offload;
  const bool told =
      offload.needs_checksum && device_.capabilities().checksum && DescribeOffload(packet, mbuf);
  if (offload.gso != core::Gso::kNone && !told) {
    return DropReason::kSegmentation;
  }
  const std::uint32_t length = packet.frame_length();
  if (length > rte_pktmbuf_tailroom(&mbuf)) {
    return offload.gso != core::Gso::kNone ? FillChain(packet, mbuf)
                                           : DropReason::kDestinationTooSmall;
  }
  auto* data = rte_pktmbuf_mtod(&mbuf, std::uint8_t*);
  core::CopyFrame(packet, data);
  mbuf.data_len = static_cast<std::uint16_t>(length);
  mbuf.pkt_len = length;
  if (offload.needs_checksum && !told) {
    core::CompleteChecksum(offload, data, length);
  }
  return DropReason::kNone;
}

DropReason EthdevTxQueue::FillChain(const core::Packet& packet, rte_mbuf& mbuf) const {
  core::FrameReader reader(packet);
  rte_mbuf* last = &mbuf;
  std::uint32_t left = packet.frame_length();
  mbuf.pkt_len = left;
  for (;;) {
    const auto n =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(left, rte_pktmbuf_tailroom(last)));
    reader.CopyTo(rte_pktmbuf_mtod(last, std::uint8_t*), n);
    last->data_len = n;
    left -= n;
    if (left == 0) {
      return DropReason::kNone;
    }
    last->next = rte_pktmbuf_alloc(device_.pool());
    if (last->next == nullptr) {
      return DropReason::kNoBuffers;
    }
    ++mbuf.nb_segs;
    last = last->next;
  }
}

}  // namespace pollux::vhost
