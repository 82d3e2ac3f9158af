// A port for tests: frames in, frames out, no root, no EAL, no hugepages.
//
// Every segment of a queued frame is a heap block of exactly its length, freed at Release(), so
// that AddressSanitizer catches a read beyond a segment and a read after the buffers were given
// back. Send() enforces the contract of core::Port: a frame that the port must never see (beyond
// the MTU, a GSO that it cannot take) ends the test.
// Threading: every member may be called by any thread (one lock; it is no measure of speed).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "dataplane/core/batch.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/port.h"

namespace pollux::vhost {

struct FakeFrame {
  std::vector<std::uint8_t> bytes;
  core::Offload offload;

  friend bool operator==(const FakeFrame&, const FakeFrame&) = default;
};

class FakePort final : public core::Port {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  // As many receive queues as spec.queues.
  FakePort(net::PortId id, core::PortSpec spec, unsigned worker_count = 1);
  // A pod port "fake<id>" of one queue.
  explicit FakePort(net::PortId id);
  ~FakePort() override;

  // The peer's side. Queues a frame for Receive(); it lies in cuts.size() + 1 segments that end at
  // the ascending byte offsets `cuts`.
  void Enqueue(FakeFrame frame, const std::vector<std::size_t>& cuts = {}, unsigned queue = 0);
  // Queues what a port reports of a frame that it could not take: no bytes, a drop reason.
  void EnqueueDropped(core::DropReason reason, unsigned queue = 0);
  // Frames sent to the peer since the last call, in order; makes room for new ones.
  std::vector<FakeFrame> TakeSent();
  // Frames that wait for Receive(), and frames received but not yet given back.
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::size_t held() const;

  // Frames that the peer holds at most before Send() leaves kDestinationFull.
  void set_capacity(std::size_t frames);
  // Send() leaves this reason on every frame, as a port would whose peer or device is at fault;
  // kNone: it takes them again.
  void set_refusal(core::DropReason reason);
  // Down: Send() leaves kDestinationDown.
  void set_link_up(bool up);
  // Without `checksum`, Send() completes partial checksums, as real ports do. All false at first.
  void set_capabilities(const core::PortCapabilities& capabilities);

  [[nodiscard]] unsigned rx_queue_count() const override;
  [[nodiscard]] core::RxQueue& rx_queue(unsigned index) override;
  void Send(net::WorkerId worker, std::span<core::Packet* const> packets) override;
  [[nodiscard]] core::PortCapabilities capabilities() const override;
  [[nodiscard]] core::PortStatus Status() const override;

 private:
  class RxSide;

  // The drop reason, or kNone when the frame was delivered. mutex_ is held.
  core::DropReason Deliver(const core::Packet& packet);

  mutable std::mutex mutex_;  // guards everything below, the queues' contents included
  std::vector<std::unique_ptr<RxSide>> queues_;
  std::vector<FakeFrame> sent_;
  std::size_t capacity_ = kUnlimited;
  bool link_up_ = true;
  core::DropReason refusal_ = core::DropReason::kNone;
  core::PortCapabilities capabilities_;
};

}  // namespace pollux::vhost
