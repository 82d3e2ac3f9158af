#include "dataplane/stages/policy.h"

#include "policy/compiler.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Verdict;
using policy::CompiledPolicies;
using policy::Judgement;
using tables::Identity;

Judgement Ask(const CompiledPolicies& policies, policy::Direction direction, Identity subject,
              Identity peer, const net::FlowTuple& tuple) {
  if (!subject.is_pod()) {
    return {};
  }
  const CompiledPolicies::Sets& sets = policies.profiles()[subject.profile - 1];
  return policies.Judge(
      {.subject = direction == policy::Direction::kEgress ? sets.egress : sets.ingress,
       .peer_profile = peer.is_pod() ? std::optional(peer.profile - 1) : std::nullopt,
       .peer_cidr = peer.cidr,
       .protocol = tuple.protocol,
       .port = tuple.destination_port.value()});
}

bool IsOwnNode(const tables::Tables& tables, const Decision& decision) {
  return (*tables.ports)[decision.ingress].role == core::PortRole::kHost &&
         tables.cluster->IsNodeAddress(decision.original.source);
}

}  // namespace

DropReason Policy::Judge(const tables::Tables& tables, Decision& decision) {
  decision.egress_judgement = decision.ingress_judgement = {};
  const tables::Endpoint* from = decision.source.endpoint;
  const tables::Endpoint* to = decision.destination.endpoint;
  if (from == to) {  // itself, or neither is ours
    return DropReason::kNone;
  }
  const net::FlowTuple& tuple = decision.translated;
  const Identity source = tables.identities->Of(decision.original.source);
  const Identity destination = tables.identities->Of(tuple.destination);
  if (from != nullptr) {
    decision.egress_judgement =
        Ask(*tables.policies, policy::Direction::kEgress, source, destination, tuple);
    if (!decision.egress_judgement.allowed) {
      return DropReason::kPolicyEgress;
    }
  }
  if (to != nullptr && !IsOwnNode(tables, decision)) {
    decision.ingress_judgement =
        Ask(*tables.policies, policy::Direction::kIngress, destination, source, tuple);
    if (!decision.ingress_judgement.allowed) {
      return DropReason::kPolicyIngress;
    }
  }
  return DropReason::kNone;
}

Verdict Policy::Decide(Context& ctx, core::Packet&) {
  if (!ctx.tracked) {
    return Verdict::Continue();
  }
  const DropReason reason = Judge(ctx.tables, ctx.decision);
  const Decision& decision = ctx.decision;
  if (decision.egress_judgement.audit_denies || decision.ingress_judgement.audit_denies)
      [[unlikely]] {
    ctx.counters.audited.Add(1);
  }
  return reason == DropReason::kNone ? Verdict::Continue() : Verdict::Drop(reason);
}

}  // namespace pollux::stages
