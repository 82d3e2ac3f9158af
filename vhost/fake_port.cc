#include "vhost/fake_port.h"

#include <glog/logging.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "dataplane/core/copy.h"
#include "dataplane/net/headers.h"

namespace pollux::vhost {
namespace {

constexpr std::uint32_t kVlanTagBytes = 4;

core::PortSpec DefaultSpec(net::PortId id) {
  core::PortSpec spec;
  spec.name = "fake" + std::to_string(id.value());
  return spec;
}

struct Block {
  std::unique_ptr<std::uint8_t[]> bytes;
  std::uint32_t length;
};

struct WaitingFrame {
  std::vector<Block> blocks;
  core::Offload offload;
  core::DropReason drop = core::DropReason::kNone;
};

std::vector<Block> Split(std::span<const std::uint8_t> bytes, std::vector<std::size_t> cuts) {
  cuts.push_back(bytes.size());
  std::vector<Block> blocks;
  std::size_t from = 0;
  for (const std::size_t to : cuts) {
    CHECK(from < to && to <= bytes.size()) << "cuts must ascend within the frame";
    blocks.push_back(
        {std::make_unique<std::uint8_t[]>(to - from), static_cast<std::uint32_t>(to - from)});
    std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(from),
              bytes.begin() + static_cast<std::ptrdiff_t>(to), blocks.back().bytes.get());
    from = to;
  }
  CHECK_LE(blocks.size(), core::kMaxSegmentsPerFrame);
  return blocks;
}

}  // namespace

class FakePort::RxSide final : public core::RxQueue {
 public:
  explicit RxSide(std::mutex& mutex) : mutex_(mutex), wake_fd_(eventfd(0, EFD_NONBLOCK)) {
    PCHECK(wake_fd_ >= 0);
  }
  ~RxSide() override { close(wake_fd_); }

  void Add(WaitingFrame frame) {
    const std::lock_guard lock(mutex_);
    waiting.push_back(std::move(frame));
    if (armed_) {
      armed_ = false;
      PCHECK(eventfd_write(wake_fd_, 1) == 0);
    }
  }

  void Receive(core::Batch& batch) override {
    const std::lock_guard lock(mutex_);
    for (; !waiting.empty() && batch.HasRoom(); waiting.pop_front()) {
      held.push_back(std::move(waiting.front()));
      Append(held.back(), batch);
    }
  }

  void Release(core::Batch& batch) override {
    const std::lock_guard lock(mutex_);
    CHECK_EQ(batch.size(), held.size()) << "Release() without its Receive()";
    held.clear();
  }

  bool Arm() override {
    const std::lock_guard lock(mutex_);
    armed_ = true;
    return !waiting.empty();
  }
  void Disarm() override {
    const std::lock_guard lock(mutex_);
    armed_ = false;
  }
  void AcknowledgeWake() override {
    eventfd_t ignored = 0;
    eventfd_read(wake_fd_, &ignored);
  }
  [[nodiscard]] core::WaitHandle wait_handle() const override { return {wake_fd_, 0}; }

  std::deque<WaitingFrame> waiting;
  std::vector<WaitingFrame> held;

 private:
  static void Append(const WaitingFrame& frame, core::Batch& batch) {
    core::Segment* segment = batch.NextSegments();
    std::uint32_t length = 0;
    for (const Block& block : frame.blocks) {
      *segment++ = {block.bytes.get(), block.length};
      length += block.length;
    }
    batch.Append(static_cast<std::uint16_t>(frame.blocks.size()), length, frame.offload,
                 frame.drop);
  }

  std::mutex& mutex_;
  const int wake_fd_;
  bool armed_ = false;
};

FakePort::FakePort(net::PortId id, core::PortSpec spec, unsigned worker_count)
    : Port(id, std::move(spec), worker_count) {
  for (unsigned i = 0; i < this->spec().queues; ++i) {
    queues_.push_back(std::make_unique<RxSide>(mutex_));
  }
}

