// Where a packet goes: an endpoint of this node, else the longest prefix. Where nothing leads it
// ends with the ICMP error that RFC 1812 and RFC 4443 ask for (icmp_error.h).
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Route {
  static constexpr core::StepId kId = core::StepId::kRoute;

  static core::Verdict Decide(Context& ctx, core::Packet& packet);

  // Fills in where both ends of a connection are; the reason if its packets go nowhere.
  static core::DropReason Find(const tables::Tables& tables, Decision& decision);
};

}  // namespace pollux::stages
