// The bytes of a packet that are there, from front to back: no header is reached that is not whole.
// Threading: plain value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pollux::control {

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  [[nodiscard]] std::size_t left() const { return left_.size(); }

  // The next header, or null (and no step ahead) if it is not whole.
  template <typename Header>
  const Header* Take() {
    const Header* header = Peek<Header>();
    left_ = left_.subspan(header == nullptr ? 0 : sizeof(Header));
    return header;
  }
  template <typename Header>
  [[nodiscard]] const Header* Peek() const {
    static_assert(alignof(Header) == 1);
    return left_.size() < sizeof(Header) ? nullptr : reinterpret_cast<const Header*>(left_.data());
  }

  // False, and at the end, if there are fewer.
  bool Skip(std::size_t bytes) {
    const bool enough = bytes <= left_.size();
    left_ = left_.subspan(std::min(bytes, left_.size()));
    return enough;
  }
  // What lies behind the next `bytes` is not looked at.
  void Limit(std::size_t bytes) { left_ = left_.first(std::min(bytes, left_.size())); }

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace pollux::control
