#include "policy/verdict_map.h"

#include <algorithm>
#include <bit>

namespace pollux::policy {
namespace {

// Finalizer of MurmurHash3 (Austin Appleby, public domain). The keys are our own numbers, not
// bytes of a packet, so nobody outside can choose them to collide.
constexpr std::uint64_t Mix(std::uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

constexpr std::uint64_t Join(std::uint32_t high, std::uint32_t low) {
  return std::uint64_t{high} << 32 | low;
}

}  // namespace

VerdictMap::VerdictMap(std::span<const Entry> entries)
    : slots_(std::bit_ceil(2 * entries.size() + 1)), size_(entries.size()) {
  for (const Entry& entry : entries) {
    std::size_t slot = SlotOf(entry.key);
    std::size_t probe = 1;
    for (; slots_[slot].key.policy_set != 0; ++probe) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = entry;
    longest_probe_ = std::max(longest_probe_, probe);
  }
}

std::size_t VerdictMap::SlotOf(const VerdictKey& key) const {
  const std::uint64_t hash =
      Mix(Join(key.policy_set, key.pod) ^ Mix(Join(key.cidr, key.port_class)));
  return hash & (slots_.size() - 1);
}

VerdictMap::Value VerdictMap::Find(const VerdictKey& key) const {
  std::size_t slot = SlotOf(key);
  for (std::size_t probe = 0; probe < longest_probe_; ++probe) {
    if (slots_[slot].key == key) {
      return slots_[slot].value;
    }
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return {};
}

}  // namespace pollux::policy
