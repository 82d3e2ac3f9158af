// A port over a DPDK device: the uplink (physical NIC, SR-IOV VF, AF_XDP, AF_PACKET), and what
// tests plug in (ring, null, pcap).
//
// Theory of operation. Received frames are listed where the device put them, one segment per mbuf,
// and freed in bulk at Release(). A frame to send is copied once into an mbuf of the device's own
// pool; the device completes checksums and segments where it can, else the checksum is completed
// in the mbuf. Each worker has a send queue of its own; where the device has fewer, they share and
// a busy one costs the burst (kDestinationBusy). Devices with receive interrupts let an idle worker
// sleep; others are polled, and Status says so.
// Threading: as core::Port says. Made and destroyed by an EAL thread.
#pragma once

#include <absl/status/statusor.h>

#include <memory>

#include "dataplane/core/port.h"
#include "vhost/port_context.h"

namespace pollux::vhost {

// spec.backend is an EthdevSpec, spec was checked (port_spec_check.h), EAL is initialised. The
// device string names a device that is there or is attached, and goes again with the port.
absl::StatusOr<std::unique_ptr<core::Port>> MakeEthdevPort(net::PortId id, core::PortSpec spec,
                                                           PortContext& context);

}  // namespace pollux::vhost
