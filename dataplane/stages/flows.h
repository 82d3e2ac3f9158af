// What the workers share to know the packets of a connection again.
// Threading: the members say; the struct itself is made before the workers and outlives them.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/core/epochs.h"
#include "dataplane/net/ids.h"
#include "dataplane/tables/connection_table.h"
#include "dataplane/tables/connection_timeouts.h"

namespace pollux::stages {

struct Flows {
  tables::ConnectionTable& connections;
  core::Epochs& epochs;
  tables::ConnectionTimeouts timeouts;
  // Until then TCP connections that this switch never saw open are taken over: it may have been
  // restarted (--pickup-seconds).
  net::Nanos pickup_until;
};

}  // namespace pollux::stages
