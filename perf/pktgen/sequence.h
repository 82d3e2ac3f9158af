// Follows the sequence numbers of one flow: what came in order, late, twice.
//
// Numbers ahead of the expected one open a gap; a number behind it fills its gap (reordered) or
// repeats one that was seen (duplicate). The last 64 numbers are remembered; older ones count as
// reordered, since nobody knows any more.
// Threading: plain value of one thread.
#pragma once

#include <cstdint>

namespace pollux::pktgen {

enum class Arrival : std::uint8_t { kInOrder, kReordered, kDuplicate };

class SequenceTracker {
 public:
  // Modulo 2^32 (RFC 1982): a distance of less than 2^31 ahead is "newer".
  Arrival Accept(std::uint32_t sequence) {
    const auto ahead = static_cast<std::int32_t>(sequence - next_);
    if (ahead >= 0) [[likely]] {
      seen_ = ahead >= 63 ? 1 : (seen_ << (ahead + 1)) | 1;
      next_ = sequence + 1;
      return Arrival::kInOrder;
    }
    const std::uint32_t behind = next_ - 1 - sequence;
    if (behind >= 64) {
      return Arrival::kReordered;
    }
    const std::uint64_t bit = std::uint64_t{1} << behind;
    const bool twice = (seen_ & bit) != 0;
    seen_ |= bit;
    return twice ? Arrival::kDuplicate : Arrival::kReordered;
  }

 private:
  std::uint64_t seen_ = 0;  // bit n: next_ - 1 - n has arrived
  std::uint32_t next_ = 0;
};

}  // namespace pollux::pktgen
