#include "vhost/memif/client_region.h"

#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "vhost/foreign_memory.h"

namespace pollux::vhost::memif {
namespace {

absl::Status NoMemory(std::uint64_t size) {
  return absl::ResourceExhaustedError(
      absl::StrFormat("memif: no %d bytes of shared memory: %s", size, std::strerror(errno)));
}

absl::StatusOr<UniqueFd> SealedMemory(std::uint64_t size) {
  UniqueFd memory(memfd_create("pollux-memif", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid() || ftruncate(memory.get(), static_cast<off_t>(size)) != 0 ||
      fallocate(memory.get(), 0, 0, static_cast<off_t>(size)) != 0 ||
      fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return NoMemory(size);
  }
  return memory;
}

std::vector<Descriptor> DescribeBuffers(std::uint64_t offset, unsigned count) {
  std::vector<Descriptor> buffers(count);
  for (Descriptor& buffer : buffers) {
    buffer = {.length = kClientBufferBytes, .offset = static_cast<std::uint32_t>(offset)};
    offset += kClientBufferBytes;
  }
  return buffers;
}

void WriteRing(const ClientRegion::LaidOutRing& laid_out, std::uint8_t* region) {
  const Ring ring(region + laid_out.announcement.offset, laid_out.announcement.log2_ring_size);
  ring.cookie().store(kRingCookie, std::memory_order_relaxed);
  for (std::uint16_t i = 0; i < ring.size(); ++i) {
    ring.Store(i, laid_out.buffers[i]);
  }
}

}  // namespace

absl::StatusOr<ClientRegion> MakeClientRegion(unsigned rings_to_server, unsigned rings_to_client,
                                              unsigned log2_ring_size) {
  const unsigned count = rings_to_server + rings_to_client;
  const std::uint64_t ring_bytes = RingBytes(log2_ring_size);
  const std::uint64_t buffers_of_a_ring = std::uint64_t{kClientBufferBytes} << log2_ring_size;
  ClientRegion region;
  region.size = count * (ring_bytes + buffers_of_a_ring);
  if (region.size > UINT32_MAX) {
    return absl::InvalidArgumentError("memif: queues and ring size need more than 4 GiB");
  }
  for (unsigned i = 0; i < count; ++i) {
    const bool to_server = i < rings_to_server;
    region.rings.push_back(
        {{.direction = to_server ? Direction::kToServer : Direction::kToClient,
          .index = static_cast<std::uint16_t>(to_server ? i : i - rings_to_server),
          .region = 0,
          .offset = static_cast<std::uint32_t>(i * ring_bytes),
          .log2_ring_size = static_cast<std::uint8_t>(log2_ring_size),
          .private_header_size = 0},
         DescribeBuffers(count * ring_bytes + i * buffers_of_a_ring, 1U << log2_ring_size)});
  }
  absl::StatusOr<UniqueFd> memory = SealedMemory(region.size);
  if (!memory.ok()) {
    return memory.status();
  }
  region.memory = *std::move(memory);
  std::atomic<bool> lost{false};  // nobody else has it yet
  absl::StatusOr<ForeignMemory> mapped = ForeignMemory::Map(region.memory.get(), 0, region.size,
                                                            SealPolicy::kRequireShrinkSeal, &lost);
  if (!mapped.ok()) {
    return mapped.status();
  }
  for (const ClientRegion::LaidOutRing& ring : region.rings) {
    WriteRing(ring, mapped->data());
  }
  return region;
}

}  // namespace pollux::vhost::memif
