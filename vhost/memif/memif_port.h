// A memif port: another process's shared-memory interface (DPDK's net_memif, VPP, libmemif), as
// server or as client, protocol version 2.0 in Ethernet mode.
//
// The peer is not trusted: see ring.h and connection.h for what is checked, and peer_event.h. Its
// regions must be sealed against shrinking (DPDK's zero-copy mode, which shares unsealed hugepages,
// is refused). A connection is published to the workers as a whole and withdrawn under RCU; a ring
// or region that cannot be trusted any more quarantines the port until its peer connects anew.
//
// Threading: made and destroyed by the control side, not on the event loop's thread; the rest is
// that of core/port.h.
#pragma once

#include <absl/status/statusor.h>

#include <memory>

#include "dataplane/core/port.h"
#include "dataplane/core/port_spec.h"
#include "dataplane/net/ids.h"
#include "vhost/memif/interface.h"
#include "vhost/port_context.h"

namespace pollux::vhost {

// `spec.backend` is a MemifSpec. Several servers may share a socket path, with different ids.
// Errors: InvalidArgument begins with the field that is wrong; AlreadyExists: somebody else listens
// on the path, or with this id. A client that finds no server is no error: it keeps trying.
absl::StatusOr<std::unique_ptr<core::Port>> MakeMemifPort(net::PortId id, core::PortSpec spec,
                                                          PortContext& context);
absl::StatusOr<std::unique_ptr<core::Port>> MakeMemifPort(net::PortId id, core::PortSpec spec,
                                                          PortContext& context,
                                                          const memif::Options& options);

}  // namespace pollux::vhost
