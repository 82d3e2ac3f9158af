// A fuzzer's input as numbers and runs of bytes, taken from the front. When it runs out there are
// zeros, so every input is complete and a shorter one means less.
// Threading: plain values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace pollux::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  [[nodiscard]] bool empty() const { return left_.empty(); }
  [[nodiscard]] std::size_t size() const { return left_.size(); }

  template <typename Number>
  Number Take() {
    static_assert(std::is_integral_v<Number>);
    Number value = 0;
    const auto bytes = TakeBytes(sizeof value);
    if (!bytes.empty()) {
      std::memcpy(&value, bytes.data(), bytes.size());
    }
    return value;
  }
  // At most `count` of them.
  std::span<const std::uint8_t> TakeBytes(std::size_t count) {
    const auto taken = left_.first(std::min(count, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  std::span<const std::uint8_t> TakeRest() { return TakeBytes(left_.size()); }

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace pollux::fuzz
