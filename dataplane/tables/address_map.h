// Exact match from an IP address to a small index: immutable open addressing.
//
// Built whole by the control side and published as part of a snapshot, so lookups need no lock, no
// chain and no tombstone. At most half full; entries of one IPv4 lookup lie in one cache line
// nearly always. Only the control side chooses the keys, so the hash needs no secret.
// Threading: immutable after construction.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/net/address.h"

namespace pollux::tables {

template <typename Address>
class AddressMap {
 public:
  struct Entry {
    Address address;
    std::uint32_t index = 0;  // 0: free slot, and "not found"
  };

  AddressMap() : AddressMap(std::span<const Entry>{}) {}
  // Indices are not 0; of equal addresses the first wins.
  explicit AddressMap(std::span<const Entry> entries)
      : slots_(std::bit_ceil(entries.size() * 2 + 2)), mask_(slots_.size() - 1) {
    for (const Entry& entry : entries) {
      Entry& slot = slots_[SlotOf(entry.address)];
      if (slot.index == 0) {
        slot = entry;
      }
    }
  }

  [[nodiscard]] std::uint32_t Find(const Address& address) const {
    return slots_[SlotOf(address)].index;
  }
  void Prefetch(const Address& address) const {
    __builtin_prefetch(&slots_[Hash(address) & mask_]);
  }

 private:
  static std::uint64_t Hash(const Address& address) {
    constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15;
    if constexpr (sizeof(Address) == sizeof(std::uint32_t)) {
      return (std::bit_cast<std::uint32_t>(address) * kMultiplier) >> 32;
    } else {
      const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(address);
      return ((words[0] ^ std::rotl(words[1] * kMultiplier, 32)) * kMultiplier) >> 32;
    }
  }

  // The slot that holds the address, or the free one where its search ends.
  [[nodiscard]] std::size_t SlotOf(const Address& address) const {
    std::size_t i = Hash(address) & mask_;
    while (slots_[i].index != 0 && slots_[i].address != address) {
      i = (i + 1) & mask_;
    }
    return i;
  }

  std::vector<Entry> slots_;
  std::size_t mask_;
};

}  // namespace pollux::tables
