#include "control/observe/explain.h"

#include <absl/strings/str_cat.h>

#include <optional>
#include <string>

#include "control/observe/port_names.h"
#include "control/state/field_error.h"

namespace pollux::control {
namespace {

absl::Status Wrong(const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

absl::StatusOr<ExplainQuery> QueryOf(const api::ExplainRequest& request, const Snapshot& snapshot) {
  const auto source = net::IpAddress::Parse(request.source());
  if (!source) {
    return Wrong("source", Quoted(request.source()) + " is not an IP address");
  }
  const auto destination = net::IpAddress::Parse(request.destination());
  if (!destination) {
    return Wrong("destination", Quoted(request.destination()) + " is not an IP address");
  }
  if (source->is_v4() != destination->is_v4()) {
    return Wrong("destination", absl::StrCat(destination->ToString(), " is of another family than ",
                                             source->ToString()));
  }
  ExplainQuery query{.ingress = net::kNoPort, .source = *source, .destination = *destination};
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
  item->set_verdict(IsDrop(verdict.kind()) ? "drop" : "allow");
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
  return absl::OkStatus();
}

}  // namespace pollux::control
