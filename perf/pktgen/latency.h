// A histogram of durations with a relative error below 1/8, in one array: eight buckets for each
// power of two.
// Threading: plain value of one thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pollux::pktgen {

class LatencyHistogram {
 public:
  void Add(std::uint64_t cycles) {
    ++buckets_[BucketOf(cycles)];
    ++count_;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }

  // Smallest duration of the bucket that holds the given share of the samples; 0 without samples.
  [[nodiscard]] std::uint64_t Quantile(double share) const {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t below = 0;
    for (unsigned bucket = 0; bucket < buckets_.size(); ++bucket) {
      below += buckets_[bucket];
      if (below > rank) {
        return FloorOf(bucket);
      }
    }
    return 0;
  }

 private:
  static constexpr unsigned BucketOf(std::uint64_t v) {
    const auto power = static_cast<unsigned>(std::bit_width(v | 7));
    return 8 * (power - 3) + static_cast<unsigned>(power == 3 ? v : (v >> (power - 4)) & 7);
  }
  static constexpr std::uint64_t FloorOf(unsigned bucket) {
    return bucket < 8 ? bucket : (std::uint64_t{8} + bucket % 8) << (bucket / 8 - 1);
  }

  std::array<std::uint64_t, std::size_t{62} * 8> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace pollux::pktgen
