// The guest's memory as SET_MEM_TABLE describes it: up to eight regions, mapped for as long as the
// object lives, and the translation of guest addresses.
//
// Addresses and lengths come from the guest; all arithmetic is in 64 bits and cannot wrap, and what
// is returned lies wholly within one region.
// Threading: immutable after Create; faulted() may change at any time.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "vhost/foreign_memory.h"
#include "vhost/unique_fd.h"
#include "vhost/vhost_user/message.h"

namespace pollux::vhost::vhost_user {

class MemoryTable {
 public:
  // `fds[i]` belongs to `regions[i]`. InvalidArgument names the region that is wrong.
  static absl::StatusOr<std::shared_ptr<const MemoryTable>> Create(
      std::span<const MemoryRegion> regions, std::span<const UniqueFd> fds);
  MemoryTable() = default;
  MemoryTable(const MemoryTable&) = delete;
  MemoryTable& operator=(const MemoryTable&) = delete;

  // [address, address + length) of guest-physical memory, or null. `last` is the caller's memory of
  // which region it was last time: nearly always the right one.
  [[nodiscard]] std::uint8_t* Translate(std::uint64_t address, std::uint64_t length,
                                        std::uint32_t& last) const {
    if (std::uint8_t* host = regions_[last].At(address - regions_[last].guest_begin, length)) {
      return host;
    }
    std::uint32_t found = last;  // so that `last` may live in a register
    std::uint8_t* host = TranslateElsewhere(address, length, found);
    last = found;
    return host;
  }

  // The longest piece of [address, address + length) from its start that lies in one region; empty
  // if the start lies in none.
  [[nodiscard]] std::span<std::uint8_t> Piece(std::uint64_t address, std::uint64_t length) const;

  // [address, address + length) in the front-end's own addresses, or null.
  [[nodiscard]] std::uint8_t* TranslateUser(std::uint64_t address, std::uint64_t length) const;

  // A region shrank under us: what was read since is zeros, what was written is lost.
  [[nodiscard]] bool faulted() const { return faulted_.load(std::memory_order_acquire); }
  [[nodiscard]] unsigned region_count() const { return count_; }
  [[nodiscard]] std::uint64_t total_bytes() const;

 private:
  struct Region {
    std::uint64_t guest_begin = 0;
    std::uint64_t user_begin = 0;
    std::uint64_t size = 0;  // 0: matches nothing
    std::uint8_t* host = nullptr;

    [[nodiscard]] std::uint8_t* At(std::uint64_t offset, std::uint64_t length) const {
      return offset < size && length <= size - offset ? host + offset : nullptr;
    }
  };

  [[nodiscard]] std::uint8_t* TranslateElsewhere(std::uint64_t address, std::uint64_t length,
                                                 std::uint32_t& last) const;

  std::atomic<bool> faulted_{false};  // written by the fault handler; outlives mappings_
  unsigned count_ = 0;
  std::array<Region, kMaxRegions> regions_{};
  std::array<ForeignMemory, kMaxRegions> mappings_;
};

}  // namespace pollux::vhost::vhost_user
