// What the switch lends to the ports that it makes.
// Threading: the members say; all outlive every port.
#pragma once

#include <cstdint>

#include "dataplane/core/rcu.h"
#include "dataplane/net/address.h"
#include "vhost/event_loop.h"

namespace pollux::vhost {

struct PortContext {
  core::Rcu& rcu;
  EventLoop& events;
  unsigned worker_count = 1;
  net::MacAddress gateway_mac;  // of the switch, the same on every port
};

}  // namespace pollux::vhost
