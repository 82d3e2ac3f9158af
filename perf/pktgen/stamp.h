// What the generator writes into every packet's payload and the sink reads back.
//
// The stamp follows the L4 header directly, 16 bytes, so that it fits the smallest frames: 64 bytes
// with IPv4 and UDP, 78 with IPv6 and UDP. The tag tells the two directions of a run, and other
// runs' leftovers, apart.
// Threading: plain values.
#pragma once

#include <cstdint>

#include "dataplane/net/endian.h"

namespace pollux::pktgen {

inline constexpr std::uint32_t kMaxFlows = 1U << 24;

struct Stamp {
  net::Be32 tag_and_flow;  // tag in the top 8 bits
  net::Be32 sequence;      // per flow, from 0
  net::Be64 timestamp;     // TSC cycles when the burst was built

  [[nodiscard]] std::uint8_t tag() const {
    return static_cast<std::uint8_t>(tag_and_flow.value() >> 24);
  }
  [[nodiscard]] std::uint32_t flow() const { return tag_and_flow.value() & (kMaxFlows - 1); }
};
static_assert(sizeof(Stamp) == 16 && alignof(Stamp) == 1);

}  // namespace pollux::pktgen
