#include "dataplane/stages/snat.h"

#include "dataplane/stages/packet_tuple.h"

namespace pollux::stages {
namespace {

using core::Verdict;

constexpr std::uint16_t kFirstUnprivileged = 1024;

bool IsHairpin(const Decision& decision) {
  return decision.backend != nullptr && decision.translated.destination == decision.original.source;
}

// The backend would answer past this node.
bool AnswersElsewhere(const tables::Tables& tables, const Decision& decision) {
  return decision.backend != nullptr && decision.source.endpoint == nullptr &&
         decision.destination.endpoint == nullptr &&
         !tables.cluster->IsInside(decision.original.source);
}

bool LeavesTheCluster(const tables::Tables& tables, const Decision& decision) {
  const tables::Cluster& cluster = *tables.cluster;
  const net::IpAddress& to = decision.translated.destination;
  return cluster.snat.hides_pods && decision.source.endpoint != nullptr &&
         decision.destination.endpoint == nullptr && !cluster.IsInside(to) &&
         cluster.snat.not_hidden.Find(to) == 0 &&
         (*tables.ports)[decision.destination.port()].role == core::PortRole::kUplink;
}

struct PortRange {
  std::uint32_t first;
  std::uint32_t count;
};

bool IsBehindNode(const tables::SourceNat& snat, const Decision& decision) {
  return decision.translated.source != decision.original.source &&
         decision.translated.source == snat.AddressOf(decision.original.source);
}

PortRange RangeFor(const tables::SourceNat& snat, const Decision& decision) {
  if (IsBehindNode(snat, decision)) {
    return {snat.first_port, snat.last_port - snat.first_port + 1U};
  }
  return {kFirstUnprivileged, 65536U - kFirstUnprivileged};
}

void SetSourcePort(net::FlowTuple& tuple, std::uint32_t port) {
  tuple.source_port = net::Be16(static_cast<std::uint16_t>(port));
  if (IsIcmp(tuple.protocol)) {  // an echo has its identifier once
    tuple.destination_port = tuple.source_port;
  }
}

bool IsFree(const tables::ConnectionTable& connections, const Decision& decision) {
  const net::FlowTuple reply = decision.translated.Reversed();
  return !(reply == decision.original) && connections.Find(reply) == nullptr;
}

}  // namespace

void Snat::Find(const tables::Tables& tables, Decision& decision) {
  const tables::SourceNat& snat = tables.cluster->snat;
  const net::IpAddress& source = decision.original.source;
  if (IsHairpin(decision)) {
    decision.translated.source = decision.original.destination;
  } else if (snat.HasAddressOf(source) &&
             (AnswersElsewhere(tables, decision) || LeavesTheCluster(tables, decision))) {
    decision.translated.source = snat.AddressOf(source);
  }
}

bool Snat::MayKeepPort(const tables::Tables& tables, const Decision& decision) {
  const tables::SourceNat& snat = tables.cluster->snat;
  const std::uint16_t port = decision.original.source_port.value();
  return !HasSourcePort(decision.original.protocol) || !IsBehindNode(snat, decision) ||
         (port >= snat.first_port && port <= snat.last_port);
}

bool Snat::ChoosePort(const tables::Tables& tables, const tables::ConnectionTable& connections,
                      Decision& decision) {
  if (MayKeepPort(tables, decision) && IsFree(connections, decision)) {
    return true;
  }
  if (!HasSourcePort(decision.original.protocol)) {
    return false;
  }
  const PortRange range = RangeFor(tables.cluster->snat, decision);
  // A walk whose start nobody can foresee, with a step that reaches every port.
  std::uint32_t at = connections.HashOf(decision.original) % range.count;
  const std::uint32_t step = range.count > 7919 ? 7919 : 1;  // a prime
  for (unsigned i = 0; i < kTries && i < range.count; ++i, at = (at + step) % range.count) {
    SetSourcePort(decision.translated, range.first + at);
    if (IsFree(connections, decision)) {
      return true;
    }
  }
  return false;
}

Verdict Snat::Decide(Context& ctx, core::Packet&) {
  if (ctx.tracked) {
    Find(ctx.tables, ctx.decision);
  }
  return Verdict::Continue();
}

}  // namespace pollux::stages
