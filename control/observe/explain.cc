#include "control/observe/explain.h"

#include <absl/strings/str_cat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "control/observe/flows.h"
#include "control/observe/names.h"
#include "control/observe/port_names.h"
#include "control/state/field_error.h"

namespace pollux::control {
namespace {

absl::Status Wrong(const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

// What can be no name is a wrong address.
absl::Status Unknown(const std::string& field, const std::string& text) {
  return text.find('/') == std::string::npos
             ? Wrong(field, Quoted(text) + " is neither an IP address nor an endpoint's name")
             : absl::NotFoundError(absl::StrCat(
                   field, ": there is no pod or service ", Quoted(text),
                   field == "destination" ? " (a service must have the protocol and port)" : ""));
}

struct L4 {
  net::IpProtocol protocol = net::IpProtocol::kIcmp;
  std::uint16_t source_port = 0;
  std::uint16_t port = 0;
};

absl::StatusOr<L4> L4Of(const api::ExplainRequest& request) {
  constexpr std::uint32_t kEphemeral = 40000;
  L4 l4;
  if (request.protocol().empty() || request.protocol() == "icmp") {
    if (request.l4_port() != 0 || request.source_l4_port() != 0) {
      return Wrong("l4_port", "icmp has no ports: say tcp, udp or sctp");
    }
    return l4;
  }
  if (request.protocol() != "tcp" && request.protocol() != "udp" && request.protocol() != "sctp") {
    return Wrong("protocol",
                 Quoted(request.protocol()) + " is none of \"icmp\", \"tcp\", \"udp\", \"sctp\"");
  }
  const std::uint32_t from = request.source_l4_port() == 0 ? kEphemeral : request.source_l4_port();
  if (request.l4_port() == 0 || request.l4_port() > 65535 || from > 65535) {
    return Wrong("l4_port", "a port from 1 to 65535 must be given");
  }
  l4.protocol = request.protocol() == "tcp"   ? net::IpProtocol::kTcp
                : request.protocol() == "udp" ? net::IpProtocol::kUdp
                                              : net::IpProtocol::kSctp;
  l4.source_port = static_cast<std::uint16_t>(from);
  l4.port = static_cast<std::uint16_t>(request.l4_port());
  return l4;
}

// The first addresses of one family.
absl::StatusOr<net::FlowTuple> TupleOf(const api::ExplainRequest& request,
                                       const Snapshot& snapshot) {
  const absl::StatusOr<L4> l4 = L4Of(request);
  if (!l4.ok()) {
    return l4.status();
  }
  const std::vector<net::IpAddress> sources = AddressesOf(snapshot, request.source());
  if (sources.empty()) {
    return Unknown("source", request.source());
  }
  std::vector<net::IpAddress> destinations = AddressesOf(snapshot, request.destination());
  if (destinations.empty()) {
    destinations = AddressesOfService(snapshot, request.destination(), l4->protocol, l4->port);
  }
  if (destinations.empty()) {
    return Unknown("destination", request.destination());
  }
  for (const net::IpAddress& source : sources) {
    for (const net::IpAddress& destination : destinations) {
      if (source.is_v4() != destination.is_v4()) {
        continue;
      }
      const bool icmp6 = l4->protocol == net::IpProtocol::kIcmp && source.is_v6();
      return net::FlowTuple{.source = source,
                            .destination = destination,
                            .source_port = net::Be16(l4->source_port),
                            .destination_port = net::Be16(l4->port),
                            .protocol = icmp6 ? net::IpProtocol::kIcmpv6 : l4->protocol,
                            .zone = {}};
    }
  }
  return Wrong("destination",
               absl::StrCat(destinations.front().ToString(), " is of another family than ",
                            sources.front().ToString()));
}

absl::StatusOr<ExplainQuery> QueryOf(const api::ExplainRequest& request, const Snapshot& snapshot) {
  const absl::StatusOr<net::FlowTuple> tuple = TupleOf(request, snapshot);
  if (!tuple.ok()) {
    return tuple.status();
  }
  ExplainQuery query{.ingress = net::kNoPort, .tuple = *tuple};
  if (!request.port().empty()) {
    const auto at = snapshot.installed.ids.find(request.port());
    if (at == snapshot.installed.ids.end()) {
      return absl::NotFoundError(absl::StrCat("port: there is no port ", Quoted(request.port())));
    }
    query.ingress = at->second;
  }
  return query;
}

bool IsDrop(core::VerdictKind kind) {
  return kind == core::VerdictKind::kDrop || kind == core::VerdictKind::kDropAnswer;
}

const char* NameOf(core::Verdict verdict) {
  using core::DropReason;
  if (!IsDrop(verdict.kind())) {
    return "allow";
  }
  switch (verdict.reason()) {
    case DropReason::kPolicyEgress:
    case DropReason::kPolicyIngress:
      return "deny";
    case DropReason::kServiceNoEndpoint:
    case DropReason::kServicePort:
      return "reject";
    default:
      return "drop";
  }
}

}  // namespace

absl::Status Explain(const api::ExplainRequest& request, const Snapshot& snapshot,
                     const Switch& packet_side, api::ExplainReply* reply) {
  const absl::StatusOr<ExplainQuery> query = QueryOf(request, snapshot);
  if (!query.ok()) {
    return query.status();
  }
  const absl::StatusOr<Explanation> explained = packet_side.Explain(*query);
  if (!explained.ok()) {
    return explained.status();
  }
  PortNames names;
  names.Update(snapshot);
  reply->set_revision(explained->revision.value());
  api::Explanation* item = reply->add_items();
  const core::Verdict verdict = explained->verdict;
  item->set_verdict(NameOf(verdict));
  if (IsDrop(verdict.kind())) {
    item->set_reason(std::string(core::Describe(verdict.reason()).name));
  }
  item->set_ingress(names.Of(explained->ingress));
  item->set_egress(names.Of(explained->egress));
  for (const Explanation::Step& step : explained->steps) {
    api::ExplainedStep* proto = item->add_steps();
    proto->set_step(core::StepName(step.step));
    proto->set_text(step.text);
  }
  if (!IsDrop(verdict.kind())) {
    WriteTuples(query->tuple, explained->translated, AddressNames(snapshot), item->mutable_flow());
    item->mutable_flow()->set_ingress(item->ingress());
    item->mutable_flow()->set_egress(item->egress());
  }
  return absl::OkStatus();
}

}  // namespace pollux::control
