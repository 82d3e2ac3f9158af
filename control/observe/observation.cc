#include "control/observe/observation.h"

#include <span>
#include <string>

#include "control/observe/dissect.h"

namespace pollux::control {

void ToProto(const core::Observation& observation, ObservationForm form, const PortNames& names,
             const WallClock& clock, api::Observation* proto) {
  proto->set_nanos(clock.At(observation.nanos));
  proto->set_packet(observation.packet);
  proto->set_worker(observation.worker.value());
  proto->set_step(core::StepName(observation.step));
  proto->set_verdict(core::VerdictName(observation.verdict));
  if (observation.reason != core::DropReason::kNone) {
    proto->set_reason(std::string(core::Describe(observation.reason).name));
  }
  proto->set_ingress(names.Of(observation.ingress));
  proto->set_egress(names.Of(observation.egress));
  proto->set_frame_length(observation.frame_length);
  const std::span head(observation.bytes.data(), observation.captured_length);
  if (form == ObservationForm::kWords) {
    proto->set_summary(Dissect(head, observation.frame_length, observation.offload));
  } else {
    proto->set_data(head.data(), head.size());
  }
}

}  // namespace pollux::control
