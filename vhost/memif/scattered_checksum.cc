#include "vhost/memif/scattered_checksum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "dataplane/net/checksum.h"

namespace pollux::vhost::memif {
namespace {

// The byte at `offset` of the frame, or null behind its end.
std::uint8_t* ByteAt(std::span<const std::span<std::uint8_t>> pieces, std::size_t offset) {
  for (const auto& piece : pieces) {
    if (offset < piece.size()) {
      return &piece[offset];
    }
    offset -= piece.size();
  }
  return nullptr;
}

}  // namespace

void CompleteScatteredChecksum(const core::Offload& offload,
                               std::span<const std::span<std::uint8_t>> pieces) {
  const std::size_t field = std::size_t{offload.checksum_start} + offload.checksum_offset;
  std::uint8_t* const first = ByteAt(pieces, field);
  std::uint8_t* const second = ByteAt(pieces, field + 1);
  if (second == nullptr) {
    return;  // parse refuses such headers
  }
  net::ChecksumAccumulator sum;
  std::size_t skip = offload.checksum_start;
  for (const auto& piece : pieces) {
    const std::size_t n = std::min(skip, piece.size());
    sum.Add(piece.subspan(n));
    skip -= n;
  }
  net::Be16 checksum = sum.Finish();
  if (checksum.raw() == 0) {
    checksum = net::Be16{0xffff};  // zero would mean "none" in UDP (RFC 768)
  }
  const auto bytes = std::bit_cast<std::array<std::uint8_t, 2>>(checksum);
  *first = bytes[0];
  *second = bytes[1];
}

}  // namespace pollux::vhost::memif
