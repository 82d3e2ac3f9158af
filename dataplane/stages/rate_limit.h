// A token bucket per port for ICMP errors: RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 (f).
//
// One hostile pod may use up its own bucket, never another's. Refilled lazily from the clock that
// the worker reads once per loop.
// Threading: owned by one worker.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/net/ids.h"

namespace pollux::stages {

class ErrorRateLimiter {
 public:
  static constexpr std::uint32_t kBurst = 50;
  static constexpr std::uint64_t kNanosPerToken = 10'000'000;  // 100 per second and port

  // Takes a token of the port's bucket; false if it is empty.
  bool Allow(net::PortId port, net::Nanos now) {
    if (buckets_.size() <= port.value()) {
      // Once per port and worker: ports are dense and few.
      buckets_.resize(port.value() + 1U, Bucket{.refilled = now.value(), .tokens = kBurst});
    }
    Bucket& bucket = buckets_[port.value()];
    const std::uint64_t earned = (now.value() - bucket.refilled) / kNanosPerToken;
    if (earned > 0) {
      bucket.tokens =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(kBurst, bucket.tokens + earned));
      bucket.refilled += earned * kNanosPerToken;
    }
    if (bucket.tokens == 0) {
      return false;
    }
    --bucket.tokens;
    return true;
  }

 private:
  struct Bucket {
    std::uint64_t refilled = 0;
    std::uint32_t tokens = 0;
  };
  std::vector<Bucket> buckets_;
};

}  // namespace pollux::stages
