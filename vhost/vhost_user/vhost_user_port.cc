#include "vhost/vhost_user/vhost_user_port.h"

#include <absl/strings/str_format.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <utility>
#include <variant>

#include "dataplane/net/headers.h"
#include "vhost/received_descriptors.h"
#include "vhost/vhost_user/connection.h"
#include "vhost/vhost_user/peer_source.h"
#include "vhost/vhost_user/receive_queue.h"
#include "vhost/vhost_user/session.h"
#include "vhost/vhost_user/tx_ring.h"

namespace pollux::vhost {
namespace {

using vhost_user::Device;

// What a frame may be longer than the MTU: an Ethernet header and one VLAN tag.
constexpr std::uint32_t kLinkOverhead = sizeof(net::EthernetHeader) + 4;

class VhostUserPort final : public core::Port, private vhost_user::RingHost {
 public:
  VhostUserPort(net::PortId id, core::PortSpec spec, PortContext& context,
                const VhostUserTimings& timings)
      : Port(id, std::move(spec), context.worker_count),
        rcu_(context.rcu),
        events_(context.events),
        timings_(timings) {
    for (unsigned pair = 0; pair < this->spec().queues; ++pair) {
      pairs_[pair] = std::make_unique<QueuePair>(device_, 2 * pair + 1);
    }
  }

  ~VhostUserPort() override {
    events_.Run([this] {
      source_.reset();
      session_.reset();
      connection_.reset();
    });
  }

  absl::Status Open();

  [[nodiscard]] unsigned rx_queue_count() const override { return spec().queues; }
  [[nodiscard]] core::RxQueue& rx_queue(unsigned index) override { return pairs_[index]->receive; }
  void Send(net::WorkerId worker, std::span<core::Packet* const> packets) override;
  [[nodiscard]] core::PortCapabilities capabilities() const override {
    return capabilities_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] core::PortStatus Status() const override;

 private:
  struct QueuePair {
    QueuePair(const std::atomic<const Device*>& device, unsigned index) : receive(device, index) {}
    vhost_user::ReceiveQueue receive;  // ring 2q+1
    vhost_user::TxRing send;           // ring 2q
  };

  // RingHost, on the event loop's thread.
  void Publish(std::shared_ptr<const Device> device) override;
  void RestartRing(unsigned index, std::uint16_t position) override;
  [[nodiscard]] std::uint16_t RingPosition(unsigned index) const override;

  void OnPeer(UniqueFd socket);
  void OnEnd(const absl::Status& why);
  [[nodiscard]] core::PortStatus StatusOnLoop() const;
  [[nodiscard]] std::string Faults() const;

  core::Rcu& rcu_;
  EventLoop& events_;
  const VhostUserTimings timings_;

  // Written on the event loop's thread, read by workers.
  std::atomic<const Device*> device_{nullptr};
  std::atomic<core::PortCapabilities> capabilities_{core::PortCapabilities{}};
  std::array<std::unique_ptr<QueuePair>, core::kMaxQueues> pairs_;

