#include "dataplane/stages/follow.h"

#include "dataplane/stages/follow_sctp.h"
#include "dataplane/stages/follow_tcp.h"
#include "dataplane/stages/fragment.h"

namespace pollux::stages {

core::Verdict Follow::FollowFully(Context& ctx, core::Packet& packet) {
  if (packet.l4_offset == 0) {  // a later fragment: judged with the first
    return core::Verdict::Continue();
  }
  core::Verdict verdict = core::Verdict::Continue();
  if (packet.protocol == net::IpProtocol::kTcp) {
    verdict = FollowTcp::Follow(packet, *packet.direction);
  } else if (packet.protocol == net::IpProtocol::kSctp) {
    verdict = FollowSctp::Follow(packet, *packet.direction);
  }
  return packet.is_fragment && verdict.continues() ? RememberFragment(ctx, packet) : verdict;
}

}  // namespace pollux::stages
