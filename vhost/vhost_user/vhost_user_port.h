// vhost-user ports: DPDK pods and virtual machines.
//
// Our own back-end, protocol and data, for split rings (docs/interop/vhost-user.rst of QEMU, virtio
// 1.2). A guest is hostile by assumption: whatever it sends over the socket or puts into its memory
// costs at most its own port.
// Threading: made and destroyed by the control side (destruction waits for a grace period); as
// core::Port says otherwise.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <memory>

#include "dataplane/core/port.h"
#include "vhost/port_context.h"

namespace pollux::vhost {

struct VhostUserTimings {
  std::chrono::milliseconds message_deadline{5000};  // from a message's first byte to its last
  std::chrono::milliseconds first_retry{100};        // client mode: doubles up to the longest
  std::chrono::milliseconds longest_retry{1000};
};

// InvalidArgument: the specification; AlreadyExists: somebody answers on the socket already;
// FailedPrecondition: the path cannot be used. In client mode the peer need not be there yet.
absl::StatusOr<std::unique_ptr<core::Port>> MakeVhostUserPort(net::PortId id, core::PortSpec spec,
                                                              PortContext& context);
absl::StatusOr<std::unique_ptr<core::Port>> MakeVhostUserPort(net::PortId id, core::PortSpec spec,
                                                              PortContext& context,
                                                              const VhostUserTimings& timings);

}  // namespace pollux::vhost
