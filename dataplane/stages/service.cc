#include "dataplane/stages/service.h"

#include <array>
#include <bit>
#include <optional>

#include "dataplane/stages/packet_tuple.h"
#include "dataplane/stages/reject.h"
#include "dataplane/tables/hash_mix.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Verdict;
using tables::AffinityTable;
using tables::Backend;
using tables::Choice;
using tables::Frontend;
using Words = std::array<std::uint64_t, 2>;

Words WordsOf(const net::IpAddress& ip) { return std::bit_cast<Words>(ip.bytes()); }

// For Maglev: the same on every node and after every restart.
std::uint64_t ClientHash(const net::FlowTuple& tuple, bool address_only) {
  const Words client = WordsOf(tuple.source);
  const std::uint64_t hash = tables::HashMix(client[0] ^ tables::HashMix(client[1]));
  if (address_only) {
    return hash;
  }
  const Words frontend = WordsOf(tuple.destination);
  const std::uint64_t ports = std::uint64_t{tuple.source_port.value()} << 24 |
                              std::uint64_t{tuple.destination_port.value()} << 8 |
                              static_cast<std::uint64_t>(tuple.protocol);
  return tables::HashMix(hash ^
                         tables::HashMix(frontend[0] ^ tables::HashMix(frontend[1] ^ ports)));
}

bool IsInside(const tables::Tables& tables, const net::IpAddress& ip) {
  return tables.endpoints->Find(ip) != nullptr || tables.cluster->IsInside(ip);
}

// What this client was sent to last, if that is still one of the service's.
const Backend* Remembered(const tables::Tables& tables, const Affinity& affinity,
                          const Frontend& frontend, const AffinityTable::Key& key, net::Nanos now) {
  const std::optional<AffinityTable::Target> target =
      affinity.table.Find(key, affinity.HashOf(key), frontend.affinity_seconds, now);
  if (!target) {
    return nullptr;
  }
  return tables.services->FindBackend(frontend.service, target->ip, target->port);
}

Choice Pick(const tables::Tables& tables, const Affinity* affinity, net::Nanos now,
            const Frontend& frontend, const net::FlowTuple& tuple) {
  const bool sticky = frontend.affinity_seconds != 0;
  const bool inside = IsInside(tables, tuple.source);
  const Choice fresh = Select(frontend, ClientHash(tuple, sticky), inside);
  if (!sticky || affinity == nullptr || fresh.kind != Choice::Kind::kBackend) {
    return fresh;
  }
  const AffinityTable::Key key{.service = frontend.service, .client = tuple.source};
  const Backend* before = Remembered(tables, *affinity, frontend, key, now);
  if (before != nullptr && MayChoose(frontend, *before, inside)) {
    return {Choice::Kind::kBackend, before};
  }
  affinity->table.Remember(key, affinity->HashOf(key),
                           {.ip = fresh.backend->ip, .port = fresh.backend->port},
                           frontend.affinity_seconds, now);
  return fresh;
}

void SendTo(const Backend& backend, Decision& decision) {
  decision.backend = &backend;
  decision.translated.destination = backend.ip;
  decision.translated.destination_port = net::Be16(backend.port);
}

const Frontend* FrontendOf(const tables::Tables& tables, const net::FlowTuple& tuple) {
  return HasPorts(tuple.protocol) ? tables.services->Find(tuple.destination, tuple.protocol,
                                                          tuple.destination_port.value())
                                  : nullptr;
}

bool Drains(net::IpProtocol protocol) {
  return protocol == net::IpProtocol::kTcp || protocol == net::IpProtocol::kSctp;
}

}  // namespace

DropReason Service::Choose(const tables::Tables& tables, const Affinity* affinity, net::Nanos now,
                           Decision& decision) {
  decision.translated = decision.original;
  decision.keeps_translation = false;
  decision.backend = nullptr;
  decision.frontend = FrontendOf(tables, decision.original);
  if (decision.frontend == nullptr) {
    return tables.services->IsFrontendAddress(decision.original.destination)
               ? DropReason::kServicePort
               : DropReason::kNone;
  }
  if (!decision.frontend->Allows(decision.original.source)) {
    return DropReason::kServiceSource;
  }
  const Choice choice = Pick(tables, affinity, now, *decision.frontend, decision.original);
  switch (choice.kind) {
    case Choice::Kind::kReject:
      return DropReason::kServiceNoEndpoint;
    case Choice::Kind::kDrop:
      return DropReason::kServiceNotLocal;
    case Choice::Kind::kBackend:
      break;
  }
  SendTo(*choice.backend, decision);
  return DropReason::kNone;
}

DropReason Service::ChooseAgain(const tables::Tables& tables, const Affinity* affinity,
                                net::Nanos now, Decision& decision) {
  const net::FlowTuple before = decision.translated;
  decision.frontend = FrontendOf(tables, decision.original);
  decision.keeps_translation = true;
  decision.backend = nullptr;
  if (decision.frontend != nullptr) {
    if (!decision.frontend->Allows(decision.original.source)) {
      return DropReason::kServiceSource;
    }
    decision.backend = tables.services->FindBackend(decision.frontend->service, before.destination,
                                                    before.destination_port.value());
  }
  const bool was_translated = before.destination != decision.original.destination ||
                              before.destination_port != decision.original.destination_port;
  if (decision.backend != nullptr || (decision.frontend == nullptr && !was_translated) ||
      Drains(decision.original.protocol)) {
    return DropReason::kNone;
  }
  return Choose(tables, affinity, now, decision);
}

Verdict Service::Decide(Context& ctx, core::Packet& packet) {
  if (!ctx.tracked) {
    return Verdict::Continue();
  }
  const Flows& flows = *ctx.worker.flows;
  const DropReason reason = Choose(ctx.tables, &flows.affinity, ctx.now, ctx.decision);
  return reason == DropReason::kNone ? Verdict::Continue()
         : IsRejection(reason)       ? Reject(ctx, packet, reason)
                                     : Verdict::Drop(reason);
}

}  // namespace pollux::stages
