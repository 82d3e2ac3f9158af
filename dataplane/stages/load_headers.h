// Copies the first 128 bytes of each frame to private memory: the only time they are read.
// Part of receiving: a frame that the port refused (its drop reason is set) ends here.
// Threading: one worker.
#pragma once

#include "dataplane/core/batch.h"
#include "dataplane/core/copy.h"
#include "dataplane/stages/context.h"

namespace pollux::stages {

// Counts what the port handed over; before anything looks at it.
inline void CountReceived(Context& ctx, core::Batch& batch) {
  std::uint64_t bytes = 0;
  for (const core::Packet& packet : batch.packets()) {
    bytes += packet.payload_length;
  }
  ctx.counters.rx_packets.Add(batch.size());
  ctx.counters.rx_bytes.Add(bytes);
}

struct LoadHeaders {
  static constexpr core::StepId kId = core::StepId::kReceive;

  static core::Verdict Decide(Context&, core::Packet& packet) {
    if (packet.drop != core::DropReason::kNone) [[unlikely]] {
      return core::Verdict::Drop(packet.drop);
    }
    if (packet.payload_length < sizeof(net::EthernetHeader)) [[unlikely]] {
      return core::Verdict::Drop(core::DropReason::kFrameTooShort);
    }
    core::LoadHead(packet);
    return core::Verdict::Continue();
  }
};

}  // namespace pollux::stages
