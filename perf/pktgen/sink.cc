#include "perf/pktgen/sink.h"

namespace pollux::pktgen {

void Sink::Sample(std::uint64_t now, std::span<const std::uint8_t> frame) {
  const Stamp* stamp = StampOf(frame);
  if (stamp == nullptr) {
    return;
  }
  latency_.Add(now - stamp->timestamp.value());
  counters_.bad_checksums += ChecksumsHold(layout_, frame) ? 0U : 1U;
}

}  // namespace pollux::pktgen
