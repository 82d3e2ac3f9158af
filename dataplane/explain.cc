#include "dataplane/explain.h"

#include <absl/strings/str_cat.h>

#include <memory>
#include <string>
#include <utility>

#include "dataplane/first_packet.h"
#include "dataplane/stages/answer.h"
#include "dataplane/stages/forward.h"
#include "dataplane/stages/local_address.h"
#include "dataplane/stages/packet_tuple.h"
#include "dataplane/stages/parse.h"
#include "dataplane/stages/policy.h"
#include "dataplane/stages/route.h"
#include "dataplane/stages/service.h"
#include "dataplane/stages/snat.h"
#include "dataplane/stages/source_guard.h"

namespace pollux {
namespace {

using core::DropReason;
using core::PortRole;
using core::StepId;
using core::Verdict;
using core::VerdictKind;

std::string NameOf(DropReason reason) { return std::string(core::Describe(reason).name); }

// What there is to say about a packet, step by step.
class Journey {
 public:
  Journey(const tables::Tables& tables, const ForwardingConfig& config, const ExplainQuery& query,
          net::PortId ingress)
      : tables_(Private(tables)),
        config_(config),
        query_(query),
        worker_(std::make_unique<stages::WorkerState>(net::WorkerId{})),
        ctx_{.tables = tables_,
             .ingress = (*tables_.ports)[ingress],
             .counters = counters_,
             .worker = *worker_,
             .now = {}} {
    explanation_.revision = tables.revision;
    explanation_.ingress = ingress;
    Write(query.tuple);
  }

  Explanation Run() {
    const bool passes = Show<stages::Parse>() && Show<stages::SourceGuard>() && Track() &&
                        Show<FindService>() && Show<stages::Answer>() && Show<stages::Route>() &&
                        Show<stages::Policy>() && Show<stages::Snat>();
    explanation_.translated = ctx_.decision.translated;
    if (passes) {
      Write(ctx_.decision.translated);  // as it leaves: forward looks at the packet
      packet_.egress = ctx_.decision.destination.port();
    }
    const bool arrives = passes && Reparse() && Show<stages::Forward>();
    // An ICMP error goes back, but that is not where the packet was going.
    if (explanation_.verdict.kind() != VerdictKind::kDropAnswer) {
      explanation_.egress = packet_.egress;
    }
    if (arrives || explanation_.verdict.kind() == VerdictKind::kConsumed) {
      Say(StepId::kSend, SendText());
    }
    return std::move(explanation_);
  }

 private:
  // The marks of neighbours that are in use are the workers' to set.
  static tables::Tables Private(tables::Tables copy) {
    copy.neighbours = std::make_shared<tables::NeighbourTable>(copy.neighbours->entries());
    return copy;
  }

  // Who speaks at that port: the endpoint of the source, else one that is there.
  [[nodiscard]] net::MacAddress SenderMac() const {
    constexpr net::MacAddress kSomebodyOnTheWire{{2, 0, 0, 0, 0, 0xfe}};
    const tables::PortEntry& port = ctx_.ingress;
    if (port.role == PortRole::kUplink) {
      return kSomebodyOnTheWire;
    }
    if (port.role == PortRole::kHost) {
      return port.peer_mac;
    }
    const tables::Endpoint* source = tables_.endpoints->Find(query_.tuple.source);
    if (source != nullptr && source->port == explanation_.ingress) {
      return source->mac;
    }
    return port.endpoint_macs.empty() ? kSomebodyOnTheWire : port.endpoint_macs.front();
  }

  // The service step without what it remembers of clients: an answer must not renew it.
  struct FindService {
    static constexpr StepId kId = StepId::kService;
    static Verdict Decide(stages::Context& ctx, core::Packet&) {
      const DropReason reason = stages::Service::Choose(ctx.tables, nullptr, ctx.now, ctx.decision);
      return reason == DropReason::kNone            ? Verdict::Continue()
             : stages::Service::IsRejection(reason) ? Verdict::DropAnswer(reason)
                                                    : Verdict::Drop(reason);
    }
  };

