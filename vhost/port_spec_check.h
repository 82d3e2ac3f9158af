// Whether a port can be made of a specification: everything that needs no look at the machine.
// Errors are InvalidArgument and begin with the name of the field that is wrong, as it is called in
// the API and on the command line.
// Threading: pure functions.
#pragma once

#include <absl/status/status.h>

#include "dataplane/core/port_spec.h"

namespace pollux::vhost {

absl::Status CheckPortSpec(const core::PortSpec& spec);

}  // namespace pollux::vhost
