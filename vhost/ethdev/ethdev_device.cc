#include "vhost/ethdev/ethdev_device.h"

#include <absl/strings/str_format.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <vector>

#include "dataplane/core/batch.h"

namespace pollux::vhost {
namespace {

constexpr unsigned kPoolCache = 256;        // buffers that one worker keeps to itself
constexpr unsigned kLeastRxBuffers = 2048;  // AF_XDP takes that many, whatever the ring
constexpr unsigned kMinDataBytes = 2048;    // what many devices want at least
constexpr unsigned kFrameOverhead = 26;     // Ethernet, two VLAN tags, CRC
constexpr std::uint64_t kChecksums = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
constexpr std::uint64_t kSegmentation = kChecksums | RTE_ETH_TX_OFFLOAD_TCP_TSO |
                                        RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
                                        RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
constexpr std::uint64_t kRssTypes = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

unsigned DataBytes(std::uint16_t mtu) {
  return RTE_ALIGN_CEIL(std::max(kMinDataBytes, mtu + kFrameOverhead), RTE_CACHE_LINE_SIZE);
}

bool Has(std::uint64_t offered, std::uint64_t wanted) { return (offered & wanted) == wanted; }

template <typename... Args>
absl::Status Failed(int error, const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::FailedPreconditionError(
      absl::StrFormat("%s: %s", absl::StrFormat(format, args...), rte_strerror(-error)));
}

// The driver states a limit of the MTU, of the frame, or both (as rte_eth_dev_configure reads
// them).
std::uint16_t MaxMtu(const rte_eth_dev_info& info) {
  constexpr std::uint32_t kUsualOverhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
  const bool both = info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu;
  const std::uint32_t overhead = both ? info.max_rx_pktlen - info.max_mtu : kUsualOverhead;
  const std::uint32_t by_frame =
      info.max_rx_pktlen > overhead ? info.max_rx_pktlen - overhead : info.max_mtu;
  return static_cast<std::uint16_t>(std::min<std::uint32_t>(info.max_mtu, by_frame));
}

// Frees the pool, or keeps it until its last buffer is back.
void RetirePool(rte_mempool* pool) {
  static std::mutex mutex;
  static std::vector<rte_mempool*>& waiting = *new std::vector<rte_mempool*>;
  const std::lock_guard lock(mutex);
  waiting.push_back(pool);
  std::erase_if(waiting, [](rte_mempool* p) {
    const bool all_home = rte_mempool_full(p) != 0;
    if (all_home) {
      rte_mempool_free(p);
    }
    return all_home;
  });
}

// What the device offers of what the switch can use. Checksums of received packets are not asked
// for: the switch verifies the IPv4 header's itself, and those of L4 are the receiver's.
std::uint64_t UsefulTxOffloads(const rte_eth_dev_info& info, std::uint16_t mtu) {
  const unsigned pieces = core::kMaxFrameBytes / DataBytes(mtu) + 1;
  const unsigned most = info.tx_desc_lim.nb_seg_max;
  std::uint64_t offloads = 0;
  if (Has(info.tx_offload_capa, kSegmentation) && (most == 0 || most >= pieces)) {
    offloads = kSegmentation;
  } else if (Has(info.tx_offload_capa, kChecksums)) {
    offloads = kChecksums;
  }
  return offloads | (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE);
}

rte_eth_conf DeviceConfiguration(const rte_eth_dev_info& info, const EthdevSettings& settings,
                                 std::uint16_t rx_queues) {
  rte_eth_conf conf{};
  conf.rxmode.mtu = settings.mtu;
  conf.txmode.offloads = UsefulTxOffloads(info, settings.mtu);
  conf.intr_conf.rxq = 1;  // for idle workers, where the driver can
  if (rx_queues > 1 && (info.flow_type_rss_offloads & kRssTypes) != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & kRssTypes;
  }
  return conf;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EthdevDevice>> EthdevDevice::Open(const EthdevSettings& settings) {
  std::unique_ptr<EthdevDevice> device(new EthdevDevice);
  absl::Status status = device->Find(settings.devargs);
  if (status.ok()) {
    status = device->Claim(settings.port);
  }
  if (status.ok()) {
    status = device->Configure(settings);
  }
  if (status.ok()) {
    status = device->Start(settings.promiscuous);
  }
  if (!status.ok()) {
    return status;
  }
  return device;
}

EthdevDevice::~EthdevDevice() {
  if (id_ == RTE_MAX_ETHPORTS) {
    return;
  }
  if (started_) {
    Drain();
    rte_eth_dev_stop(id_);
  }
  rte_eth_dev_close(id_);
  // Some devices have several Ethernet ports; the last one takes it along.
  if (rte_eth_find_next_of(0, info_.device) == RTE_MAX_ETHPORTS) {
    rte_dev_remove(info_.device);
  }
  if (pool_ != nullptr) {
    RetirePool(pool_);
  }
}

// A device that is there by that name, else one made of the arguments.
absl::Status EthdevDevice::Find(const std::string& devargs) {
  std::uint16_t id = RTE_MAX_ETHPORTS;
  const std::string name = devargs.substr(0, devargs.find(','));
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) != 0) {
    if (const int error = rte_dev_probe(devargs.c_str()); error != 0) {
      return Failed(error,
                    "devargs: '%s' is no device that DPDK can attach (the log above has its "
                    "driver's reason; PCI devices must be bound to vfio-pci or a bifurcated "
                    "driver)",
                    devargs);
    }
    rte_dev_iterator iterator;
    if (rte_eth_iterator_init(&iterator, devargs.c_str()) == 0) {
      id = rte_eth_iterator_next(&iterator);
      rte_eth_iterator_cleanup(&iterator);
    }
  }
  if (id >= RTE_MAX_ETHPORTS) {
    return absl::FailedPreconditionError(
        absl::StrFormat("devargs: '%s' is a device, but none for Ethernet", devargs));
  }
  rte_eth_dev_info_get(id, &info_);
  id_ = id;
  return absl::OkStatus();
}

absl::Status EthdevDevice::Claim(const std::string& port) {
  rte_eth_dev_owner owner{};
  if (rte_eth_dev_owner_get(id_, &owner) == 0 && owner.id != RTE_ETH_DEV_NO_OWNER) {
    id_ = RTE_MAX_ETHPORTS;  // not ours to close
    return absl::AlreadyExistsError(
        absl::StrFormat("devargs: the device belongs to port '%s' already", owner.name));
  }
  rte_eth_dev_owner_new(&owner.id);
  port.copy(owner.name, sizeof(owner.name) - 1);
  const int error = rte_eth_dev_owner_set(id_, &owner);
  return error == 0 ? absl::OkStatus() : Failed(error, "devargs: the device cannot be claimed");
}

absl::Status EthdevDevice::Configure(const EthdevSettings& settings) {
  max_mtu_ = MaxMtu(info_);
  if (settings.mtu > max_mtu_ || settings.mtu < info_.min_mtu) {
    return absl::InvalidArgumentError(absl::StrFormat("mtu: %d is outside %d..%d of the driver %s",
                                                      settings.mtu, info_.min_mtu, max_mtu_,
                                                      info_.driver_name));
  }
  rx_queues_ = std::min(settings.rx_queues, info_.max_rx_queues);
  tx_queues_ = std::min(settings.tx_queues, info_.max_tx_queues);
  if (rx_queues_ == 0 || tx_queues_ == 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("devargs: the driver %s offers %d receive and %d send queues",
                        info_.driver_name, info_.max_rx_queues, info_.max_tx_queues));
  }
  std::uint16_t mtu_before = 0;
  rte_eth_dev_get_mtu(id_, &mtu_before);
  const rte_eth_conf conf = DeviceConfiguration(info_, settings, rx_queues_);
  if (const int error = rte_eth_dev_configure(id_, rx_queues_, tx_queues_, &conf); error != 0) {
    return Failed(error, "devargs: the driver %s refused the configuration", info_.driver_name);
  }
  capabilities_.checksum = Has(conf.txmode.offloads, kChecksums);
  capabilities_.tso4 = capabilities_.tso6 = Has(conf.txmode.offloads, kSegmentation);
  std::uint16_t rx_ring = settings.ring_size;
  std::uint16_t tx_ring = settings.ring_size;
  rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_ring, &tx_ring);
  absl::Status status = MakePool(settings, rx_ring, tx_ring);
  if (status.ok()) {
    status = SetUpQueues(rx_ring, tx_ring, conf.txmode.offloads);
  }
  return status.ok() ? SetMtu(settings.mtu, mtu_before) : status;
}

