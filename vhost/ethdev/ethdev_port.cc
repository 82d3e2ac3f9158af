#include "vhost/ethdev/ethdev_port.h"

#include <absl/strings/str_format.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/net/headers.h"
#include "vhost/ethdev/ethdev_device.h"
#include "vhost/ethdev/ethdev_queue.h"

namespace pollux::vhost {
namespace {

using Details = std::vector<std::pair<std::string, std::string>>;

std::uint32_t MaxFrameBytes(const core::PortSpec& spec) {
  constexpr std::uint32_t kVlanTagBytes = 4;
  return static_cast<std::uint32_t>(sizeof(net::EthernetHeader)) + spec.mtu +
         (spec.vlan != 0 ? kVlanTagBytes : 0);
}

class EthdevPort final : public core::Port {
 public:
  EthdevPort(net::PortId id, core::PortSpec spec, unsigned worker_count,
             std::unique_ptr<EthdevDevice> device)
      : Port(id, std::move(spec), worker_count), device_(std::move(device)) {
    for (std::uint16_t q = 0; q < device_->rx_queues(); ++q) {
      rx_.push_back(std::make_unique<EthdevRxQueue>(device_->id(), q, MaxFrameBytes(this->spec())));
    }
    const bool shared = device_->tx_queues() < worker_count;
    for (std::uint16_t q = 0; q < device_->tx_queues(); ++q) {
      tx_.push_back(std::make_unique<EthdevTxQueue>(*device_, q, shared));
    }
  }

  [[nodiscard]] unsigned rx_queue_count() const override {
    return static_cast<unsigned>(rx_.size());
  }
  [[nodiscard]] core::RxQueue& rx_queue(unsigned index) override { return *rx_[index]; }

  void Send(net::WorkerId worker, std::span<core::Packet* const> packets) override {
    tx_[worker.value() % tx_.size()]->Send(packets);
  }

  [[nodiscard]] core::PortCapabilities capabilities() const override {
    return device_->capabilities();
  }

  [[nodiscard]] core::PortStatus Status() const override;

 private:
  // Queues go before their device.
  std::unique_ptr<EthdevDevice> device_;
  std::vector<std::unique_ptr<EthdevRxQueue>> rx_;
  std::vector<std::unique_ptr<EthdevTxQueue>> tx_;
};

void AddLimits(const EthdevDevice& device, const core::PortSpec& spec, Details& details) {
  const rte_eth_dev_info& info = device.info();
  details.emplace_back("driver", info.driver_name);
  details.emplace_back("mtu",
                       absl::StrFormat("%d (driver's limit %d)", spec.mtu, device.max_mtu()));
  details.emplace_back(
      "queues", absl::StrFormat("%d receive, %d send (driver's limits %d, %d)", device.rx_queues(),
                                device.tx_queues(), info.max_rx_queues, info.max_tx_queues));
  const core::PortCapabilities& can = device.capabilities();
  details.emplace_back("offloads", can.tso4       ? "checksum tso4 tso6"
                                   : can.checksum ? "checksum"
                                                  : "none");
}

bool IsOfInterest(std::string_view xstat) {
  for (const std::string_view word : {"err", "drop", "miss", "nombuf", "no_mbuf"}) {
    if (xstat.find(word) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

// What the device counted and nobody wants to see: errors and drops that are not zero.
void AddTrouble(std::uint16_t device, Details& details) {
  const int count = rte_eth_xstats_get_names(device, nullptr, 0);
  if (count <= 0) {
    return;
  }
  const auto size = static_cast<unsigned>(count);
  std::vector<rte_eth_xstat_name> names(size);
  std::vector<rte_eth_xstat> values(size);
  if (rte_eth_xstats_get_names(device, names.data(), size) != count ||
      rte_eth_xstats_get(device, values.data(), size) != count) {
    return;
  }
  for (const rte_eth_xstat& stat : values) {
    if (stat.value != 0 && IsOfInterest(names[stat.id].name)) {
      details.emplace_back(names[stat.id].name, std::to_string(stat.value));
    }
  }
}

core::PortStatus EthdevPort::Status() const {
  core::PortStatus status;
  rte_eth_link link{};
  rte_eth_link_get_nowait(device_->id(), &link);
  status.link_up = link.link_status == RTE_ETH_LINK_UP;
  status.state = status.link_up ? "link up" : "link down";
  rte_ether_addr mac{};
  if (rte_eth_macaddr_get(device_->id(), &mac) == 0) {
    std::copy_n(mac.addr_bytes, sizeof(mac.addr_bytes), status.mac.bytes.begin());
  }
  Details& details = status.details;
  details.emplace_back("device", std::get<core::EthdevSpec>(spec().backend).devargs);
  AddLimits(*device_, spec(), details);
  if (status.link_up && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) {
    details.emplace_back("speed", absl::StrFormat("%d Mbit/s", link.link_speed));
  }
  const bool wakes = !rx_.empty() && rx_.front()->wait_handle().fd >= 0;
  details.emplace_back("idle", wakes ? "interrupts" : "polled: the driver has no interrupts");
  if (std::string_view(device_->info().driver_name) == "net_af_packet") {
    details.emplace_back("note",
                         "sending may wait in the kernel: keep it off workers that serve pods");
  }
  AddTrouble(device_->id(), details);
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<core::Port>> MakeEthdevPort(net::PortId id, core::PortSpec spec,
                                                           PortContext& context) {
  auto device = EthdevDevice::Open({.devargs = std::get<core::EthdevSpec>(spec.backend).devargs,
                                    .port = spec.name,
                                    .mtu = spec.mtu,
                                    .rx_queues = spec.queues,
                                    .tx_queues = static_cast<std::uint16_t>(context.worker_count),
                                    .ring_size = spec.ring_size,
                                    .promiscuous = spec.role != core::PortRole::kUplink});
  if (!device.ok()) {
    return device.status();
  }
  return std::make_unique<EthdevPort>(id, std::move(spec), context.worker_count,
                                      *std::move(device));
}

}  // namespace pollux::vhost
