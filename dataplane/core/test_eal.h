// DPDK's environment for tests of devices and hash tables: ordinary pages, no PCI, one thread.
// Threading: once per program, before anything else of DPDK.
#pragma once

#include <glog/logging.h>
#include <rte_eal.h>

#include <array>
#include <string>

namespace pollux::core {

// EAL keeps pointers to its arguments and reorders them, so they stay for good.
inline void InitTestEal() {
  static std::array<std::string, 11> words = {
      "test", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m",
      "256",  "--lcores",  "0@0",      "--log-level", "error"};
  static std::array<char*, words.size()> arguments = [] {
    std::array<char*, words.size()> pointers{};
    for (std::size_t i = 0; i < words.size(); ++i) {
      pointers[i] = words[i].data();
    }
    return pointers;
  }();
  static const int ready = rte_eal_init(static_cast<int>(arguments.size()), arguments.data());
  CHECK_GE(ready, 0);
}

}  // namespace pollux::core
