// A port inside the worker that makes traffic and takes it: for fine measurements of what a packet
// costs, on one core, with no ring and no peer in between (as VPP's pg).
//
// Theory of operation. Frames are built once, one per flow, with real checksums, in private memory;
// a poll lists the next ones and stamps each with a sequence number. The stamp is the last eight
// bytes of a frame: the number and its complement, which always add up to the same, so the
// checksums stay right. What the switch sends to the port is copied, as into a ring, and its stamp
// checked: a gap counts as lost, a number from behind as reordered (and found again). Numbers run
// per receive queue of the generating port, so loss has a meaning between one generator and the
// one sink that all its flows lead to.
// Threading: as core::Port says; each worker has its own sink.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>

#include "dataplane/core/port.h"
#include "vhost/packet_generator_spec.h"
#include "vhost/port_context.h"

namespace pollux::vhost {

// What sinks saw, all workers together.
struct PacketGeneratorCounts {
  std::uint64_t generated = 0;
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::uint64_t reordered = 0;
  std::uint64_t foreign = 0;  // without a stamp
};

// spec.backend is an EthdevSpec whose device string IsPacketGenerator().
absl::StatusOr<std::unique_ptr<core::Port>> MakePacketGenerator(net::PortId id, core::PortSpec spec,
                                                                PortContext& context);

// Of a port that MakePacketGenerator() made. Any thread.
PacketGeneratorCounts CountsOf(const core::Port& generator);

}  // namespace pollux::vhost