  void Write(const net::FlowTuple& tuple) {
    request_.packet = {};
    WriteFirstPacket(request_, {.ethernet_source = SenderMac(),
                                .ethernet_destination = ctx_.ingress.local_mac,
                                .tuple = tuple});
    request_.packet.ingress = explanation_.ingress;
  }
  // No connection is looked for: the question is about a first packet.
  bool Track() {
    ctx_.tracked = true;
    ctx_.decision = stages::Undecided(explanation_.ingress, query_.tuple);
    return true;
  }
  bool Reparse() {
    const net::PortId egress = ctx_.decision.destination.port();
    const bool parsed = stages::Parse::Decide(ctx_, packet_).continues();
    packet_.egress = egress;
    return parsed;
  }

  // True if the packet goes on.
  template <typename Step>
  bool Show() {
    Verdict verdict = Step::Decide(ctx_, packet_);
    if (verdict.kind() == VerdictKind::kConsumed && !CanAsk()) {
      verdict = Verdict::Drop(DropReason::kNeighbourFailed);  // after three seconds of waiting
    }
    explanation_.verdict = verdict;
    const bool dropped =
        verdict.kind() == VerdictKind::kDrop || verdict.kind() == VerdictKind::kDropAnswer;
    if (SaysSomething(Step::kId) || dropped) {
      Say(Step::kId, dropped ? DropText(Step::kId, verdict) : PassText(Step::kId, verdict));
    }
    return verdict.continues();
  }

  [[nodiscard]] bool SaysSomething(StepId step) const {
    const stages::Decision& decision = ctx_.decision;
    switch (step) {
      case StepId::kParse:
        return false;
      case StepId::kService:
        return decision.frontend != nullptr;
      case StepId::kPolicy:
        return IsJudged(decision.source) || IsJudged(decision.destination);
      case StepId::kSnat:
        return decision.translated.source != decision.original.source;
      case StepId::kForward:
        return Egress().role == PortRole::kUplink;
      default:
        return true;
    }
  }
  // Policies may select it.
  [[nodiscard]] bool IsJudged(const stages::Way& way) const {
    return way.endpoint != nullptr && !config_.policies.empty();
  }

  // For the next hop's Ethernet address, the packet waiting meanwhile.
  [[nodiscard]] bool CanAsk() const {
    return stages::SourceTowards(Egress(), NextHop()).has_value();
  }
  [[nodiscard]] net::IpAddress NextHop() const {
    const tables::NextHop& hop = *tables_.routes->Find(Destination());
    return hop.has_via ? hop.via : Destination();
  }

  void Say(StepId step, std::string text) {
    explanation_.steps.push_back({.step = step, .text = std::move(text)});
  }

  [[nodiscard]] std::string PortName(net::PortId id) const {
    const core::Port* port = (*tables_.ports)[id].port;
    return port == nullptr ? "(removed)" : port->spec().name;
  }

  // "10.0.0.1 belongs to endpoint web on port web", or that it is nobody's.
  [[nodiscard]] std::string Owner(const net::IpAddress& ip) const {
    const tables::Endpoint* endpoint = tables_.endpoints->Find(ip);
    if (endpoint == nullptr) {
      return absl::StrCat("no endpoint has ", ip.ToString());
    }
    const EndpointConfig& named = config_.endpoints[endpoint->id.value() - 1];
    return absl::StrCat(ip.ToString(), " belongs to endpoint ", named.name, " on port ",
                        PortName(endpoint->port));
  }

  // After translation, as far as that was decided.
  [[nodiscard]] const net::IpAddress& Destination() const {
    return ctx_.tracked ? ctx_.decision.translated.destination : query_.tuple.destination;
  }

  // "route 10.2.0.0/16 via 192.0.2.254 on port up", or "" for what no route contains.
  [[nodiscard]] std::string Way() const {
    const tables::NextHop* hop = tables_.routes->Find(Destination());
    if (hop == nullptr) {
      return "";
    }
    return absl::StrCat(
        "route ", tables_.routes->PrefixOf(*hop).ToString(),
        hop->has_via ? absl::StrCat(" via ", hop->via.ToString()) : " (on the link)", " on port ",
        PortName(hop->port));
  }

