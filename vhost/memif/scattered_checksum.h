// Completing a partial checksum over a frame that lies in several buffers.
// Threading: a pure function on the caller's data.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/core/packet.h"

namespace pollux::vhost::memif {

// As core::CompleteChecksum, over the pieces of the frame in order (no piece is empty). Start,
// field and even the field's two bytes may lie in different pieces.
void CompleteScatteredChecksum(const core::Offload& offload,
                               std::span<const std::span<std::uint8_t>> pieces);

}  // namespace pollux::vhost::memif
