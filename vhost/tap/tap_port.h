// The port of ordinary socket pods, and of the host's own interface: a TAP device.
//
// Theory of operation. A read() gives one whole frame with its virtio-net header, a write takes
// one; the kernel makes the copy, so frames of 64 KB with a partial checksum pass from pod to pod
// in one piece. Receive packs the frames of a burst into one private arena per queue; the arena's
// size is the budget of a burst in bytes, so that large frames make short bursts. Polling costs a
// system call, so a queue is only read after its descriptor reported data. A frame written runs the
// pod's receive path, up to its sockets, on the writing worker.
//
// If the interface is deleted under us (`ip link del` in the pod), the queue swaps its descriptor
// for one that never reports anything (WaitHandle::generation changes) and Send leaves
// kDestinationDown; the operator removes the port, or removes and adds it.
// Threading: as core::Port says. Status enters the namespace on a thread of its own and shares
// nothing with the workers.
#pragma once

#include <absl/status/statusor.h>

#include <memory>

#include "dataplane/core/port.h"
#include "vhost/port_context.h"

namespace pollux::vhost {

// spec.backend is a TapSpec, spec was checked (port_spec_check.h). A kept device of the same port
// is taken up again. PrepareRemoval() removes the device with the port; else it stays.
absl::StatusOr<std::unique_ptr<core::Port>> MakeTapPort(net::PortId id, core::PortSpec spec,
                                                        PortContext& context);

}  // namespace pollux::vhost
