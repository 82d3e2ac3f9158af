// The shared memory that a client lends: rings first, then a buffer for every descriptor.
// Threading: plain values; made and destroyed by the control thread.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "vhost/memif/message.h"
#include "vhost/memif/ring.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost::memif {

// DPDK's default. Its server copies up to its own buffer size without a look at ours, so smaller
// ones would run into each other; longer frames are chained.
inline constexpr std::uint32_t kClientBufferBytes = 2048;

struct ClientRegion {
  // A ring as it is announced to the server, with the descriptors of its buffers.
  struct LaidOutRing {
    AddRing announcement;
    std::vector<Descriptor> buffers;
  };

  UniqueFd memory;  // a memfd of exactly `size` bytes, sealed against shrinking and growing
  std::uint64_t size = 0;
  std::vector<LaidOutRing> rings;  // to the server first
};

// Allocates the memory at once, so that nothing can run out later, and writes the rings: cookie,
// indices at zero, all buffers described. ResourceExhausted: no memory.
absl::StatusOr<ClientRegion> MakeClientRegion(unsigned rings_to_server, unsigned rings_to_client,
                                              unsigned log2_ring_size);

}  // namespace pollux::vhost::memif
