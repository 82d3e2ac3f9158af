// Small numbers for things that come and go: dense, so that they index arrays.
// Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

namespace pollux::core {

class IdPool {
 public:
  // Numbers from 1 to below `end`.
  explicit IdPool(std::uint32_t end) : end_(end) {}

  // 0 if all are in use.
  std::uint32_t Allocate() {
    if (free_.empty()) {
      return next_ < end_ ? next_++ : 0;
    }
    const std::uint32_t id = free_.back();
    free_.pop_back();
    return id;
  }
  void Release(std::uint32_t id) { free_.push_back(id); }
  [[nodiscard]] std::uint32_t in_use() const {
    return next_ - 1 - static_cast<std::uint32_t>(free_.size());
  }
  [[nodiscard]] std::uint32_t available() const { return end_ - 1 - in_use(); }

 private:
  std::uint32_t end_;
  std::uint32_t next_ = 1;  // from here on none was ever given out
  std::vector<std::uint32_t> free_;
};

}  // namespace pollux::core
