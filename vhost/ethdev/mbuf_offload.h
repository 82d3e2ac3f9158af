// What a packet leaves to the device, said in the terms of DPDK: flags and header lengths of an
// mbuf (rte_mbuf.h, tx_offload).
// Threading: pure functions.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/core/packet.h"

namespace pollux::vhost {

// Sets ol_flags and tx_offload for the packet's partial checksum and segmentation. False, and the
// mbuf is untouched, if no device can be told: another protocol than TCP or UDP directly behind an
// IPv4 or IPv6 header (extension headers, tunnels).
bool DescribeOffload(const core::Packet& packet, rte_mbuf& mbuf);

}  // namespace pollux::vhost