  [[nodiscard]] std::string DropText(StepId step, Verdict verdict) const {
    std::string text(core::Describe(verdict.reason()).text);
    if (step == StepId::kService) {
      absl::StrAppend(&text, "; ", ServiceText());
    } else if (step == StepId::kPolicy) {
      absl::StrAppend(&text, "; ", PolicyText(verdict.reason()));
    } else if (step == StepId::kSourceGuard) {
      absl::StrAppend(&text, "; ", Owner(query_.tuple.source), "; the packet enters by port ",
                      PortName(explanation_.ingress));
    } else if ((step == StepId::kRoute || step == StepId::kForward) &&
               tables_.endpoints->Find(Destination()) != nullptr) {
      absl::StrAppend(&text, "; ", Owner(Destination()));
    } else if (const std::string way = Way();
               (step == StepId::kRoute || step == StepId::kForward) && !way.empty()) {
      absl::StrAppend(&text, "; ", way);
    }
    if (verdict.reason() == DropReason::kNeighbourFailed && !CanAsk()) {
      absl::StrAppend(&text, ", which has no address of that family to ask from");
    }
    const bool told = verdict.kind() == VerdictKind::kDropAnswer;
    return absl::StrCat(text,
                        told && step != StepId::kService ? "; the sender is told by ICMP" : "");
  }

  [[nodiscard]] std::string PassText(StepId step, Verdict verdict) const {
    switch (step) {
      case StepId::kSourceGuard:
        return GuardText();
      case StepId::kService:
        return ServiceText();
      case StepId::kPolicy:
        return PolicyText(DropReason::kNone);
      case StepId::kSnat:
        return absl::StrCat("the source hides behind ", ctx_.decision.translated.source.ToString());
      case StepId::kAnswer:
        return verdict.kind() == VerdictKind::kSend
                   ? absl::StrCat("the switch itself has ", query_.tuple.destination.ToString(),
                                  " on this port: it answers ping and nothing else")
                   : "not for the switch itself";
      case StepId::kRoute:
        return RouteText();
      case StepId::kForward:
        return ForwardText(verdict);
      default:
        return "";
    }
  }

  // "service shop/web:http, cluster_ip 10.96.0.1: to 10.1.0.2 port 8080, one of 3 backends"
  [[nodiscard]] std::string ServiceText() const {
    const stages::Decision& decision = ctx_.decision;
    if (decision.frontend == nullptr) {
      return absl::StrCat(query_.tuple.destination.ToString(), " is a service's address");
    }
    const tables::Service& service = *tables_.services->FindService(decision.frontend->service);
    const std::string text = absl::StrCat("service ", service.config->name);
    if (decision.backend == nullptr) {
      return absl::StrCat(text, ", which has ", service.config->backends.size(),
                          " backends in all");
    }
    return absl::StrCat(text, ": ", Owner(decision.backend->ip), ", port ", decision.backend->port,
                        " is Maglev's choice of ", service.config->backends.size(), " backends");
  }

  // Who says so: the rule, or why none is asked.
  [[nodiscard]] std::string JudgementText(const policy::Judgement& judgement,
                                          const net::IpAddress& pod, const char* direction) const {
    if (judgement.audit_denies) {
      return absl::StrCat("a policy in audit mode would deny it to ", pod.ToString(), " for ",
                          direction);
    }
    if (judgement.rule) {
      return absl::StrCat("policy ", NameOfPolicy(judgement.rule->policy), " allows it by its ",
                          direction, " rule ", judgement.rule->rule + 1);
    }
    return absl::StrCat("no policy isolates ", pod.ToString(), " for ", direction);
  }
  [[nodiscard]] std::string NameOfPolicy(std::uint32_t index) const {
    const policy::Policy& policy = *config_.policies[index];
    return absl::StrCat(policy.name_space, "/", policy.name);
  }
  // "policies shop/a, shop/b isolate it"
  [[nodiscard]] std::string DenialText(const net::IpAddress& pod, bool egress) const {
    const std::uint32_t profile = tables_.identities->Of(pod).profile;
    const auto& sets = tables_.policies->profiles()[profile - 1];
    std::string names;
    for (const std::uint32_t index :
         tables_.policies->PoliciesOf(egress ? sets.egress : sets.ingress)) {
      absl::StrAppend(&names, names.empty() ? "" : ", ", NameOfPolicy(index));
    }
    return absl::StrCat(pod.ToString(), " is isolated by ", names, ", and none of their rules");
  }
  [[nodiscard]] std::string PolicyText(DropReason reason) const {
    const stages::Decision& decision = ctx_.decision;
    if (reason == DropReason::kPolicyEgress) {
      return DenialText(decision.original.source, true) + " allows it";
    }
    if (reason == DropReason::kPolicyIngress) {
      return DenialText(decision.translated.destination, false) + " allows it";
    }
    if (decision.source.endpoint == decision.destination.endpoint) {
      return "a pod is never cut from itself";
    }
    std::string text;
    if (decision.source.endpoint != nullptr) {
      text = JudgementText(decision.egress_judgement, decision.original.source, "egress");
    }
    if (decision.destination.endpoint != nullptr) {
      absl::StrAppend(
          &text, text.empty() ? "" : "; ",
          JudgementText(decision.ingress_judgement, decision.translated.destination, "ingress"));
    }
    return text;
  }

