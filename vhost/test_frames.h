// Frames in and out of ports, for tests.
// Threading: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/core/batch.h"
#include "dataplane/core/copy.h"
#include "dataplane/core/packet.h"

namespace pollux::vhost {

using Bytes = std::vector<std::uint8_t>;

// A frame of this length whose bytes depend on their place and on `seed`.
inline Bytes MakeFrame(std::size_t length, unsigned seed = 0) {
  Bytes frame(length);
  for (std::size_t i = 0; i < length; ++i) {
    frame[i] = static_cast<std::uint8_t>(i * 7 + i / 256 + std::size_t{seed} * 31 + 1);
  }
  return frame;
}

// A frame as the pipeline holds it: the head in private memory, the rest in a segment.
class TestPacket {
 public:
  explicit TestPacket(Bytes frame, const core::Offload& offload = {})
      : state_(std::make_unique<State>()) {
    state_->frame = std::move(frame);
    state_->segment = {state_->frame.data(), static_cast<std::uint32_t>(state_->frame.size())};
    core::Packet& packet = state_->packet;
    packet.head = state_->head.data();
    packet.segments = &state_->segment;
    packet.segment_count = 1;
    packet.payload_length = state_->segment.length;
    packet.offload = offload;
    core::LoadHead(packet);
  }

  [[nodiscard]] core::Packet& packet() { return state_->packet; }
  [[nodiscard]] const Bytes& frame() const { return state_->frame; }
  [[nodiscard]] core::DropReason drop() const { return state_->packet.drop; }

 private:
  struct State {
    Bytes frame;
    core::Segment segment;
    std::array<std::uint8_t, core::kHeaderBytes> head;
    core::Packet packet;
  };
  std::unique_ptr<State> state_;
};

inline std::vector<TestPacket> MakePackets(const std::vector<Bytes>& frames) {
  std::vector<TestPacket> packets;
  for (const Bytes& frame : frames) {
    packets.emplace_back(frame);
  }
  return packets;
}

inline std::vector<core::Packet*> Pointers(std::vector<TestPacket>& packets) {
  std::vector<core::Packet*> pointers;
  for (TestPacket& packet : packets) {
    pointers.push_back(&packet.packet());
  }
  return pointers;
}

inline std::vector<core::DropReason> DropsOf(const std::vector<TestPacket>& packets) {
  std::vector<core::DropReason> drops;
  for (const TestPacket& packet : packets) {
    drops.push_back(packet.drop());
  }
  return drops;
}

// What a burst brought: each packet's bytes, or its drop reason.
struct Received {
  Bytes frame;
  core::DropReason drop = core::DropReason::kNone;
  friend bool operator==(const Received&, const Received&) = default;
};

inline std::vector<Received> ContentOf(core::Batch& batch) {
  std::vector<Received> content;
  for (core::Packet& packet : batch.packets()) {
    Received& received = content.emplace_back();
    received.drop = packet.drop;
    if (packet.drop == core::DropReason::kNone) {
      core::LoadHead(packet);
      received.frame.resize(packet.frame_length());
      core::CopyFrame(packet, received.frame.data());
    }
  }
  return content;
}

}  // namespace pollux::vhost
