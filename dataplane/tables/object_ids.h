// Numbers for the objects whose changes flow entries must notice: dense, so that their epochs lie
// in an array.
//
// A released number is given out again. That is safe because whoever releases one also reports it
// as closing: the bump of its epoch makes every entry of its former bearer stale.
// Threading: owned by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pollux::tables {

class ObjectIds {
 public:
  explicit ObjectIds(std::uint32_t base) : base_(base), end_(base) {}

  std::uint32_t Allocate() {
    if (released_.empty()) {
      return end_++;
    }
    const std::uint32_t id = released_.back();
    released_.pop_back();
    return id;
  }
  // Of an allocated one, once.
  void Release(std::uint32_t id) { released_.push_back(id); }

  // All that were ever given out lie below.
  [[nodiscard]] std::uint32_t end() const { return end_; }
  [[nodiscard]] std::size_t in_use() const { return end_ - base_ - released_.size(); }

 private:
  std::uint32_t base_;
  std::uint32_t end_;
  std::vector<std::uint32_t> released_;
};

}  // namespace pollux::tables
