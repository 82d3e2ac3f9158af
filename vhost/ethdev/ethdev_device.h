// A DPDK device that one port owns: found or attached, configured, started; stopped, closed and
// detached with the object.
//
// Buffers: one pool per device, of buffers that hold a frame of the MTU in one piece. A buffer may
// be elsewhere when its device goes (in the ring of a net_ring pair, in the hands of the other
// end); such a pool is kept until the last one came home.
// Threading: control side (a registered or EAL thread).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/core/port.h"

namespace pollux::vhost {

struct EthdevSettings {
  std::string devargs;
  std::string port;  // the owner's name
  std::uint16_t mtu = 1500;
  std::uint16_t rx_queues = 1;
  std::uint16_t tx_queues = 1;  // wanted: one per worker
  std::uint16_t ring_size = 1024;
  bool promiscuous = false;
};

class EthdevDevice {
 public:
  // Errors begin with the field that the device cannot satisfy and tell its limit.
  static absl::StatusOr<std::unique_ptr<EthdevDevice>> Open(const EthdevSettings& settings);
  EthdevDevice(const EthdevDevice&) = delete;
  EthdevDevice& operator=(const EthdevDevice&) = delete;
  ~EthdevDevice();

  [[nodiscard]] std::uint16_t id() const { return id_; }
  [[nodiscard]] rte_mempool* pool() const { return pool_; }
  // No more than were asked for, and than the device has.
  [[nodiscard]] std::uint16_t rx_queues() const { return rx_queues_; }
  [[nodiscard]] std::uint16_t tx_queues() const { return tx_queues_; }
  [[nodiscard]] std::uint16_t max_mtu() const { return max_mtu_; }
  [[nodiscard]] const rte_eth_dev_info& info() const { return info_; }
  [[nodiscard]] const core::PortCapabilities& capabilities() const { return capabilities_; }

 private:
  EthdevDevice() = default;

  absl::Status Find(const std::string& devargs);
  absl::Status Claim(const std::string& port);
  absl::Status Configure(const EthdevSettings& settings);
  absl::Status Start(bool promiscuous);
  absl::Status MakePool(const EthdevSettings& settings, std::uint16_t rx_ring,
                        std::uint16_t tx_ring);
  absl::Status SetUpQueues(std::uint16_t rx_ring, std::uint16_t tx_ring, std::uint64_t tx_offloads);
  absl::Status SetMtu(std::uint16_t mtu, std::uint16_t before);
  void Drain();

  std::uint16_t id_ = RTE_MAX_ETHPORTS;
  bool started_ = false;
  rte_eth_dev_info info_{};
  std::uint16_t max_mtu_ = 0;
  std::uint16_t rx_queues_ = 0;
  std::uint16_t tx_queues_ = 0;
  rte_mempool* pool_ = nullptr;
  core::PortCapabilities capabilities_;
};

}  // namespace pollux::vhost