absl::Status EthdevDevice::Start(bool promiscuous) {
  if (const int error = rte_eth_dev_start(id_); error != 0) {
    return Failed(error, "devargs: the driver %s did not start", info_.driver_name);
  }
  started_ = true;
  // Best effort: neighbour discovery needs multicast; few drivers lack the switch for it.
  rte_eth_allmulticast_enable(id_);
  if (promiscuous) {
    rte_eth_promiscuous_enable(id_);
  }
  return absl::OkStatus();
}

absl::Status EthdevDevice::MakePool(const EthdevSettings& settings, std::uint16_t rx_ring,
                                    std::uint16_t tx_ring) {
  // Every ring full, every worker with a full cache and a burst in hand.
  const unsigned per_worker = kPoolCache + kPoolCache / 2 + 2 * core::kBurst;
  const unsigned buffers = rx_queues_ * std::max<unsigned>(rx_ring, kLeastRxBuffers) +
                           static_cast<unsigned>(tx_queues_) * tx_ring +
                           (settings.tx_queues + 1U) * per_worker;
  const unsigned data_bytes = RTE_PKTMBUF_HEADROOM + DataBytes(settings.mtu);
  static std::atomic<unsigned> next{0};
  const std::string name = absl::StrFormat("pollux_ethdev_%d", next++);
  pool_ =
      rte_pktmbuf_pool_create(name.c_str(), buffers, kPoolCache, 0,
                              static_cast<std::uint16_t>(data_bytes), rte_eth_dev_socket_id(id_));
  if (pool_ == nullptr) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "devargs: no memory for %d buffers of %d bytes (%s); raise --memory-mb, or ask for fewer "
        "queues or a smaller ring",
        buffers, data_bytes, rte_strerror(rte_errno)));
  }
  return absl::OkStatus();
}

