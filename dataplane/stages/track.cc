#include "dataplane/stages/track.h"

#include <optional>

#include "dataplane/stages/find_connection.h"
#include "dataplane/stages/follow.h"
#include "dataplane/stages/fragment.h"
#include "dataplane/stages/local_address.h"
#include "dataplane/stages/packet_tuple.h"
#include "dataplane/stages/quoted.h"
#include "dataplane/stages/renew.h"
#include "dataplane/stages/translate.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;

// An error travels against the packet that it is about, to whoever sent that one. Routers on the
// way may send one about anybody's packets; a pod about those of its own connections.
Verdict TrackError(Context& ctx, Packet& packet) {
  const Flows& flows = *ctx.worker.flows;
  const std::optional<Quoted> quoted = QuotedBy(packet, ctx.zone);
  if (!quoted || AddressesOf(packet).destination != quoted->tuple.source) {
    return Verdict::Drop(DropReason::kIcmpUnrelated);
  }
  tables::Direction* against = flows.connections.Find(quoted->tuple.Reversed());
  const bool may_speak =
      against != nullptr && AgeOf(flows.epochs, *against) != core::Epochs::Age::kClosed &&
      (ctx.ingress.role != core::PortRole::kPod || against->ingress == packet.ingress);
  if (!may_speak) {
    return Verdict::Drop(DropReason::kIcmpUnrelated);
  }
  if (against->translates) {
    TranslateError(packet, *quoted, *against);
  }
  return Verdict::Continue();
}

// The switch's own fragments (pings of its addresses) make no connection.
bool IsForTheSwitch(const Context& ctx, Packet& packet) {
  const net::IpAddress to = AddressesOf(packet).destination;
  return IsSwitchAddress(ctx.ingress, to) && ctx.tables.endpoints->Find(to) == nullptr;
}

}  // namespace

Verdict Track::Decide(Context& ctx, Packet& packet) {
  ctx.tracked = false;
  if (ctx.worker.flows == nullptr || packet.ip == core::IpVersion::kNone ||
      packet.ethernet().destination != ctx.ingress.local_mac) {
    return Verdict::Continue();
  }
  if (packet.l4_offset == 0) {
    return packet.is_fragment && !IsForTheSwitch(ctx, packet) ? FindFragment(ctx, packet)
                                                              : Verdict::Continue();
  }
  if (IsIcmp(packet.protocol) &&
      IcmpRoleOf(packet.protocol, packet.head[packet.l4_offset]) == IcmpRole::kError) {
    return TrackError(ctx, packet);
  }
  ctx.tracked = true;
  ctx.decision = Undecided(packet.ingress, TupleOf(packet, ctx.zone));
  tables::Direction* known = ctx.worker.flows->connections.Find(ctx.decision.original);
  if (known == nullptr) {
    return Verdict::Continue();
  }
  const Verdict verdict = Renew(ctx, packet, *known);
  return verdict.continues() && packet.direction != nullptr ? Follow::Early(ctx, packet) : verdict;
}

}  // namespace pollux::stages
