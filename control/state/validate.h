// Whether a State may be: every object by itself, and all of them together.
// Threading: pure function.
#pragma once

#include <absl/status/status.h>

#include "control/state/state.h"

namespace pollux::control {

// The first fault, naming the field (field_error.h). InvalidArgument: an object that can never be
// right. FailedPrecondition: it clashes with another object, which is named with its owner (names,
// addresses, Ethernet addresses, sockets and devices are unique in the switch), or its port is not
// there.
//
// `settled` is the state before: in a clash between an object that it has and one that it has not,
// the newcomer is at fault.
absl::Status Validate(const State& state, const State& settled = {});

// FailedPrecondition if a port of `before` is missing in `after` where something still refers to
// it: the clearer error of the two for who removes a port.
absl::Status CheckRemovals(const State& before, const State& after);

}  // namespace pollux::control