absl::Status EthdevDevice::SetUpQueues(std::uint16_t rx_ring, std::uint16_t tx_ring,
                                       std::uint64_t tx_offloads) {
  const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(id_));
  for (std::uint16_t q = 0; q < rx_queues_; ++q) {
    if (const int error =
            rte_eth_rx_queue_setup(id_, q, rx_ring, socket, &info_.default_rxconf, pool_);
        error != 0) {
      return Failed(error, "queues: the driver %s refused receive queue %d", info_.driver_name, q);
    }
  }
  rte_eth_txconf tx_conf = info_.default_txconf;
  tx_conf.offloads = tx_offloads;
  for (std::uint16_t q = 0; q < tx_queues_; ++q) {
    if (const int error = rte_eth_tx_queue_setup(id_, q, tx_ring, socket, &tx_conf); error != 0) {
      return Failed(error, "queues: the driver %s refused send queue %d", info_.driver_name, q);
    }
  }
  return absl::OkStatus();
}

// Unchanged is left alone: for AF_PACKET and AF_XDP this is the kernel interface's own MTU.
absl::Status EthdevDevice::SetMtu(std::uint16_t mtu, std::uint16_t before) {
  const int error = mtu == before ? 0 : rte_eth_dev_set_mtu(id_, mtu);
  if (error == 0 || error == -ENOTSUP) {
    return absl::OkStatus();
  }
  return Failed(error, "mtu: the driver %s refused %d", info_.driver_name, mtu);
}

// Takes what has arrived, so that no buffer is left in a device that forgets it.
void EthdevDevice::Drain() {
  constexpr unsigned kMostBursts = 4096;  // a busy sender does not keep us
  rte_mbuf* mbufs[core::kBurst];
  for (std::uint16_t q = 0; q < rx_queues_; ++q) {
    for (unsigned i = 0; i < kMostBursts; ++i) {
      const std::uint16_t n = rte_eth_rx_burst(id_, q, mbufs, core::kBurst);
      if (n == 0) {
        break;
      }
      rte_pktmbuf_free_bulk(mbufs, n);
    }
  }
}

}  // namespace pollux::vhost
