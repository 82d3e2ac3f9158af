// The hash of the flow tables: keyed, so that nobody can choose connections that collide.
//
// Bare CRC and multiplicative hashes have collisions that do not depend on the seed; these are
// rounds of AES under random round keys, which cost about as much and have none. What a pod can see
// is time, which tells little about 32 bits of which a table uses some.
// Threading: immutable; any thread.
#pragma once

#include <emmintrin.h>
#include <wmmintrin.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "dataplane/net/flow_key.h"

namespace pollux::core {

class KeyedHash {
 public:
  using Seed = std::array<std::uint8_t, 64>;
  explicit KeyedHash(const Seed& seed) { std::memcpy(keys_.data(), seed.data(), sizeof keys_); }
  // With a seed of this boot's own.
  static KeyedHash Random();

  [[nodiscard]] std::uint32_t operator()(const net::FlowKey4& key) const {
    const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(key);
    return (*this)(words[0], words[1]);
  }
  [[nodiscard]] std::uint32_t operator()(const net::FlowKey6& key) const {
    __m128i state = _mm_xor_si128(Load(&key, 0), keys_[0].value);
    state = _mm_xor_si128(Rounds(state), Load(&key, 1));
    state = _mm_xor_si128(Rounds(state), Load(&key, 2));
    return Finish(state);
  }
  [[nodiscard]] std::uint32_t operator()(std::uint64_t a, std::uint64_t b) const {
    return Finish(_mm_xor_si128(
        _mm_set_epi64x(static_cast<long long>(b), static_cast<long long>(a)), keys_[0].value));
  }

 private:
  static __m128i Load(const void* key, unsigned block) {
    return _mm_loadu_si128(static_cast<const __m128i*>(key) + block);
  }
  // Two rounds: every bit of the state depends on every bit that went in.
  [[nodiscard]] __m128i Rounds(__m128i state) const {
    return _mm_aesenc_si128(_mm_aesenc_si128(state, keys_[1].value), keys_[2].value);
  }
  [[nodiscard]] std::uint32_t Finish(__m128i state) const {
    return static_cast<std::uint32_t>(
        _mm_cvtsi128_si32(_mm_aesenc_si128(Rounds(state), keys_[3].value)));
  }

  struct RoundKey {  // std::array of the bare type would lose its alignment's attributes
    __m128i value;
  };
  std::array<RoundKey, 4> keys_;
};

}  // namespace pollux::core
