// A packet that a worker saw, as a message.
// Threading: pure function.
#pragma once

#include "control/observe/port_names.h"
#include "control/observe/wall_clock.h"
#include "control/proto/vswitch/v1/observation.pb.h"
#include "dataplane/core/observer.h"

namespace pollux::control {

namespace api = ::vswitch::v1;

enum class ObservationForm : std::uint8_t {
  kWords,  // Trace
  kBytes,  // Capture
};

void ToProto(const core::Observation& observation, ObservationForm form, const PortNames& names,
             const WallClock& clock, api::Observation* proto);

}  // namespace pollux::control
