#include "dataplane/net/sctp.h"

#include <cstddef>

namespace pollux::net {
namespace {

constexpr std::uint16_t kLonely = SctpPacket::Bit(SctpChunk::kInit) |
                                  SctpPacket::Bit(SctpChunk::kInitAck) |
                                  SctpPacket::Bit(SctpChunk::kShutdownComplete);
constexpr unsigned kTypes = 16;       // that SctpPacket::chunks can tell
constexpr unsigned kInitLength = 20;  // its fixed part

constexpr std::uint32_t Padded(std::uint32_t length) { return (length + 3) & ~std::uint32_t{3}; }

template <typename Header>
const Header* At(std::span<const std::uint8_t> head, std::size_t offset) {
  static_assert(alignof(Header) == 1);
  return offset + sizeof(Header) <= head.size()
             ? reinterpret_cast<const Header*>(head.data() + offset)
             : nullptr;
}

// The chunk at `offset`, if it is there and ends within the packet.
const SctpChunkHeader* ChunkAt(std::span<const std::uint8_t> head, std::uint32_t offset,
                               std::uint32_t length) {
  const auto* chunk = At<SctpChunkHeader>(head, offset);
  const bool fits = chunk != nullptr && chunk->length.value() >= sizeof *chunk &&
                    offset + chunk->length.value() <= length;
  return fits ? chunk : nullptr;
}

// Which chunks follow one another in the head.
std::uint16_t ChunksFrom(std::span<const std::uint8_t> head, std::uint32_t offset,
                         std::uint32_t length) {
  std::uint16_t chunks = 0;
  while (const SctpChunkHeader* chunk = ChunkAt(head, offset, length)) {
    if (static_cast<unsigned>(chunk->type) < kTypes) {
      chunks |= SctpPacket::Bit(chunk->type);
    }
    offset += Padded(chunk->length.value());
  }
  return chunks;
}

// 0: none is there.
std::uint32_t InitiateTag(std::span<const std::uint8_t> head) {
  const auto* init = At<SctpInitChunk>(head, sizeof(SctpHeader));
  const bool whole = init != nullptr && init->header.length.value() >= kInitLength;
  return whole ? init->initiate_tag.value() : 0;
}

}  // namespace

std::optional<SctpPacket> ReadSctp(std::span<const std::uint8_t> head, std::uint32_t length) {
  const auto* header = At<SctpHeader>(head, 0);
  const SctpChunkHeader* first = ChunkAt(head, sizeof *header, length);
  if (header == nullptr || first == nullptr) {
    return std::nullopt;
  }
  SctpPacket packet{.verification_tag = header->verification_tag.value(),
                    .first = first->type,
                    .reflected = (first->flags & SctpChunkHeader::kReflected) != 0,
                    .chunks = ChunksFrom(head, sizeof *header, length)};
  const bool alone = sizeof *header + Padded(first->length.value()) >= length;
  if ((packet.chunks & kLonely) != 0 && !alone) {
    return std::nullopt;
  }
  if (packet.Has(SctpChunk::kInit) || packet.Has(SctpChunk::kInitAck)) {
    packet.initiate_tag = InitiateTag(head);
    if (packet.initiate_tag == 0) {
      return std::nullopt;
    }
  }
  return packet;
}

}  // namespace pollux::net
