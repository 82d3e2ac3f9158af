#include "dataplane/stages/send.h"

#include <array>

#include "dataplane/core/port.h"
#include "dataplane/stages/route.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::PortCounters;

bool CanTake(const core::PortCapabilities& capabilities, core::Gso gso) {
  switch (gso) {
    case core::Gso::kNone:
      return true;
    case core::Gso::kTcp4:
      return capabilities.tso4;
    case core::Gso::kTcp6:
      return capabilities.tso6;
    case core::Gso::kUdp:
      return capabilities.udp_gso;
  }
  return false;
}

// What the port left undelivered has a drop reason.
void CountSent(PortCounters& counters, std::span<Packet* const> packets) {
  std::uint64_t sent = 0;
  std::uint64_t bytes = 0;
  for (const Packet* packet : packets) {
    if (packet->drop == DropReason::kNone) [[likely]] {
      ++sent;
      bytes += packet->frame_length();
    } else {
      counters.drops[static_cast<unsigned>(packet->drop)].Add(1);
    }
  }
  counters.tx_packets.Add(sent);
  counters.tx_bytes.Add(bytes);
}

// One large frame as many small ones. Pieces beyond the first are packets that nobody received.
void SendInPieces(core::Port& port, WorkerState& worker, const tables::PortEntry& egress,
                  Packet& packet) {
  PortCounters& counters = port.counters(worker.id);
  const bool started = packet.offload.gso != core::Gso::kNone
                           ? worker.segmenter.StartSegments(packet)
                           : worker.segmenter.StartFragments(packet, egress.mtu);
  if (!started) {
    packet.drop = DropReason::kSegmentation;
    counters.drops[static_cast<unsigned>(packet.drop)].Add(1);
    return;
  }
  std::uint64_t pieces_out = 0;
  for (std::span<Packet> pieces = worker.segmenter.Next(); !pieces.empty();
       pieces = worker.segmenter.Next()) {
    std::array<Packet*, Segmenter::kPieces> list;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      list[i] = &pieces[i];
    }
    port.Send(worker.id, {list.data(), pieces.size()});
    CountSent(counters, {list.data(), pieces.size()});
    pieces_out += pieces.size();
  }
  counters.generated.Add(pieces_out - 1);
}

void SendWhole(core::Port& port, WorkerState& worker, std::span<Packet* const> packets) {
  port.Send(worker.id, packets);
  CountSent(port.counters(worker.id), packets);
}

// Whether the egress takes the packet as it is, whatever it can do with large frames.
bool FitsOneFrame(const Packet& packet, const tables::PortEntry& egress) {
  return packet.offload.gso == core::Gso::kNone &&
         packet.frame_length() <= egress.mtu + sizeof(net::EthernetHeader);
}

void SendGroup(const tables::PortEntry& egress, WorkerState& worker, std::span<Packet*> group) {
  core::Port& port = *egress.port;
  const core::PortCapabilities capabilities = port.capabilities();
  std::array<Packet*, core::kBurst> whole_frames;
  std::size_t whole = 0;
  for (Packet* packet : group) {
    const bool large = packet->offload.gso != core::Gso::kNone;
    if (large ? CanTake(capabilities, packet->offload.gso) : FitsOneFrame(*packet, egress)) {
      whole_frames[whole++] = packet;
    } else {
      SendInPieces(port, worker, egress, *packet);
    }
  }
  if (whole > 0) {
    SendWhole(port, worker, {whole_frames.data(), whole});
  }
}

// How many packets from the first on go to `egress` as they are.
std::size_t PlainRun(std::span<Packet* const> packets, net::PortId id,
                     const tables::PortEntry& egress) {
  std::size_t n = 0;
  while (n < packets.size() && packets[n]->egress == id && FitsOneFrame(*packets[n], egress)) {
    ++n;
  }
  return n;
}

// The port that route chose is gone: charged to the port that the packet came from.
void CountPortGone(const tables::Tables& tables, const WorkerState& worker,
                   std::span<Packet* const> packets) {
  for (Packet* packet : packets) {
    packet->drop = DropReason::kDestinationDown;
    if (core::Port* port = (*tables.ports)[packet->ingress].port) {
      port->counters(worker.id).drops[static_cast<unsigned>(packet->drop)].Add(1);
    }
  }
}

void ObserveSent(Context& ctx, std::span<Packet* const> packets) {
  for (const Packet* packet : packets) {
    ctx.Observe(core::StepId::kSend, *packet,
                packet->drop == DropReason::kNone ? core::Verdict::Continue()
                                                  : core::Verdict::Drop(packet->drop));
  }
}

// The packets for each egress together, in order.
void SendByEgress(const tables::Tables& tables, WorkerState& worker, std::span<Packet*> packets,
                  Context* ingress) {
  std::array<Packet*, core::kBurst> group;
  while (!packets.empty()) {
    const net::PortId egress = packets.front()->egress;
    std::size_t grouped = 0;
    std::size_t left = 0;
    for (Packet* packet : packets) {
      if (packet->egress == egress && grouped < group.size()) [[likely]] {
        group[grouped++] = packet;
      } else {
        packets[left++] = packet;
      }
    }
    packets = packets.first(left);
    const tables::PortEntry& entry = (*tables.ports)[egress];
    if (entry.port != nullptr) [[likely]] {
      SendGroup(entry, worker, {group.data(), grouped});
    } else {
      CountPortGone(tables, worker, {group.data(), grouped});
    }
    if (ingress != nullptr && ingress->observers != nullptr) [[unlikely]] {
      ObserveSent(*ingress, {group.data(), grouped});
    }
  }
}

}  // namespace

void SendPackets(const tables::Tables& tables, WorkerState& worker, std::span<Packet*> packets,
                 Context* ingress) {
  if (packets.empty()) {
    return;
  }
  // Nearly always all go to one port, as they are.
  const net::PortId first = packets.front()->egress;
  const tables::PortEntry& only = (*tables.ports)[first];
  if (only.port != nullptr && packets.size() <= core::kBurst &&
      PlainRun(packets, first, only) == packets.size()) [[likely]] {
    SendWhole(*only.port, worker, packets);
    if (ingress != nullptr && ingress->observers != nullptr) [[unlikely]] {
      ObserveSent(*ingress, packets);
    }
    return;
  }
  SendByEgress(tables, worker, packets, ingress);
}

}  // namespace pollux::stages
