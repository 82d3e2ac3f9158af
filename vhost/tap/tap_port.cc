#include "vhost/tap/tap_port.h"

#include <glog/logging.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "dataplane/net/headers.h"
#include "vhost/tap/tap_device.h"
#include "vhost/tap/vnet_header.h"

namespace pollux::vhost {
namespace {

using core::DropReason;

// Frames are aligned to cache lines; the header lies in the line before.
constexpr std::size_t kLine = 64;
constexpr ssize_t kHeaderBytes = sizeof(VnetHeader);
constexpr std::size_t kFrameOffset = kLine - sizeof(VnetHeader);
// One byte more than a frame may have, so that a longer one is seen and not cut silently.
constexpr std::size_t kReadBytes = sizeof(VnetHeader) + core::kMaxFrameBytes + 1;
// Four frames of 64 KB, or 64 of any size up to 4 KB.
constexpr std::size_t kArenaBytes = 4 * (kLine + core::kMaxFrameBytes) + kLine + kReadBytes;

// What a plain frame may have at most; larger ones need a GSO.
std::uint32_t MaxFrameBytes(const core::PortSpec& spec) {
  constexpr std::uint32_t kVlanTagBytes = 4;
  return static_cast<std::uint32_t>(sizeof(net::EthernetHeader)) + spec.mtu +
         (spec.vlan != 0 ? kVlanTagBytes : 0);
}

class TapQueue final : public core::RxQueue {
 public:
  TapQueue(int fd, std::uint32_t max_frame_bytes)
      : fd_(fd),
        max_frame_bytes_(max_frame_bytes),
        silent_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        arena_(static_cast<std::uint8_t*>(std::aligned_alloc(kLine, kArenaAllocation))) {
    PCHECK(silent_fd_.get() >= 0 && arena_ != nullptr);
  }

  void Receive(core::Batch& batch) override {
    std::uint8_t* slot = arena_.get();
    const std::uint8_t* last = arena_.get() + kArenaBytes - kFrameOffset - kReadBytes;
    while (!gone_.load(std::memory_order_relaxed) && slot <= last && batch.HasRoom()) {
      const ssize_t n = read(fd_, slot + kFrameOffset, kReadBytes);
      if (n < kHeaderBytes) {
        if (n < 0 && errno == EBADFD) {
          gone_.store(true, std::memory_order_relaxed);
        }
        return;
      }
      slot += Append(slot, static_cast<std::uint32_t>(n - kHeaderBytes), batch);
    }
  }

  void Release(core::Batch& /*batch*/) override {}  // the next Receive() reuses the arena

  [[nodiscard]] core::WaitHandle wait_handle() const override {
    return gone_.load(std::memory_order_relaxed) ? core::WaitHandle{silent_fd_.get(), 1}
                                                 : core::WaitHandle{fd_, 0};
  }
  [[nodiscard]] bool poll_costs_syscall() const override { return true; }

 private:
  struct Free {
    void operator()(std::uint8_t* memory) const { std::free(memory); }
  };
  static constexpr std::size_t kArenaAllocation = (kArenaBytes + kLine - 1) / kLine * kLine;

  // Appends the frame that was read into `slot`; returns the bytes that it occupies there.
  std::size_t Append(const std::uint8_t* slot, std::uint32_t length, core::Batch& batch) const {
    VnetHeader header;
    std::memcpy(&header, slot + kFrameOffset, sizeof(header));
    const auto offload = FromVnetHeader(header, length);
    const DropReason drop = Check(offload, length);
    if (drop != DropReason::kNone) {
      batch.Append(0, 0, {}, drop);
      return 0;
    }
    *batch.NextSegments() = {slot + kLine, length};
    batch.Append(1, length, *offload);
    return kLine + (length + kLine - 1) / kLine * kLine;
  }

  [[nodiscard]] DropReason Check(const std::optional<core::Offload>& offload,
                                 std::uint32_t length) const {
    if (length < sizeof(net::EthernetHeader)) {
      return DropReason::kFrameTooShort;
    }
    if (!offload.has_value()) {
      return DropReason::kRingOffload;
    }
    const std::uint32_t limit =
        offload->gso == core::Gso::kNone ? max_frame_bytes_ : core::kMaxFrameBytes;
    return length > limit ? DropReason::kFrameTooLong : DropReason::kNone;
  }

