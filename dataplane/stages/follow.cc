#include "dataplane/stages/follow.h"

#include "dataplane/stages/follow_sctp.h"
#include "dataplane/stages/follow_tcp.h"
#include "dataplane/stages/fragment.h"

namespace pollux::stages {

core::Verdict Follow::Transport(core::Packet& packet) {
  return packet.protocol == net::IpProtocol::kTcp ? FollowTcp::Follow(packet, *packet.direction)
                                                  : FollowSctp::Follow(packet, *packet.direction);
}

core::Verdict Follow::Early(Context& ctx, core::Packet& packet) {
  if (!packet.is_fragment || packet.l4_offset == 0) {  // a later one is judged with the first
    return core::Verdict::Continue();
  }
  const bool followed =
      packet.protocol == net::IpProtocol::kTcp || packet.protocol == net::IpProtocol::kSctp;
  const core::Verdict verdict = followed ? Transport(packet) : core::Verdict::Continue();
  return verdict.continues() ? RememberFragment(ctx, packet) : verdict;
}

}  // namespace pollux::stages
