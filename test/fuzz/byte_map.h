// Which bytes of a memory may be written, and whether others were.
// Threading: plain values.
#pragma once

#include <glog/logging.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace pollux::fuzz {

class ByteMap {
 public:
  explicit ByteMap(std::size_t bytes) : marks_(bytes) {}

  // As far as it lies within the memory.
  void Mark(std::size_t offset, std::size_t length) {
    if (offset < marks_.size()) {
      std::memset(&marks_[offset], 1, std::min(length, marks_.size() - offset));
    }
  }
  [[nodiscard]] bool Any(std::size_t offset, std::size_t length) const {
    return std::memchr(&marks_[offset], 1, length) != nullptr;
  }
  // Nothing but marked bytes differs.
  void Check(std::span<const std::uint8_t> before, std::span<const std::uint8_t> now) const {
    constexpr std::size_t kStep = 256;
    for (std::size_t at = 0; at < marks_.size(); at += kStep) {
      const std::size_t n = std::min(kStep, marks_.size() - at);
      if (std::memcmp(&before[at], &now[at], n) != 0) {
        CheckEach(before.subspan(at, n), now.subspan(at, n), at);
      }
    }
  }

 private:
  void CheckEach(std::span<const std::uint8_t> before, std::span<const std::uint8_t> now,
                 std::size_t at) const {
    for (std::size_t i = 0; i < now.size(); ++i) {
      CHECK(before[i] == now[i] || marks_[at + i] != 0) << "wrote to byte " << at + i;
    }
  }

  std::vector<std::uint8_t> marks_;
};

}  // namespace pollux::fuzz
