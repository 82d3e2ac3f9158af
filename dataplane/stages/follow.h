// What belongs to a connection must fit it: segments of TCP and packets of SCTP are followed
// (follow_tcp.h, follow_sctp.h). First fragments are followed as soon as their connection is known,
// and leave their verdict for the others (fragment.h), which may come in the same burst.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

struct Follow {
  static constexpr core::StepId kId = core::StepId::kFollow;

  static core::Verdict Decide(Context&, core::Packet& packet) {
    const bool plain =
        packet.protocol != net::IpProtocol::kTcp && packet.protocol != net::IpProtocol::kSctp;
    return packet.direction == nullptr || plain || packet.is_fragment ? core::Verdict::Continue()
                                                                      : Transport(packet);
  }

  // Of a packet whose direction has just become known: fragments only.
  static core::Verdict Early(Context& ctx, core::Packet& packet);

 private:
  static core::Verdict Transport(core::Packet& packet);
};

}  // namespace pollux::stages
