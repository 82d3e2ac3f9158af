#include "dataplane/stages/pending.h"

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

PendingPackets::Queue* PendingPackets::QueueFor(net::PortId port, const net::IpAddress& next_hop,
                                                net::PortId asker) {
  Queue* free = nullptr;
  unsigned asked = 0;
  for (Queue& queue : queues_) {
    if (queue.port == net::kNoPort) {
      free = &queue;
    } else if (queue.port == port && queue.next_hop == next_hop) {
      return &queue;
    } else if (queue.asker == asker) {
      ++asked;
    }
  }
  if (free == nullptr || asked == kNeighboursPerPort) {
    return nullptr;
  }
  free->port = port;
  free->next_hop = next_hop;
  free->asker = asker;
  free->count = 0;
  ++used_;
  return free;
}

PendingPackets::Result PendingPackets::Keep(const core::Packet& packet, net::PortId port,
                                            const net::IpAddress& next_hop, net::Nanos now) {
  Queue* queue = QueueFor(port, next_hop, packet.ingress);
  if (queue == nullptr || queue->count == kPerNeighbour) {
    return Result::kFull;
  }
  if (queue->count == 0) {
    queue->since = now;
  }
  CopyInto(queue->waiting[queue->count], packet);
  return queue->count++ == 0 ? Result::kKeptFirst : Result::kKept;
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
