// A fixed mixing function for keys that the control side chooses: not for what packets choose.
// Threading: pure function.
#pragma once

#include <cstdint>

namespace pollux::tables {

// Finalizer of MurmurHash3 (Austin Appleby, public domain): a bijection whose every output bit
// depends on every input bit.
constexpr std::uint64_t HashMix(std::uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

}  // namespace pollux::tables
