// What belongs to a connection must fit it: segments of TCP and packets of SCTP are followed
// (follow_tcp.h, follow_sctp.h), and a first fragment leaves its verdict for the others
// (fragment.h).
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Follow {
  static constexpr core::StepId kId = core::StepId::kFollow;

  static core::Verdict Decide(Context& ctx, core::Packet& packet) {
    const bool plain = packet.protocol != net::IpProtocol::kTcp &&
                       packet.protocol != net::IpProtocol::kSctp && !packet.is_fragment;
    return packet.direction == nullptr || plain ? core::Verdict::Continue()
                                                : FollowFully(ctx, packet);
  }

 private:
  static core::Verdict FollowFully(Context& ctx, core::Packet& packet);
};

}  // namespace pollux::stages
