#include "dataplane/stages/step.h"

namespace pollux::stages {

void Conclude(Context& ctx, Burst& burst, core::Packet& packet, core::Verdict verdict) {
  switch (verdict.kind()) {
    case core::VerdictKind::kContinue:
      break;
    case core::VerdictKind::kSend:
      ctx.counters.answered.Add(1);
      ctx.counters.generated.Add(1);
      burst.AddAnswer(&packet);
      break;
    case core::VerdictKind::kConsumed:
      ctx.counters.answered.Add(1);
      break;
    case core::VerdictKind::kDropAnswer:
      ctx.counters.generated.Add(1);
      burst.AddAnswer(&packet);
      [[fallthrough]];
    case core::VerdictKind::kDrop:
      ctx.counters.drops[static_cast<unsigned>(verdict.reason())].Add(1);
      break;
  }
}

}  // namespace pollux::stages
