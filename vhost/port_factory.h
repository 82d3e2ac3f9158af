// Makes a port of its specification: the one place that knows every kind of port.
// Threading: control side, one call at a time; may take milliseconds (it makes devices).
#pragma once

#include <absl/status/statusor.h>

#include <memory>

#include "dataplane/core/port.h"
#include "dataplane/core/port_spec.h"
#include "dataplane/net/ids.h"
#include "vhost/port_context.h"

namespace pollux::vhost {

// InvalidArgument begins with the field that is wrong (port_spec_check.h); other errors say what
// the machine lacks and what to do about it. A failed call leaves nothing behind.
absl::StatusOr<std::unique_ptr<core::Port>> MakePort(net::PortId id, core::PortSpec spec,
                                                     PortContext& context);

}  // namespace pollux::vhost
