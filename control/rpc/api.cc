#include "control/rpc/api.h"

#include <absl/strings/str_format.h>

#include "control/observe/explain.h"
#include "control/observe/flows.h"
#include "control/observe/observe.h"
#include "control/rpc/counters.h"
#include "control/rpc/replies.h"
#include "control/state/translate.h"

namespace pollux::control {
namespace {

constexpr std::uint32_t kMinIntervalMs = 100;

absl::StatusOr<Edit> EditOf(const api::ApplyRequest& request) {
  const absl::StatusOr<Owner> owner = OwnerFromProto(request.owner());
  if (!owner.ok()) {
    return owner.status();
  }
  Edit edit{.owner = *owner, .remove = {}, .put = {}, .create_only = request.create_only()};
  for (const api::Key& proto : request.remove()) {
    absl::StatusOr<Key> key = FromProto(proto);
    if (!key.ok()) {
      return key.status();
    }
    edit.remove.push_back(*std::move(key));
  }
  for (const api::Object& proto : request.put()) {
    absl::StatusOr<Object> object = FromProto(proto, *owner);
    if (!object.ok()) {
      return object.status();
    }
    edit.put.push_back(*std::move(object));
  }
  return edit;
}

absl::Status Fill(const absl::StatusOr<Outcome>& outcome, api::ApplyReply* reply) {
  if (!outcome.ok()) {
    return outcome.status();
  }
  reply->set_revision(outcome->revision.value());
  for (const Change& change : outcome->changes) {
    ToProto(change, reply->add_items());
  }
  return absl::OkStatus();
}

// Samples of counters as often as asked for, each turned into a message by fill(before, now).
template <typename Request, typename Message, typename Fill>
absl::Status SendSamples(Controller& controller, const Request& request,
                         const Stream<Message>& stream, Fill fill) {
  if (request.interval_ms() != 0 && request.interval_ms() < kMinIntervalMs) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "interval_ms: %d is neither 0 nor at least %d", request.interval_ms(), kMinIntervalMs));
  }
  const auto sample = [&] {
    return TakeSample(request.port(), *controller.snapshot(), controller.packet_side());
  };
  absl::StatusOr<CounterSample> before = sample();
  if (!before.ok()) {
    return before.status();
  }
  if (request.interval_ms() == 0) {
    stream.send(fill(nullptr, *before));
    return absl::OkStatus();
  }
  while (Pause(stream, std::chrono::milliseconds(request.interval_ms()))) {
    absl::StatusOr<CounterSample> now = sample();
    if (!now.ok() || !stream.send(fill(&*before, *now))) {
      return now.status();
    }
    before = std::move(now);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Api::Apply(const api::ApplyRequest& request, api::ApplyReply* reply) {
  const absl::StatusOr<Edit> edit = EditOf(request);
  return edit.ok() ? Fill(controller_.Apply(*edit, request.dry_run()), reply) : edit.status();
}

absl::Status Api::Sync(const api::SyncRequest& request, api::ApplyReply* reply) {
  api::ApplyRequest put;
  put.set_owner(request.owner());
  *put.mutable_put() = request.items();
  const absl::StatusOr<Edit> edit = EditOf(put);
  return edit.ok() ? Fill(controller_.Sync(edit->owner, edit->put, request.dry_run()), reply)
                   : edit.status();
}

absl::Status Api::ListPorts(const api::ListRequest& request, api::ListPortsReply* reply) {
  return control::ListPorts(request, *controller_.snapshot(), controller_.packet_side(), reply);
}

absl::Status Api::ListEndpoints(const api::ListRequest& request, api::ListEndpointsReply* reply) {
  return control::ListEndpoints(request, *controller_.snapshot(), reply);
}

absl::Status Api::ListRoutes(const api::ListRequest& request, api::ListRoutesReply* reply) {
  return control::ListRoutes(request, *controller_.snapshot(), reply);
}

absl::Status Api::ListServices(const api::ListRequest& request, api::ListServicesReply* reply) {
  return control::ListServices(request, *controller_.snapshot(), reply);
}

absl::Status Api::ListPolicies(const api::ListRequest& request, api::ListPoliciesReply* reply) {
  return control::ListPolicies(request, *controller_.snapshot(), reply);
}

absl::Status Api::ListNeighbours(const api::ListNeighboursRequest& /*request*/,
                                 api::ListNeighboursReply* reply) {
  return control::ListNeighbours(*controller_.snapshot(), controller_.packet_side(), reply);
}

absl::Status Api::GetConfig(const api::GetConfigRequest& request, api::GetConfigReply* reply) {
  return control::GetConfig(request, *controller_.snapshot(), reply);
}

absl::Status Api::GetStatus(const api::GetStatusRequest& /*request*/, api::GetStatusReply* reply) {
  FillStatus({.version = version_,
              .uptime_seconds = SecondsSinceStart(),
              .seconds_to_forwarding = seconds_to_forwarding_},
             *controller_.snapshot(), controller_.state_problem(), controller_.packet_side(),
             reply);
  return absl::OkStatus();
}

absl::Status Api::MoveQueue(const api::MoveQueueRequest& request, api::MoveQueueReply* reply) {
  const absl::Status status =
      controller_.MoveQueue(request.port(), request.queue(), request.worker());
  reply->set_revision(controller_.snapshot()->revision.value());
  return status;
}

absl::Status Api::Explain(const api::ExplainRequest& request, api::ExplainReply* reply) {
  return control::Explain(request, *controller_.snapshot(), controller_.packet_side(), reply);
}

absl::Status Api::ListFlows(const api::ListFlowsRequest& request, api::ListFlowsReply* reply) {
  return control::ListFlows(request, *controller_.snapshot(), controller_.packet_side(), reply);
}

absl::Status Api::FlushFlows(const api::FlushFlowsRequest& request, api::FlushFlowsReply* reply) {
  return control::FlushFlows(request, *controller_.snapshot(), controller_.packet_side(), reply);
}

absl::Status Api::Watch(const api::WatchRequest& /*request*/,
                        const Stream<api::WatchReply>& stream) {
  State seen;
  std::shared_ptr<const Snapshot> now = controller_.snapshot();
  while (true) {
    api::WatchReply reply;
    reply.set_revision(now->revision.value());
    for (const Change& change : Changes(seen, now->desired)) {
      ToProto(change, reply.add_items());
    }
    if (!stream.send(reply)) {
      return absl::OkStatus();
    }
    seen = now->desired;
    const net::Revision revision = now->revision;
    do {
      if (stream.cancelled()) {
        return absl::OkStatus();
      }
      now = controller_.WaitBeyond(revision, kPatience);
    } while (now == nullptr);
  }
}

absl::Status Api::Stats(const api::StatsRequest& request, const Stream<api::StatsReply>& stream) {
  return SendSamples(controller_, request, stream,
                     [](const CounterSample* before, const CounterSample& now) {
                       api::StatsReply reply;
                       FillStats(before, now, &reply);
                       return reply;
                     });
}

absl::Status Api::Drops(const api::DropsRequest& request, const Stream<api::DropsReply>& stream) {
  return SendSamples(controller_, request, stream,
                     [&](const CounterSample* before, const CounterSample& now) {
                       api::DropsReply reply;
                       FillDrops(before, now, request.all(), &reply);
                       return reply;
                     });
}

absl::Status Api::Trace(const api::ObserveRequest& request,
                        const Stream<api::ObservationBatch>& stream) {
  return Observe(controller_, request, ObservationForm::kWords, stream);
}

absl::Status Api::Capture(const api::ObserveRequest& request,
                          const Stream<api::ObservationBatch>& stream) {
  return Observe(controller_, request, ObservationForm::kBytes, stream);
}

}  // namespace pollux::control