  [[nodiscard]] std::string GuardText() const {
    switch (ctx_.ingress.role) {
      case PortRole::kHost:
        return absl::StrCat("port ", PortName(explanation_.ingress),
                            " is the host's, which speaks for every address but the endpoints'");
      case PortRole::kUplink:
        return absl::StrCat("port ", PortName(explanation_.ingress),
                            " is an uplink, which speaks for every address but the endpoints'");
      case PortRole::kPod:
        break;
    }
    return tables_.endpoints->Find(query_.tuple.source) != nullptr
               ? Owner(query_.tuple.source)
               : absl::StrCat(query_.tuple.source.ToString(), " may talk to the switch only");
  }

  [[nodiscard]] std::string RouteText() const {
    return tables_.endpoints->Find(Destination()) != nullptr ? Owner(Destination()) : Way();
  }

  [[nodiscard]] std::string ForwardText(Verdict verdict) const {
    const net::IpAddress next = NextHop();
    if (verdict.continues()) {
      const tables::Neighbour* neighbour = tables_.neighbours->Find(packet_.egress, next);
      return absl::StrCat(next.ToString(), " is at ", neighbour->mac.ToString());
    }
    return absl::StrCat("the Ethernet address of ", next.ToString(),
                        " is not known now: the packet waits while the switch asks for it");
  }

  [[nodiscard]] const tables::PortEntry& Egress() const { return (*tables_.ports)[packet_.egress]; }

  [[nodiscard]] std::string SendText() const {
    const tables::PortEntry& egress = Egress();
    std::string text = absl::StrCat("leaves by port ", PortName(packet_.egress));
    if (egress.mtu < ctx_.ingress.mtu) {
      absl::StrAppend(
          &text, "; packets of more than ", egress.mtu, " bytes are ",
          query_.tuple.source.is_v4() ? "fragmented, or with DF dropped (" : "dropped (",
          NameOf(DropReason::kMtuExceeded), "), which the sender is told");
    }
    if (const core::PortStatus status = egress.port->Status(); !status.link_up) {
      absl::StrAppend(&text, "; now its peer is not there (", status.state,
                      "), so packets are dropped (", NameOf(DropReason::kDestinationDown), ")");
    }
    return text;
  }

  const tables::Tables tables_;
  const ForwardingConfig& config_;
  const ExplainQuery& query_;
  core::PortCounters counters_;  // of nobody
  const std::unique_ptr<stages::WorkerState> worker_;
  stages::Context ctx_;
  FirstPacket request_;
  core::Packet& packet_ = request_.packet;
  Explanation explanation_;
};

net::PortId IngressOf(const tables::Tables& tables, const ExplainQuery& query) {
  if (query.ingress != net::kNoPort) {
    return query.ingress;
  }
  if (const tables::Endpoint* source = tables.endpoints->Find(query.tuple.source)) {
    return source->port;
  }
  const tables::NextHop* back = tables.routes->Find(query.tuple.source);
  return back == nullptr ? net::kNoPort : back->port;
}

}  // namespace

absl::StatusOr<Explanation> Explain(const tables::Tables& tables, const ForwardingConfig& config,
                                    const ExplainQuery& query) {
  const net::PortId ingress = IngressOf(tables, query);
  if (ingress == net::kNoPort) {
    return absl::FailedPreconditionError(
        absl::StrCat("port: no endpoint has ", query.tuple.source.ToString(),
                     " and no route leads to it: say which port the packet enters by"));
  }
  if ((*tables.ports)[ingress].port == nullptr) {
    return absl::NotFoundError("port: it was removed");
  }
  return Journey(tables, config, query, ingress).Run();
}

}  // namespace pollux
