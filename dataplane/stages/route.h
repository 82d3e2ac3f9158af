// Where a packet goes: an endpoint of this node, else the longest prefix.
//
// Decides the egress port and writes the Ethernet destination; time-to-live, MTU and unresolved
// next hops end here, with the ICMP error that RFC 1812 and RFC 4443 ask for (icmp_error.h).
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Route {
  static constexpr core::StepId kId = core::StepId::kRoute;
  static core::Verdict Decide(Context& ctx, core::Packet& packet);

 private:
  static core::Verdict ToEndpoint(Context& ctx, core::Packet& packet,
                                  const tables::Endpoint& endpoint);
  static core::Verdict ToNextHop(Context& ctx, core::Packet& packet, const net::IpAddress& address);
};

}  // namespace pollux::stages
