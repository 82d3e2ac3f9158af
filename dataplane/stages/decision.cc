#include "dataplane/stages/decision.h"

namespace pollux::stages {

Way FindWay(const tables::Tables& tables, const net::IpAddress& ip) {
  if (const tables::Endpoint* endpoint = tables.endpoints->Find(ip)) {
    return {.endpoint = endpoint, .next_hop = nullptr};
  }
  const tables::NextHop* hop = tables.routes->Find(ip);
  const bool leads_on = hop != nullptr && (*tables.ports)[hop->port].port != nullptr;
  return {.endpoint = nullptr, .next_hop = leads_on ? hop : nullptr};
}

tables::AdjacencyId AdjacencyOf(const tables::Tables& tables, const Way& way,
                                const net::IpAddress& ip) {
  if (way.endpoint != nullptr) {
    return way.endpoint->adjacency;
  }
  if (way.next_hop == nullptr) {
    return 0;
  }
  const tables::PortEntry& port = (*tables.ports)[way.next_hop->port];
  if (port.role != core::PortRole::kUplink) {
    return port.adjacency;
  }
  const tables::Neighbour* neighbour =
      tables.neighbours->Find(way.next_hop->port, way.next_hop->has_via ? way.next_hop->via : ip);
  return neighbour == nullptr ? 0 : neighbour->adjacency;
}

tables::ConnectionDraft DraftOf(const tables::Tables& tables, const core::Epochs& epochs,
                                const Decision& decision) {
  tables::ConnectionDraft draft{
      .original = decision.original,
      .translated = decision.translated,
      .ingress = decision.ingress,
      .egress = decision.destination.port(),
      .objects = {decision.source.object(), decision.destination.object(),
                  decision.backend == nullptr ? net::ObjectId{} : decision.backend->object},
      .adjacency = AdjacencyOf(tables, decision.destination, decision.translated.destination),
      .reply_adjacency = AdjacencyOf(tables, decision.source, decision.original.source)};
  draft.freshness = epochs.SumOf(draft.objects);
  return draft;
}

}  // namespace pollux::stages
