// Frames that the switch makes on its own: ARP requests, neighbour solicitations, announcements.
//
// They are small (they fit a private head) and few; a burst that needs more than fits makes no more
// and the cause (a waiting packet) asks again.
// Threading: owned by one worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/core/packet.h"

namespace pollux::stages {

class GeneratedFrames {
 public:
  static constexpr unsigned kCapacity = 64;

  // A packet with an empty head of up to kHeaderBytes to fill in, bound for `egress`; null if the
  // store is full until Clear().
  core::Packet* Add(net::PortId egress) {
    if (count_ == kCapacity) {
      return nullptr;
    }
    core::Packet& packet = packets_[count_];
    packet = core::Packet{};
    packet.head = heads_[count_].data();
    packet.egress = egress;
    ++count_;
    return &packet;
  }
  [[nodiscard]] std::span<core::Packet> packets() { return {packets_.data(), count_}; }
  void Clear() { count_ = 0; }

 private:
  unsigned count_ = 0;
  std::array<core::Packet, kCapacity> packets_;
  alignas(64) std::array<std::array<std::uint8_t, core::kHeaderBytes>, kCapacity> heads_;
};

}  // namespace pollux::stages
