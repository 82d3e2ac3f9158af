#include "dataplane/stages/neighbour.h"

#include "dataplane/stages/forward.h"
#include "dataplane/stages/icmp_error.h"
#include "dataplane/stages/link_message.h"
#include "dataplane/stages/local_address.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Verdict;

Verdict KeepAndAsk(Context& ctx, core::Packet& packet, const tables::PortEntry& egress,
                   const net::IpAddress& next_hop) {
  const net::PortId port = egress.port->id();
  packet.egress = port;
  switch (ctx.worker.pending.Keep(packet, port, next_hop, ctx.now)) {
    case PendingPackets::Result::kKeptFirst:
      GenerateSolicitation(ctx.worker, egress, next_hop);
      ctx.worker.Tell(
          {.kind = NeighbourEvent::Kind::kWanted, .port = port, .ip = next_hop, .mac = {}});
      return Verdict::Consumed();
    case PendingPackets::Result::kKept:
      return Verdict::Consumed();
    case PendingPackets::Result::kFull:
      break;
  }
  return Verdict::Drop(DropReason::kNeighbourPending);
}

// Packets that waited were counted as consumed when they came; what becomes of them is counted
// again as a packet of the switch's own, so that the sums of a port agree.
core::PortCounters* CountersOf(const tables::Tables& tables, const WorkerState& worker,
                               const core::Packet& packet) {
  core::Port* port = (*tables.ports)[packet.ingress].port;
  return port == nullptr ? nullptr : &port->counters(worker.id);
}

void DropWaiting(const tables::Tables& tables, WorkerState& worker, PendingPackets::Queue& queue) {
  for (unsigned i = 0; i < queue.count; ++i) {
    if (auto* counters = CountersOf(tables, worker, queue.waiting[i].packet)) {
      counters->generated.Add(1);
      counters->drops[static_cast<unsigned>(DropReason::kNeighbourFailed)].Add(1);
    }
  }
  worker.pending.Release(queue);
}

void TakeWaiting(const tables::Tables& tables, WorkerState& worker, PendingPackets::Queue& queue,
                 const net::MacAddress& mac, core::Packet** ready) {
  for (unsigned i = 0; i < queue.count; ++i) {
    core::Packet& packet = queue.waiting[i].packet;
    packet.ethernet().destination = mac;
    Forward::Depart(packet, (*tables.ports)[packet.egress].local_mac);
    if (auto* counters = CountersOf(tables, worker, packet)) {
      counters->generated.Add(1);
    }
    ready[i] = &packet;
  }
  queue.count = 0;  // lent to the caller: released by the next call
}

}  // namespace

Verdict ResolveNextHop(Context& ctx, core::Packet& packet, const tables::PortEntry& egress,
                       const net::IpAddress& next_hop) {
  const tables::Neighbour* neighbour = ctx.tables.neighbours->Find(egress.port->id(), next_hop);
  if (neighbour == nullptr) {
    return KeepAndAsk(ctx, packet, egress, next_hop);
  }
  if (neighbour->failed) {
    return AnswerWithError(ctx, packet, IcmpError::kHostUnreachable, DropReason::kNeighbourFailed);
  }
  ctx.tables.neighbours->MarkUsed(*neighbour);
  packet.ethernet().destination = neighbour->mac;
  return Verdict::Continue();
}

void GenerateSolicitation(WorkerState& worker, const tables::PortEntry& egress,
                          const net::IpAddress& target) {
  const auto own = SourceTowards(egress, target);
  core::Packet* packet = own ? worker.generated.Add(egress.port->id()) : nullptr;
  if (packet == nullptr) {
    return;
  }
  if (target.is_v4()) {
    WriteArp(*packet, {.operation = net::ArpPacket::kRequest,
                       .sender_mac = egress.local_mac,
                       .sender_ip = own->v4(),
                       .ethernet_destination = net::MacAddress::Broadcast(),
                       .target_mac = {},
                       .target_ip = target.v4()});
    return;
  }
  const auto group = net::Ipv6Address::SolicitedNode(target.v6());
  WriteNeighbourMessage(*packet, {.type = net::Icmpv6Type::kNeighborSolicitation,
                                  .flags = 0,
                                  .mac = egress.local_mac,
                                  .ethernet_destination = net::MulticastMac(group),
                                  .source = own->v6(),
                                  .destination = group,
                                  .target = target.v6()});
}

void GenerateAnnouncement(WorkerState& worker, const tables::PortEntry& egress,
                          const net::IpAddress& address, const net::MacAddress& mac) {
  core::Packet* packet = worker.generated.Add(egress.port->id());
  if (packet == nullptr) {
    return;
  }
  if (address.is_v4()) {
    WriteArp(*packet, {.operation = net::ArpPacket::kRequest,
                       .sender_mac = mac,
                       .sender_ip = address.v4(),
                       .ethernet_destination = net::MacAddress::Broadcast(),
                       .target_mac = {},
                       .target_ip = address.v4()});
    return;
  }
  constexpr auto kEverybody = net::Ipv6Address::AllNodes();
  WriteNeighbourMessage(*packet,
                        {.type = net::Icmpv6Type::kNeighborAdvertisement,
                         .flags = net::NeighborMessage::kRouter | net::NeighborMessage::kOverride,
                         .mac = mac,
                         .ethernet_destination = net::MulticastMac(kEverybody),
                         .source = AdvertisementSource(egress, address.v6()),
                         .destination = kEverybody,
                         .target = address.v6()});
}

net::Ipv6Address AdvertisementSource(const tables::PortEntry& port,
                                     const net::Ipv6Address& target) {
  const auto own = SourceTowards(port, target);
  return own && !IsSwitchAddress(port, target) ? own->v6() : target;
}

bool LearnNeighbour(Context& ctx, const NeighbourSighting& sighting) {
  const net::PortId port = ctx.ingress.port->id();
  if (!IsOnLink(ctx.ingress, sighting.ip) || IsSwitchAddress(ctx.ingress, sighting.ip) ||
      ctx.tables.endpoints->Find(sighting.ip) != nullptr) {
    return false;
  }
  const tables::Neighbour* known = ctx.tables.neighbours->Find(port, sighting.ip);
  const bool moves = known != nullptr && (known->failed || known->mac != sighting.mac);
  const bool contradicts = known != nullptr && !known->failed && known->mac != sighting.mac;
  if ((!sighting.answers_us && !moves) || (contradicts && !sighting.overrides)) {
    return false;
  }
  ctx.worker.Tell({.kind = NeighbourEvent::Kind::kLearned,
                   .port = port,
                   .ip = sighting.ip,
                   .mac = sighting.mac});
  return true;
}

unsigned CollectResolved(const tables::Tables& tables, WorkerState& worker, net::Nanos now,
                         std::span<core::Packet*> ready) {
  unsigned count = 0;
  for (PendingPackets::Queue& queue : worker.pending.queues()) {
    if (queue.port == net::kNoPort) {
      continue;
    }
    if (queue.count == 0) {
      worker.pending.Release(queue);  // lent by the last call
      continue;
    }
    const tables::Neighbour* neighbour = tables.neighbours->Find(queue.port, queue.next_hop);
    if (neighbour != nullptr && !neighbour->failed) {
      if (count + queue.count <= ready.size()) {
        const unsigned taken = queue.count;
        TakeWaiting(tables, worker, queue, neighbour->mac, &ready[count]);
        count += taken;
      }
    } else if (neighbour != nullptr || now.value() - queue.since.value() > kPendingTimeoutNanos) {
      DropWaiting(tables, worker, queue);
    }
  }
  return count;
}

}  // namespace pollux::stages