  const int fd_;
  const std::uint32_t max_frame_bytes_;
  const UniqueFd silent_fd_;
  const std::unique_ptr<std::uint8_t, Free> arena_;
  std::atomic<bool> gone_{false};  // written by the queue's worker, read by anybody
};

// The frame behind its header, as it lies.
class FramePieces {
 public:
  explicit FramePieces(const core::Packet& packet) : header_(ToVnetHeader(packet)) {
    Add(reinterpret_cast<const std::uint8_t*>(&header_), sizeof(header_));
    Add(packet.head, packet.head_length);
    std::uint32_t skip = packet.payload_offset;
    std::uint32_t left = packet.payload_length;
    for (const core::Segment* s = packet.segments; left > 0; ++s) {
      if (skip >= s->length) {
        skip -= s->length;
        continue;
      }
      const std::uint32_t n = std::min(s->length - skip, left);
      Add(s->data + skip, n);
      left -= n;
      skip = 0;
    }
  }
  FramePieces(const FramePieces&) = delete;
  FramePieces& operator=(const FramePieces&) = delete;

  // kNone, or why the kernel did not take the frame.
  [[nodiscard]] DropReason WriteTo(int fd) const {
    if (writev(fd, pieces_.data(), count_) >= 0) {
      return DropReason::kNone;
    }
    switch (errno) {
      case EAGAIN:
      case ENOBUFS:
        return DropReason::kDestinationFull;
      case EIO:     // the pod set its interface down
      case EBADFD:  // or deleted it
        return DropReason::kDestinationDown;
      default:
        return DropReason::kDeviceError;
    }
  }

 private:
  void Add(const std::uint8_t* data, std::size_t length) {
    pieces_[static_cast<std::size_t>(count_++)] = {const_cast<std::uint8_t*>(data), length};
  }

  const VnetHeader header_;
  std::array<iovec, 2 + core::kMaxSegmentsPerFrame> pieces_;
  int count_ = 0;
};

class TapPort final : public core::Port {
 public:
  TapPort(net::PortId id, core::PortSpec spec, unsigned worker_count, TapDevice device)
      : Port(id, std::move(spec), worker_count), device_(std::move(device)) {
    for (unsigned i = 0; i < device_.queue_count(); ++i) {
      queues_.push_back(std::make_unique<TapQueue>(device_.fd(i), MaxFrameBytes(this->spec())));
    }
  }

  [[nodiscard]] unsigned rx_queue_count() const override { return device_.queue_count(); }
  [[nodiscard]] core::RxQueue& rx_queue(unsigned index) override { return *queues_[index]; }

  // Each worker writes to a queue of its own as far as there are enough; the kernel then steers the
  // answers of a connection to that queue.
  void Send(net::WorkerId worker, std::span<core::Packet* const> packets) override {
    const int fd = device_.fd(worker.value() % device_.queue_count());
    for (core::Packet* packet : packets) {
      packet->drop = FramePieces(*packet).WriteTo(fd);
    }
  }

  [[nodiscard]] core::PortCapabilities capabilities() const override {
    return {.checksum = true, .tso4 = true, .tso6 = true, .udp_gso = device_.udp_gso()};
  }

  [[nodiscard]] core::PortStatus Status() const override;
  void PrepareRemoval() override { device_.RemoveOnClose(); }

 private:
  TapDevice device_;
  std::vector<std::unique_ptr<TapQueue>> queues_;
};

core::PortStatus TapPort::Status() const {
  core::PortStatus status;
  const auto& tap = std::get<core::TapSpec>(spec().backend);
  status.details = {{"netns", tap.netns}, {"ifname", tap.ifname}};
  if (!tap.netns.empty() && access(tap.netns.c_str(), F_OK) != 0) {
    status.details.emplace_back("note", "the netns path is gone, and probably the pod with it");
  }
  const absl::StatusOr<Link> link = device_.Look();
  if (!link.ok()) {
    status.state = std::string(link.status().message());
    return status;
  }
  status.link_up = link->up && link->running;
  status.state = status.link_up ? "connected" : "set down in the pod";
  status.mac = link->mac;
  status.details.insert(
      status.details.end(),
      {{"mtu", std::to_string(link->mtu)},
       {"queues", std::to_string(device_.queue_count())},
       {"offloads", device_.udp_gso() ? "checksum tso4 tso6 udp-gso" : "checksum tso4 tso6"}});
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<core::Port>> MakeTapPort(net::PortId id, core::PortSpec spec,
                                                        PortContext& context) {
  const auto& tap = std::get<core::TapSpec>(spec.backend);
  auto device = TapDevice::Open({.netns = tap.netns,
                                 .ifname = tap.ifname,
                                 .port = spec.name,
                                 .mac = spec.mac,
                                 .mtu = spec.mtu,
                                 .queues = spec.queues,
                                 .tx_queue_length = spec.ring_size});
  if (!device.ok()) {
    return device.status();
  }
  return std::make_unique<TapPort>(id, std::move(spec), context.worker_count, *std::move(device));
}

}  // namespace pollux::vhost
