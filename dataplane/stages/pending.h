// Packets that wait until their next hop's Ethernet address is known.
//
// At most kPerNeighbour packets for each of at most kNeighbours next hops, in private copies (the
// pod's buffer goes back to it at once). When the neighbour becomes known they are sent, when it
// fails or takes too long they are dropped by name.
// Threading: owned by one worker.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/core/packet.h"
#include "dataplane/net/address.h"
#include "dataplane/net/ids.h"

namespace pollux::stages {

class PendingPackets {
 public:
  static constexpr unsigned kNeighbours = 64;
  static constexpr unsigned kPerNeighbour = 3;
  // That one ingress port may be the first to ask for, so that a scan leaves room for the others.
  static constexpr unsigned kNeighboursPerPort = 16;

  struct Waiting {
    core::Packet packet;  // head and payload in `bytes`; segments points to `segment`
    core::Segment segment{};
    std::unique_ptr<std::uint8_t[]> bytes;
  };
  struct Queue {
    net::PortId port;  // kNoPort: free
    net::IpAddress next_hop;
    net::PortId asker;  // ingress of the first packet
    net::Nanos since;
    unsigned count = 0;
    std::array<Waiting, kPerNeighbour> waiting;
  };

  enum class Result : std::uint8_t { kKept, kKeptFirst, kFull };

  // Copies the whole frame. kKeptFirst: nobody waited for this neighbour yet, so ask for it.
  Result Keep(const core::Packet& packet, net::PortId port, const net::IpAddress& next_hop,
              net::Nanos now);
  [[nodiscard]] bool empty() const { return used_ == 0; }
  // The queues in use have port != kNoPort.
  [[nodiscard]] std::array<Queue, kNeighbours>& queues() { return queues_; }
  void Release(Queue& queue);

 private:
  // The queue of that neighbour; a fresh one; null if there is none to give.
  Queue* QueueFor(net::PortId port, const net::IpAddress& next_hop, net::PortId asker);

  unsigned used_ = 0;
  std::array<Queue, kNeighbours> queues_;
};

}  // namespace pollux::stages
