#include "vhost/vhost_user/memory_table.h"

#include <absl/strings/str_format.h>

#include <limits>

namespace pollux::vhost::vhost_user {
namespace {

bool Wraps(std::uint64_t begin, std::uint64_t size) {
  return begin > std::numeric_limits<std::uint64_t>::max() - size;
}

bool Overlap(std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

absl::Status CheckRegions(std::span<const MemoryRegion> regions) {
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const MemoryRegion& region = regions[i];
    if (region.size == 0 || Wraps(region.guest_address, region.size) ||
        Wraps(region.user_address, region.size)) {
      return absl::InvalidArgumentError(absl::StrFormat("memory region %d: impossible range", i));
    }
    for (const MemoryRegion& other : regions.first(i)) {
      if (Overlap(region.guest_address, region.size, other.guest_address, other.size) ||
          Overlap(region.user_address, region.size, other.user_address, other.size)) {
        return absl::InvalidArgumentError(
            absl::StrFormat("memory region %d overlaps an earlier one", i));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MemoryTable>> MemoryTable::Create(
    std::span<const MemoryRegion> regions, std::span<const UniqueFd> fds) {
  if (regions.size() > kMaxRegions || regions.size() != fds.size()) {
    return absl::InvalidArgumentError("memory table: one descriptor per region, at most 8");
  }
  if (absl::Status status = CheckRegions(regions); !status.ok()) {
    return status;
  }
  auto table = std::make_shared<MemoryTable>();
  for (std::size_t i = 0; i < regions.size(); ++i) {
    auto mapping = ForeignMemory::Map(fds[i].get(), regions[i].mmap_offset, regions[i].size,
                                      SealPolicy::kAllowUnsealed, &table->faulted_);
    if (!mapping.ok()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("memory region %d: %s", i, mapping.status().message()));
    }
    table->mappings_[i] = *std::move(mapping);
    table->regions_[i] = {.guest_begin = regions[i].guest_address,
                          .user_begin = regions[i].user_address,
                          .size = regions[i].size,
                          .host = table->mappings_[i].data()};
  }
  table->count_ = static_cast<unsigned>(regions.size());
  return table;
}

std::uint8_t* MemoryTable::TranslateElsewhere(std::uint64_t address, std::uint64_t length,
                                              std::uint32_t& last) const {
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (std::uint8_t* host = regions_[i].At(address - regions_[i].guest_begin, length)) {
      last = i;
      return host;
    }
  }
  return nullptr;
}

std::span<std::uint8_t> MemoryTable::Piece(std::uint64_t address, std::uint64_t length) const {
  for (const Region& region : regions_) {
    const std::uint64_t offset = address - region.guest_begin;
    if (offset < region.size) {
      return {region.host + offset, std::min(length, region.size - offset)};
    }
  }
  return {};
}

std::uint8_t* MemoryTable::TranslateUser(std::uint64_t address, std::uint64_t length) const {
  for (const Region& region : regions_) {
    if (std::uint8_t* host = region.At(address - region.user_begin, length)) {
      return host;
    }
  }
  return nullptr;
}

std::uint64_t MemoryTable::total_bytes() const {
  std::uint64_t sum = 0;
  for (const Region& region : regions_) {
    sum += region.size;
  }
  return sum;
}

}  // namespace pollux::vhost::vhost_user
