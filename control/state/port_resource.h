// What a port takes from the machine and no other port may have at the same time.
// Threading: pure function.
#pragma once

#include <string>

#include "dataplane/core/port_spec.h"

namespace pollux::control {

// For a person and for comparing: "socket /run/web.sock", "interface eth0 in /run/netns/web", ...
std::string ResourceOf(const core::PortSpec& spec);

}  // namespace pollux::control
