// Which connection a first packet belongs to, or would open.
//
// A packet that comes here was not known to the flow lookup. Its connection may exist all the same:
// what it was decided from has changed, it came in another way than before, or it is a fragment.
// Then the connection is decided again (renew.h). ICMP errors belong to the connection of the
// packet that they quote, are translated with it, and are dropped without one (RFC 5508 section
// 4.2).
// Later fragments have no key; they belong to the connection of their first fragment.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Track {
  static constexpr core::StepId kId = core::StepId::kTrack;

  static core::Verdict Decide(Context& ctx, core::Packet& packet);
};

}  // namespace pollux::stages
