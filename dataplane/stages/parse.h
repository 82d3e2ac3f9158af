// From bytes to meaning: Ethernet, IPv4/IPv6, extension headers, fragments, the L4 header, and the
// offload header against what was parsed. Fills the fields of core::Packet that parse sets.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Parse {
  static constexpr core::StepId kId = core::StepId::kParse;
  static core::Verdict Decide(Context& ctx, core::Packet& packet);
};

}  // namespace pollux::stages
