#include "dataplane/stages/pending.h"

#include <algorithm>

#include "dataplane/core/copy.h"

namespace pollux::stages {
namespace {

void CopyInto(PendingPackets::Waiting& waiting, const core::Packet& packet) {
  const std::uint32_t length = packet.frame_length();
  // Few packets a second come here; the allocation is bounded by the table's size.
  waiting.bytes = std::make_unique<std::uint8_t[]>(core::kHeadroomBytes + length);
  std::uint8_t* frame = waiting.bytes.get() + core::kHeadroomBytes;
  core::CopyFrame(packet, frame);
  waiting.segment = {frame, length};
  waiting.packet = packet;
  waiting.packet.head = frame;
  waiting.packet.segments = &waiting.segment;
  waiting.packet.segment_count = 1;
  waiting.packet.payload_offset = packet.head_length;
}

}  // namespace

PendingPackets::Result PendingPackets::Keep(const core::Packet& packet, net::PortId port,
                                            const net::IpAddress& next_hop, net::Nanos now) {
  auto it = std::find_if(queues_.begin(), queues_.end(),
                         [&](const Queue& q) { return q.port == port && q.next_hop == next_hop; });
  if (it == queues_.end()) {
    it = std::find_if(queues_.begin(), queues_.end(),
                      [](const Queue& q) { return q.port == net::kNoPort; });
    if (it == queues_.end()) {
      return Result::kFull;
    }
    it->port = port;
    it->next_hop = next_hop;
    it->count = 0;
    ++used_;
  }
  if (it->count == 0) {
    it->since = now;
  }
  if (it->count == kPerNeighbour) {
    return Result::kFull;
  }
  CopyInto(it->waiting[it->count], packet);
  return it->count++ == 0 ? Result::kKeptFirst : Result::kKept;
}

void PendingPackets::Release(Queue& queue) {
  for (Waiting& waiting : queue.waiting) {
    waiting.bytes.reset();
  }
  queue.port = net::kNoPort;
  queue.count = 0;
  --used_;
}

}  // namespace pollux::stages
