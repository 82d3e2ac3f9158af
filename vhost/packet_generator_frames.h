// The frames that a packet generator sends: which flows there are, and their bytes.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/net/address.h"
#include "vhost/packet_generator_spec.h"

namespace pollux::vhost {

struct GeneratorFlow {
  net::IpAddress source;
  net::IpAddress destination;
  std::uint16_t source_port;
  std::uint16_t destination_port;

  friend bool operator==(const GeneratorFlow&, const GeneratorFlow&) = default;
};

// The last bytes of every frame: a number and its complement. As their sum is always the same, a
// frame can be numbered anew without touching its checksum.
struct GeneratorStamp {
  std::uint32_t number;
  std::uint32_t complement;
};

// The flows of one of `queues` queues: every queues-th, all of them if there are fewer than queues.
std::vector<GeneratorFlow> FlowsOf(const PacketGeneratorSpec& spec, unsigned queue,
                                   unsigned queues);

// Writes the whole of `frame` (zeroes beforehand): headers, right checksums, stamp 0.
void BuildFrame(const PacketGeneratorSpec& spec, const GeneratorFlow& flow,
                std::span<std::uint8_t> frame);

}  // namespace pollux::vhost