FakePort::FakePort(net::PortId id) : FakePort(id, DefaultSpec(id)) {}

FakePort::~FakePort() = default;

void FakePort::Enqueue(FakeFrame frame, const std::vector<std::size_t>& cuts, unsigned queue) {
  queues_.at(queue)->Add({Split(frame.bytes, cuts), frame.offload});
}

void FakePort::EnqueueDropped(core::DropReason reason, unsigned queue) {
  queues_.at(queue)->Add({{}, {}, reason});
}

std::vector<FakeFrame> FakePort::TakeSent() {
  const std::lock_guard lock(mutex_);
  return std::exchange(sent_, {});
}

std::size_t FakePort::queued() const {
  const std::lock_guard lock(mutex_);
  std::size_t frames = 0;
  for (const auto& queue : queues_) {
    frames += queue->waiting.size();
  }
  return frames;
}

std::size_t FakePort::held() const {
  const std::lock_guard lock(mutex_);
  std::size_t frames = 0;
  for (const auto& queue : queues_) {
    frames += queue->held.size();
  }
  return frames;
}

void FakePort::set_capacity(std::size_t frames) {
  const std::lock_guard lock(mutex_);
  capacity_ = frames;
}

void FakePort::set_refusal(core::DropReason reason) {
  const std::lock_guard lock(mutex_);
  refusal_ = reason;
}

void FakePort::set_link_up(bool up) {
  const std::lock_guard lock(mutex_);
  link_up_ = up;
}

void FakePort::set_capabilities(const core::PortCapabilities& capabilities) {
  const std::lock_guard lock(mutex_);
  capabilities_ = capabilities;
}

unsigned FakePort::rx_queue_count() const { return static_cast<unsigned>(queues_.size()); }

core::RxQueue& FakePort::rx_queue(unsigned index) { return *queues_.at(index); }

void FakePort::Send(net::WorkerId /*worker*/, std::span<core::Packet* const> packets) {
  const std::lock_guard lock(mutex_);
  for (core::Packet* packet : packets) {
    packet->drop = Deliver(*packet);
  }
}

core::DropReason FakePort::Deliver(const core::Packet& packet) {
  const bool gso_fits[] = {true, capabilities_.tso4, capabilities_.tso6, capabilities_.udp_gso};
  CHECK(gso_fits[static_cast<unsigned>(packet.offload.gso)])
      << "port " << spec().name << " was sent a GSO frame that it cannot take";
  CHECK(packet.offload.gso != core::Gso::kNone ||
        packet.frame_length() <= sizeof(net::EthernetHeader) + kVlanTagBytes + spec().mtu)
      << "port " << spec().name << " was sent " << packet.frame_length()
      << " bytes, beyond its MTU";
  if (!link_up_) {
    return core::DropReason::kDestinationDown;
  }
  if (refusal_ != core::DropReason::kNone) {
    return refusal_;
  }
  if (sent_.size() >= capacity_) {
    return core::DropReason::kDestinationFull;
  }
  FakeFrame frame{std::vector<std::uint8_t>(packet.frame_length()), packet.offload};
  core::CopyFrame(packet, frame.bytes.data());
  if (frame.offload.needs_checksum && !capabilities_.checksum) {
    core::CompleteChecksum(frame.offload, frame.bytes.data(), packet.frame_length());
    frame.offload = {};
  }
  sent_.push_back(std::move(frame));
  return core::DropReason::kNone;
}

core::PortCapabilities FakePort::capabilities() const {
  const std::lock_guard lock(mutex_);
  return capabilities_;
}

core::PortStatus FakePort::Status() const {
  const std::lock_guard lock(mutex_);
  return {.link_up = link_up_, .state = link_up_ ? "connected" : "down", .details = {}, .mac = {}};
}

}  // namespace pollux::vhost
