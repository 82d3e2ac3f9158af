#include "vhost/memif/memif_port.h"

#include <absl/strings/str_format.h>
#include <glog/logging.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/net/headers.h"
#include "vhost/memif/connector.h"
#include "vhost/memif/listener.h"
#include "vhost/wait_set.h"

namespace pollux::vhost {
namespace memif {
namespace {

constexpr std::uint32_t kVlanTagBytes = 4;

std::uint32_t MaxFrame(const core::PortSpec& spec) {
  return static_cast<std::uint32_t>(sizeof(net::EthernetHeader)) + spec.mtu +
         (spec.vlan != 0 ? kVlanTagBytes : 0);
}

class MemifPort;

class MemifRxQueue final : public core::RxQueue {
 public:
  MemifRxQueue(const MemifPort& port, unsigned index) : port_(port), index_(index) {}

  void Receive(core::Batch& batch) override;
  void Release(core::Batch& batch) override;
  bool Arm() override;
  void Disarm() override;
  void AcknowledgeWake() override { wait_set_.Acknowledge(); }
  // The descriptor lives as long as the queue.
  [[nodiscard]] core::WaitHandle wait_handle() const override { return {wait_set_.fd(), 0}; }

  [[nodiscard]] WaitSet& wait_set() { return wait_set_; }

 private:
  [[nodiscard]] RxRing* ring() const;

  const MemifPort& port_;
  const unsigned index_;
  // Between Receive and Release, which no grace period separates; else null.
  RxRing* in_burst_ = nullptr;
  WaitSet wait_set_;
};

class MemifPort final : public core::Port, public Interface {
 public:
  MemifPort(net::PortId id, core::PortSpec spec, PortContext& context, const Options& options);
  ~MemifPort() override;

  // On the event loop's thread.
  absl::Status Open();

  [[nodiscard]] unsigned rx_queue_count() const override {
    return static_cast<unsigned>(rx_queues_.size());
  }
  [[nodiscard]] core::RxQueue& rx_queue(unsigned index) override { return *rx_queues_[index]; }
  void Send(net::WorkerId worker, std::span<core::Packet* const> packets) override;
  [[nodiscard]] core::PortCapabilities capabilities() const override { return {}; }
  [[nodiscard]] core::PortStatus Status() const override;

  // The connection that a worker may use until its next quiescent state, or null.
  [[nodiscard]] Connection* connection() const {
    Connection* current = published_.load(std::memory_order_acquire);
    return current != nullptr && !current->memory_lost() ? current : nullptr;
  }

  [[nodiscard]] Limits limits() const override;
  void OnConnected(std::unique_ptr<Connection> connection, const std::string& peer) override;
  void OnDisconnected(const absl::Status& reason) override;

 private:
  [[nodiscard]] const core::MemifSpec& memif() const {
    return std::get<core::MemifSpec>(spec().backend);
  }
  absl::Status OpenServer();
  void OpenClient();
  void Close();
  void Withdraw();
  [[nodiscard]] core::PortStatus StatusOnLoop() const;

  PortContext& context_;
  const Options options_;
  std::vector<std::unique_ptr<MemifRxQueue>> rx_queues_;
  std::atomic<Connection*> published_{nullptr};

