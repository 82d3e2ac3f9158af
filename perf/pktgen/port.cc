#include "perf/pktgen/port.h"

#include <absl/strings/str_cat.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>

namespace pollux::pktgen {
namespace {

constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);

std::string DeviceName(const std::string& devargs) { return devargs.substr(0, devargs.find(',')); }

absl::Status DeviceError(const PortSpec& spec, const std::string& what, int error) {
  return absl::UnavailableError(
      absl::StrCat(DeviceName(spec.devargs), ": ", what, ": ", rte_strerror(std::abs(error))));
}

void WriteWholeFrame(rte_mempool* /*pool*/, void* flows, void* object, unsigned /*index*/) {
  auto* mbuf = static_cast<rte_mbuf*>(object);
  rte_pktmbuf_reset(mbuf);
  const auto& set = *static_cast<const FlowSet*>(flows);
  set.WriteWhole(
      {rte_pktmbuf_mtod(mbuf, std::uint8_t*), std::max(set.frame_bytes(), FlowSet::kHeadBytes)});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Port>> Port::Open(const PortSpec& spec) {
  std::unique_ptr<Port> port(new Port(spec));
  if (rte_eth_dev_get_port_by_name(DeviceName(spec.devargs).c_str(), &port->id_) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(spec.devargs, ": DPDK made no such device"));
  }
  absl::Status status = port->CreatePools(spec);
  if (status.ok()) {
    status = port->StartDevice(spec);
  }
  return status.ok() ? absl::StatusOr<std::unique_ptr<Port>>(std::move(port)) : status;
}

Port::~Port() {
  rte_pktmbuf_free_bulk(&pending_[pending_begin_], pending_end_ - pending_begin_);
  if (started_) {
    rte_eth_dev_stop(id_);
    rte_eth_dev_close(id_);
  }
}

absl::Status Port::CreatePools(const PortSpec& spec) {
  constexpr unsigned kCache = 256;
  // What the rings, one burst and the cache can hold at a time.
  const unsigned count = spec.ring_entries * (spec.rx_queues + 1U) + kMaxBurst + 2 * kCache;
  const std::size_t room = std::max<std::size_t>(2048, flows_.frame_bytes() + 256);
  const auto create = [&](const char* kind) {
    return Pool(rte_pktmbuf_pool_create(absl::StrCat(kind, id_).c_str(), count, kCache, 0,
                                        static_cast<std::uint16_t>(room + RTE_PKTMBUF_HEADROOM),
                                        SOCKET_ID_ANY));
  };
  rx_pool_ = create("rx");
  tx_pool_ = create("tx");
  if (rx_pool_ == nullptr || tx_pool_ == nullptr) {
    return DeviceError(spec, "buffers", rte_errno);
  }
  rte_mempool_obj_iter(tx_pool_.get(), WriteWholeFrame, &flows_);
  return absl::OkStatus();
}

absl::Status Port::StartDevice(const PortSpec& spec) {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(id_, &info); error != 0) {
    return DeviceError(spec, "info", error);
  }
  rte_eth_conf conf{};
  const std::size_t mtu = std::max<std::size_t>(RTE_ETHER_MTU, flows_.frame_bytes());
  conf.rxmode.mtu = static_cast<std::uint32_t>(std::min<std::size_t>(mtu, info.max_mtu));
  if (const int error = rte_eth_dev_configure(id_, rx_queues_, 1, &conf); error != 0) {
    return DeviceError(spec, "configure", error);
  }
  for (std::uint16_t queue = 0; queue < rx_queues_; ++queue) {
    if (const int error = rte_eth_rx_queue_setup(id_, queue, spec.ring_entries, kAnySocket, nullptr,
                                                 rx_pool_.get());
        error != 0) {
      return DeviceError(spec, "receive queue", error);
    }
  }
  if (const int error = rte_eth_tx_queue_setup(id_, 0, spec.ring_entries, kAnySocket, nullptr);
      error != 0) {
    return DeviceError(spec, "transmit queue", error);
  }
  if (const int error = rte_eth_dev_start(id_); error != 0) {
    return DeviceError(spec, "start", error);
  }
  started_ = true;
  return absl::OkStatus();
}

bool Port::LinkUp() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

void Port::Transmit(std::uint64_t now, std::uint64_t limit) {
  if (!has_pending()) {
    Build(now, limit);
  }
  Offer();
}

void Port::Build(std::uint64_t now, std::uint64_t limit) {
  const auto count = static_cast<unsigned>(std::min<std::uint64_t>(burst_, limit));
  if (count == 0 || rte_pktmbuf_alloc_bulk(tx_pool_.get(), pending_.data(), count) != 0) {
    return;
  }
  const auto length = static_cast<std::uint16_t>(flows_.frame_bytes());
  for (unsigned i = 0; i < count; ++i) {
    rte_mbuf* mbuf = pending_[i];
    mbuf->data_len = length;
    mbuf->pkt_len = length;
    flows_.WriteNext(now, rte_pktmbuf_mtod(mbuf, std::uint8_t*));
  }
  pending_begin_ = 0;
  pending_end_ = count;
}

void Port::Offer() {
  if (!has_pending()) {
    return;
  }
  const std::uint16_t taken = rte_eth_tx_burst(
      id_, 0, &pending_[pending_begin_], static_cast<std::uint16_t>(pending_end_ - pending_begin_));
  pending_begin_ += taken;
  counters_.sent += taken;
  ++(taken > 0 ? counters_.bursts : counters_.stalls);
}

std::uint16_t Port::Receive(std::span<rte_mbuf*> into) {
  std::uint16_t count = 0;
  for (std::uint16_t tried = 0; tried < rx_queues_ && count == 0; ++tried) {
    count = rte_eth_rx_burst(id_, rx_queue_, into.data(), static_cast<std::uint16_t>(into.size()));
    rx_queue_ =
        rx_queue_ + 1U < rx_queues_ ? static_cast<std::uint16_t>(rx_queue_ + 1) : std::uint16_t{0};
  }
  return count;
}

}  // namespace pollux::pktgen
