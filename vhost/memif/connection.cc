#include "vhost/memif/connection.h"

#include <absl/strings/str_format.h>

#include <utility>

namespace pollux::vhost::memif {
namespace {

// Offsets into regions have 32 bits, so a region has no use for more.
constexpr std::uint64_t kMaxConnectionBytes = std::uint64_t{4} << 30;

template <typename... Args>
absl::Status Invalid(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::InvalidArgumentError(absl::StrFormat(format, args...));
}

}  // namespace

absl::Status Connection::MapRegion(const AddRegion& region, UniqueFd memory) {
  if (region.index != regions_.size()) {
    return Invalid("region %d comes where %d was expected", region.index, regions_.size());
  }
  if (region.index >= kMaxRegions) {
    return Invalid("more than %d regions", kMaxRegions);
  }
  if (region.size > kMaxConnectionBytes - memory_bytes_) {
    return Invalid("regions of more than %d bytes together", kMaxConnectionBytes);
  }
  absl::StatusOr<ForeignMemory> mapped =
      ForeignMemory::Map(memory.get(), 0, region.size, limits_.seals, &memory_lost_);
  if (!mapped.ok()) {
    return mapped.status();
  }
  table_.Set(region.index, mapped->data(), mapped->size());
  memory_bytes_ += region.size;
  regions_.push_back(*std::move(mapped));
  return absl::OkStatus();
}

absl::Status Connection::CheckRing(const AddRing& ring) const {
  const bool rx = IsRx(ring.direction);
  const std::size_t have = rx ? rx_.size() : tx_.size();
  const unsigned limit = rx ? limits_.rx_rings : limits_.tx_rings;
  if (ring.index != have) {
    return Invalid("ring %d comes where %d was expected", ring.index, have);
  }
  if (ring.index >= limit) {
    return Invalid("more than %d rings in one direction", limit);
  }
  if (ring.private_header_size != 0) {
    return Invalid("private headers of buffers are not supported");
  }
  if (ring.log2_ring_size < kMinLog2RingSize || ring.log2_ring_size > kMaxLog2RingSize) {
    return Invalid("a ring of 2^%d descriptors instead of 2^%d to 2^%d", ring.log2_ring_size,
                   kMinLog2RingSize, kMaxLog2RingSize);
  }
  if (ring.offset % kRingAlignment != 0) {
    return Invalid("the ring's offset %d is no multiple of %d", ring.offset, kRingAlignment);
  }
  if (table_.At(ring.region, ring.offset, RingBytes(ring.log2_ring_size)) == nullptr) {
    return Invalid("the ring at offset %d does not lie in region %d", ring.offset, ring.region);
  }
  return absl::OkStatus();
}

absl::Status Connection::SetUpRing(const AddRing& ring, UniqueFd event,
                                   std::vector<Descriptor> own) {
  if (absl::Status status = CheckRing(ring); !status.ok()) {
    return status;
  }
  absl::StatusOr<PeerEvent> wake = PeerEvent::Adopt(std::move(event));
  if (!wake.ok()) {
    return wake.status();
  }
  const Ring place(table_.At(ring.region, ring.offset, RingBytes(ring.log2_ring_size)),
                   ring.log2_ring_size);
  rings_.push_back(place);
  if (IsRx(ring.direction)) {
    rx_.emplace_back(new RxQueueState{{role_, place, table_, limits_.max_frame, std::move(own)},
                                      *std::move(wake)});
  } else {
    tx_.emplace_back(new TxQueueState{{role_, place, table_, std::move(own)}, *std::move(wake)});
  }
  return absl::OkStatus();
}

absl::Status Connection::Start() {
  if (rings_.empty()) {
    return Invalid("a connection without rings");
  }
  for (const Ring& ring : rings_) {
    if (ring.cookie().load(std::memory_order_relaxed) != kRingCookie) {
      return Invalid("a ring without memif's cookie");
    }
  }
  for (const auto& queue : rx_) {
    queue->ring.Start();
  }
  for (const auto& queue : tx_) {
    queue->ring.Start();
  }
  return absl::OkStatus();
}

const char* Connection::fault() const {
  if (memory_lost()) {
    return "a region was torn away under its users";
  }
  for (const auto& queue : rx_) {
    if (const char* fault = queue->ring.fault(); fault != nullptr) {
      return fault;
    }
  }
  for (const auto& queue : tx_) {
    if (const char* fault = queue->ring.fault(); fault != nullptr) {
      return fault;
    }
  }
  return nullptr;
}

}  // namespace pollux::vhost::memif
