// The life of a packet, in the order in which it happens. Every name below is one file in stages/.
//
//   receive       the port lists the frames of a burst (vhost-user / memif / tap / ethdev)
//   load_headers  128 bytes to private memory, once
//   parse         offsets, fragments, offload header against the headers
//   source_guard  nobody speaks for somebody else
//   answer        ARP, neighbour discovery, ping of the gateway
//   route         endpoint or longest prefix; TTL, MTU, next hop
//   rewrite       Ethernet addresses, TTL
//   send          the one copy, batched per destination
//   release       the source's buffers go back, in order
//
// Anything that ends early is a drop by a named reason (core/drop_reason.h), counted per port.
// Threading: one worker; tables are the snapshot of this burst.
#pragma once

#include "dataplane/stages/answer.h"
#include "dataplane/stages/load_headers.h"
#include "dataplane/stages/parse.h"
#include "dataplane/stages/rewrite.h"
#include "dataplane/stages/route.h"
#include "dataplane/stages/send.h"
#include "dataplane/stages/source_guard.h"
#include "dataplane/stages/step.h"

namespace pollux {

inline void ProcessBurst(stages::Context& ctx, core::Batch& batch) {
  ctx.first = batch.packets().data();
  stages::CountReceived(ctx, batch);
  stages::Burst burst;
  // Two rounds: first all heads are on their way into the cache, then they are looked at.
  stages::BeginSteps<stages::LoadHeaders>(ctx, batch, burst);
  stages::RunSteps<stages::Parse, stages::SourceGuard, stages::Answer, stages::Route,
                   stages::Rewrite>(ctx, burst);
  stages::SendPackets(ctx.tables, ctx.worker, burst.ready(), &ctx);
  ++ctx.worker.burst_sequence;
}

}  // namespace pollux
