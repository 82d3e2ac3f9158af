// DPDK's environment layer, initialised from our own flags.
// Threading: main thread, once.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <vector>

namespace pollux {

struct EalOptions {
  std::vector<unsigned> worker_cores;
  unsigned main_core = 0;    // of the control threads
  bool no_huge = false;      // ordinary pages: every port kind works, ethdev with some drivers
  unsigned memory_mb = 256;  // of DPDK's memory (mbufs of ethdev ports)
  std::string file_prefix;   // keeps several switches on one machine apart
};

// Unavailable or InvalidArgument with cause and remedy (hugepages, cores, permissions).
absl::Status InitEal(const EalOptions& options);

}  // namespace pollux
