// The life of a packet, in the order in which it happens. Every name below is one file in stages/.
//
//   receive          the port lists the frames of a burst (vhost-user / memif / tap / ethdev)
//   load_headers     128 bytes to private memory, once
//   parse            offsets, fragments, offload header against the headers
//   find_connection  the flow lookup, for the whole burst: what is known goes on to forward
//   first packets:
//     source_guard   nobody speaks for somebody else
//     track          which connection it belongs to after all, or would open
//     service        the backend of what goes to a service
//     answer         ARP, neighbour discovery, ping of the gateway
//     route          endpoint or longest prefix
//     policy         what the pods' network policies say, in both directions
//     snat           whether the source hides behind another address
//     connect        the decision becomes a connection
//   follow           segments of TCP and SCTP must fit their connection; fragments
//   forward          translation, TTL, MTU, next hop, Ethernet addresses, counters
//   send             the one copy, batched per destination
//   release          the source's buffers go back, in order
//
// Anything that ends early is a drop by a named reason (core/drop_reason.h), counted per port.
// Threading: one worker; tables are the snapshot of this burst.
#pragma once

#include "dataplane/stages/answer.h"
#include "dataplane/stages/connect.h"
#include "dataplane/stages/find_connection.h"
#include "dataplane/stages/follow.h"
#include "dataplane/stages/forward.h"
#include "dataplane/stages/load_headers.h"
#include "dataplane/stages/parse.h"
#include "dataplane/stages/policy.h"
#include "dataplane/stages/route.h"
#include "dataplane/stages/send.h"
#include "dataplane/stages/service.h"
#include "dataplane/stages/snat.h"
#include "dataplane/stages/source_guard.h"
#include "dataplane/stages/step.h"
#include "dataplane/stages/track.h"

namespace pollux {

inline void ProcessBurst(stages::Context& ctx, core::Batch& batch) {
  ctx.first = batch.packets().data();
  stages::CountReceived(ctx, batch);
  stages::Burst burst;
  // Two rounds: first all heads are on their way into the cache, then they are looked at.
  stages::BeginSteps<stages::LoadHeaders>(ctx, batch, burst);
  stages::RunSteps<stages::Parse>(ctx, burst);
  stages::FindConnections(ctx, burst);
  stages::RunStepsOnUnknown<stages::SourceGuard, stages::Track, stages::Service, stages::Answer,
                            stages::Route, stages::Policy, stages::Snat, stages::Connect>(ctx,
                                                                                          burst);
  stages::RunSteps<stages::Follow, stages::Forward>(ctx, burst);
  stages::SendPackets(ctx.tables, ctx.worker, burst.ready(), &ctx);
  ++ctx.worker.burst_sequence;
}

}  // namespace pollux
