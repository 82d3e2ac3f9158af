#include "control/observe/filter.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "control/observe/filter_fields.h"

namespace pollux::control {
namespace {

using core::StepId;

constexpr auto kStepCount = static_cast<unsigned>(StepId::kCount);

absl::Status ReadSteps(const api::ObservationFilter& proto, core::ObservationFilter& filter) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < kStepCount; ++i) {
    names.emplace_back(core::StepName(static_cast<StepId>(i)));
  }
  for (int i = 0; i < proto.step_size(); ++i) {
    const auto at = std::find(names.begin(), names.end(), proto.step(i));
    if (at == names.end()) {
      return WrongFilter(absl::StrFormat("step[%d]", i), NoneOf(proto.step(i), names));
    }
    filter.steps |= 1U << static_cast<unsigned>(at - names.begin());
  }
  return absl::OkStatus();
}

absl::Status ReadReason(const std::string& name, core::ObservationFilter& filter) {
  if (name.empty()) {
    return absl::OkStatus();
  }
  const std::optional<core::DropReason> reason = core::DropReasonFromName(name);
  if (!reason) {
    std::vector<std::string> names;
    for (unsigned i = 1; i < core::kDropReasonCount; ++i) {
      names.emplace_back(core::Describe(static_cast<core::DropReason>(i)).name);
    }
    return WrongFilter("reason", NoneOf(name, names));
  }
  filter.reason = *reason;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<core::ObservationFilter> FromProto(const api::ObservationFilter& proto,
                                                  const Snapshot& snapshot) {
  core::ObservationFilter filter;
  filter.drops_only = proto.drops();
  for (const absl::Status& status : {
           ReadSteps(proto, filter),
           ReadPort(proto.port(), snapshot, filter.port),
           ReadPrefix("source", proto.source(), filter.source),
           ReadPrefix("destination", proto.destination(), filter.destination),
           ReadPrefix("host", proto.host(), filter.host),
           ReadProtocol(proto.protocol(), filter.protocol),
           ReadL4Port(proto.l4_port(), filter.l4_port),
           ReadReason(proto.reason(), filter),
       }) {
    if (!status.ok()) {
      return status;
    }
  }
  return filter;
}

}  // namespace pollux::control