  // The event loop's thread only.
  std::unique_ptr<Connection> connection_;
  std::string peer_;
  std::string why_down_;
  std::shared_ptr<Listener> listener_;
  std::unique_ptr<Connector> connector_;
};

RxRing* MemifRxQueue::ring() const {
  Connection* const connection = port_.connection();
  return connection != nullptr && index_ < connection->rx().size() ? &connection->rx()[index_]->ring
                                                                   : nullptr;
}

void MemifRxQueue::Receive(core::Batch& batch) {
  in_burst_ = ring();
  if (in_burst_ != nullptr) {
    in_burst_->Receive(batch);
  }
}

void MemifRxQueue::Release(core::Batch&) {
  if (in_burst_ != nullptr) {
    in_burst_->Release();
    in_burst_ = nullptr;
  }
}

bool MemifRxQueue::Arm() {
  RxRing* const ring = this->ring();
  if (ring == nullptr) {
    return false;  // a new connection wakes us
  }
  ring->MaskInterrupts(false);
  // The peer must see the flag before we look a last time (tx_ring.h has the other half).
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return ring->HasWork();
}

void MemifRxQueue::Disarm() {
  if (RxRing* const ring = this->ring(); ring != nullptr) {
    ring->MaskInterrupts(true);
  }
}

MemifPort::MemifPort(net::PortId id, core::PortSpec spec, PortContext& context,
                     const Options& options)
    : core::Port(id, std::move(spec), context.worker_count), context_(context), options_(options) {
  for (unsigned i = 0; i < this->spec().queues; ++i) {
    rx_queues_.push_back(std::make_unique<MemifRxQueue>(*this, i));
  }
}

MemifPort::~MemifPort() {
  context_.events.Run([this] { Close(); });
}

absl::Status MemifPort::Open() {
  if (memif().role == core::SocketMode::kServer) {
    return OpenServer();
  }
  OpenClient();
  return absl::OkStatus();
}

absl::Status MemifPort::OpenServer() {
  why_down_ = "listening";
  absl::StatusOr<std::shared_ptr<Listener>> listener = Listener::Acquire(
      context_.events, memif().socket, {memif().owner, memif().socket_mode}, options_);
  if (!listener.ok()) {
    return listener.status();
  }
  if (absl::Status status = (*listener)->Add(memif().id, *this); !status.ok()) {
    return status;
  }
  listener_ = *std::move(listener);
  return absl::OkStatus();
}

void MemifPort::OpenClient() {
  why_down_ = "connecting";
  const unsigned log2_ring_size = static_cast<unsigned>(std::bit_width(spec().ring_size)) - 1;
  connector_ = std::make_unique<Connector>(
      context_.events, memif().socket,
      ClientHandshake::Config{
          .id = memif().id,
          .name = spec().name,
          .queues = spec().queues,
          .log2_ring_size = std::clamp(log2_ring_size, kMinLog2RingSize, kMaxLog2RingSize),
          .max_frame = MaxFrame(spec())},
      *this, options_);
}

void MemifPort::Close() {
  connector_.reset();
  if (listener_ != nullptr) {
    listener_->Remove(memif().id);
    listener_.reset();
  }
  Withdraw();
}

Limits MemifPort::limits() const {
  return {.rx_rings = spec().queues,
          .tx_rings = spec().queues,
          .max_frame = MaxFrame(spec()),
          .seals = options_.seals};
}

void MemifPort::OnConnected(std::unique_ptr<Connection> connection, const std::string& peer) {
  Withdraw();
  connection_ = std::move(connection);
  peer_ = peer;
  why_down_.clear();
  for (std::size_t i = 0; i < connection_->rx().size(); ++i) {
    rx_queues_[i]->wait_set().Add(connection_->rx()[i]->wake.fd());
  }
  published_.store(connection_.get(), std::memory_order_release);
  for (const auto& queue : rx_queues_) {
    queue->wait_set().Wake();
  }
  VLOG(1) << "memif port " << spec().name << " is connected to " << peer;
}

void MemifPort::OnDisconnected(const absl::Status& reason) {
  Withdraw();
  why_down_ = absl::StrFormat("%s: %s", listener_ != nullptr ? "listening" : "connecting",
                              std::string(reason.message()));
  VLOG(1) << "memif port " << spec().name << " has no peer: " << reason.message();
}

void MemifPort::Withdraw() {
  if (connection_ == nullptr) {
    return;
  }
  published_.store(nullptr, std::memory_order_release);
  for (std::size_t i = 0; i < connection_->rx().size(); ++i) {
    rx_queues_[i]->wait_set().Remove(connection_->rx()[i]->wake.fd());
  }
  context_.rcu.Synchronize();
  connection_.reset();
}

void MemifPort::Send(net::WorkerId worker, std::span<core::Packet* const> packets) {
  const auto drop_all = [&](core::DropReason reason) {
    for (core::Packet* packet : packets) {
      packet->drop = reason;
    }
  };
  Connection* const connection = this->connection();
  if (connection == nullptr || connection->tx().empty()) {
    return drop_all(core::DropReason::kDestinationDown);
  }
  TxQueueState& queue = *connection->tx()[worker.value() % connection->tx().size()];
  if (!queue.ring.TryLock()) {
    return drop_all(core::DropReason::kDestinationBusy);
  }
  queue.ring.Send(packets);
  queue.ring.Unlock();
  if (queue.ring.PeerWantsInterrupt()) {
    queue.wake.Signal();
  }
}

core::PortStatus MemifPort::Status() const {
  core::PortStatus status;
  context_.events.Run([&] { status = StatusOnLoop(); });
  return status;
}

core::PortStatus MemifPort::StatusOnLoop() const {
  core::PortStatus status;
  status.details = {{"socket", memif().socket}, {"id", absl::StrFormat("%d", memif().id)}};
  if (connection_ == nullptr) {
    status.state = why_down_;
    return status;
  }
  const char* const fault = connection_->fault();
  status.link_up = fault == nullptr;
  status.state = fault == nullptr ? "connected" : absl::StrFormat("quarantined: %s", fault);
  status.details.insert(
      status.details.end(),
      {{"peer", peer_},
       {"rx_rings", absl::StrFormat("%d", connection_->rx().size())},
       {"tx_rings", absl::StrFormat("%d", connection_->tx().size())},
       {"shared_memory_bytes", absl::StrFormat("%d", connection_->memory_bytes())}});
  return status;
}

}  // namespace
}  // namespace memif

absl::StatusOr<std::unique_ptr<core::Port>> MakeMemifPort(net::PortId id, core::PortSpec spec,
                                                          PortContext& context) {
  return MakeMemifPort(id, std::move(spec), context, memif::Options{});
}

absl::StatusOr<std::unique_ptr<core::Port>> MakeMemifPort(net::PortId id, core::PortSpec spec,
                                                          PortContext& context,
                                                          const memif::Options& options) {
  if (!std::holds_alternative<core::MemifSpec>(spec.backend)) {
    return absl::InvalidArgumentError("backend: not a memif port");
  }
  if (spec.queues == 0 || spec.queues > core::kMaxQueues) {
    return absl::InvalidArgumentError(
        absl::StrFormat("queues: %d is not between 1 and %d", spec.queues, core::kMaxQueues));
  }
  auto port = std::make_unique<memif::MemifPort>(id, std::move(spec), context, options);
  absl::Status status;
  context.events.Run([&] { status = port->Open(); });
  if (!status.ok()) {
    return status;
  }
  return std::unique_ptr<core::Port>(std::move(port));
}

}  // namespace pollux::vhost