  // Event loop's thread only.
  std::unique_ptr<vhost_user::PeerSource> source_;
  std::unique_ptr<vhost_user::Session> session_;
  std::unique_ptr<vhost_user::Connection> connection_;
  std::uint64_t peers_ = 0;
  std::uint64_t peers_refused_ = 0;
  std::string last_end_;
};

absl::Status VhostUserPort::Open() {
  const auto& backend = std::get<core::VhostUserSpec>(spec().backend);
  const auto on_peer = [this](UniqueFd socket) { OnPeer(std::move(socket)); };
  if (backend.mode == core::SocketMode::kClient) {
    events_.Run([&] {
      source_ = std::make_unique<vhost_user::Connector>(
          events_, backend.socket,
          vhost_user::Connector::Backoff{timings_.first_retry, timings_.longest_retry}, on_peer);
    });
    return absl::OkStatus();
  }
  auto listening = ListeningSocket::Open(backend.socket, SOCK_STREAM,
                                         {.owner = backend.owner, .mode = backend.socket_mode});
  if (!listening.ok()) {
    return listening.status();
  }
  events_.Run([&] {
    source_ = std::make_unique<vhost_user::Listener>(events_, *std::move(listening), on_peer);
  });
  return absl::OkStatus();
}

void VhostUserPort::OnPeer(UniqueFd socket) {
  if (connection_ != nullptr) {
    if (!connection_->PeerHungUp()) {
      ++peers_refused_;
      CloseConnection(std::move(socket));
      return;
    }
    OnEnd(absl::UnavailableError("the peer closed the connection"));
  }
  ++peers_;
  RingHost& host = *this;
  session_ = std::make_unique<vhost_user::Session>(host, spec().queues,
                                                   std::uint32_t{spec().mtu} + kLinkOverhead);
  connection_ = std::make_unique<vhost_user::Connection>(
      events_, std::move(socket), timings_.message_deadline,
      [this](const vhost_user::Message& message, std::vector<UniqueFd> fds) {
        return session_->Handle(message, std::move(fds));
      },
      [this](const absl::Status& why) { OnEnd(why); });
}

void VhostUserPort::OnEnd(const absl::Status& why) {
  last_end_ = std::string(why.message());
  session_.reset();
  connection_.reset();
  source_->PeerGone();
}

void VhostUserPort::Publish(std::shared_ptr<const Device> device) {
  for (unsigned pair = 0; pair < spec().queues; ++pair) {
    pairs_[pair]->receive.Adopt(device ? device->queues[2 * pair + 1] : vhost_user::Queue{});
  }
  capabilities_.store(device ? core::PortCapabilities{.checksum = device->to_guest.checksum,
                                                      .tso4 = device->to_guest.tso4,
                                                      .tso6 = device->to_guest.tso6}
                             : core::PortCapabilities{},
                      std::memory_order_relaxed);
  device_.store(device.get(), std::memory_order_release);
  for (unsigned pair = 0; device != nullptr && pair < spec().queues; ++pair) {
    pairs_[pair]->receive.Wake();
  }
  rcu_.Synchronize();
}

void VhostUserPort::RestartRing(unsigned index, std::uint16_t position) {
  QueuePair& pair = *pairs_[index / 2];
  if (index % 2 == 0) {
    pair.send.Restart(position);
  } else {
    pair.receive.ring().Restart(position);
  }
}

std::uint16_t VhostUserPort::RingPosition(unsigned index) const {
  const QueuePair& pair = *pairs_[index / 2];
  return index % 2 == 0 ? pair.send.position() : pair.receive.ring().position();
}

void VhostUserPort::Send(net::WorkerId worker, std::span<core::Packet* const> packets) {
  const Device* device = device_.load(std::memory_order_acquire);
  if (device == nullptr || device->open_count == 0) {
    for (core::Packet* packet : packets) {
      packet->drop = core::DropReason::kDestinationDown;
    }
    return;
  }
  const unsigned pair = device->open[worker.value() % device->open_count];
  pairs_[pair]->send.Send(*device, device->queues[std::size_t{2} * pair], packets);
}

core::PortStatus VhostUserPort::Status() const {
  core::PortStatus status;
  events_.Run([&] { status = StatusOnLoop(); });
  return status;
}

std::string VhostUserPort::Faults() const {
  for (unsigned pair = 0; pair < spec().queues; ++pair) {
    const auto rx = pairs_[pair]->receive.ring().fault();
    const auto tx = pairs_[pair]->send.fault();
    if (rx != vhost_user::RingFault::kNone) {
      return absl::StrFormat("ring %d: %s", 2 * pair + 1, vhost_user::Describe(rx));
    }
    if (tx != vhost_user::RingFault::kNone) {
      return absl::StrFormat("ring %d: %s", 2 * pair, vhost_user::Describe(tx));
    }
  }
  return "";
}

core::PortStatus VhostUserPort::StatusOnLoop() const {
  core::PortStatus status;
  const auto& backend = std::get<core::VhostUserSpec>(spec().backend);
  const Device* device = session_ ? session_->device() : nullptr;
  const std::string faults = device != nullptr ? Faults() : "";
  status.link_up = device != nullptr && device->open_count > 0 && faults.empty();
  if (connection_ == nullptr) {
    status.state = source_->State();
  } else if (!faults.empty()) {
    status.state = "quarantined: " + faults;
  } else {
    status.state = status.link_up ? "connected" : "negotiating";
  }
  const auto add = [&](const char* key, std::string value) {
    status.details.emplace_back(key, std::move(value));
  };
  add("socket", backend.socket);
  add("mode", backend.mode == core::SocketMode::kServer ? "server" : "client");
  if (device != nullptr) {
    add("features", absl::StrFormat("%#x", session_->features()));
    add("open queues", absl::StrFormat("%d of %d", device->open_count, spec().queues));
    add("ring size", absl::StrFormat("%d", device->queues[0].ring.size()));
    add("memory", absl::StrFormat("%d regions, %d MB", device->memory->region_count(),
                                  device->memory->total_bytes() >> 20));
  }
  if (session_ != nullptr && session_->peer_mtu() != 0) {
    add("peer mtu", absl::StrFormat("%d", session_->peer_mtu()));
  }
  if (session_ != nullptr && !session_->last_refusal().empty()) {
    add("last refusal", session_->last_refusal());
  }
  add("connections", absl::StrFormat("%d, %d refused", peers_, peers_refused_));
  if (!last_end_.empty()) {
    add("last disconnect", last_end_);
  }
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<core::Port>> MakeVhostUserPort(net::PortId id, core::PortSpec spec,
                                                              PortContext& context,
                                                              const VhostUserTimings& timings) {
  if (!std::holds_alternative<core::VhostUserSpec>(spec.backend)) {
    return absl::InvalidArgumentError("type: not a vhost-user port");
  }
  if (spec.queues == 0 || spec.queues > core::kMaxQueues) {
    return absl::InvalidArgumentError(absl::StrFormat("queues: 1 to %d", core::kMaxQueues));
  }
  auto port = std::make_unique<VhostUserPort>(id, std::move(spec), context, timings);
  if (absl::Status status = port->Open(); !status.ok()) {
    return status;
  }
  return port;
}

absl::StatusOr<std::unique_ptr<core::Port>> MakeVhostUserPort(net::PortId id, core::PortSpec spec,
                                                              PortContext& context) {
  return MakeVhostUserPort(id, std::move(spec), context, VhostUserTimings{});
}

}  // namespace pollux::vhost
