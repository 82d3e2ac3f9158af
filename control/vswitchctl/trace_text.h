// Observations for people: a line per packet, and under it a line per step.
//
// Workers take packets through the steps in bursts, so the steps of one packet come interleaved
// with those of others; here they stand together. Threading: one thread.
#pragma once

#include <ostream>
#include <utility>
#include <vector>

#include "control/vswitchctl/api.h"

namespace pollux::ctl {

using Observations = google::protobuf::RepeatedPtrField<api::Observation>;

// In the order of the packets' first appearance, each packet's in their own order.
std::vector<const api::Observation*> GroupByPacket(const Observations& observations);

class TraceText {
 public:
  void Print(const Observations& observations, std::ostream& out);

 private:
  std::pair<std::uint32_t, std::uint64_t> last_{};  // worker and packet of the last line
  bool any_ = false;
};

}  // namespace pollux::ctl
