// Compiled for baseline x86-64 and run before any other initialiser: on a CPU that lacks what the
// rest of the program is built for, the user gets a sentence instead of an illegal instruction.
#include "dataplane/cpu_check.h"

#include <unistd.h>

#include <cstring>
#include <iterator>
#include <span>

namespace pollux {
namespace {

struct Feature {
  const char* name;
  bool (*present)();
};

// What x86-64-v3 adds to baseline, and the AES instructions of the keyed hashes.
// The first kOfV2 are all that x86-64-v2 asks for.
constexpr unsigned kOfV2 = 2;
const Feature kFeatures[] = {
    {"sse4.2", [] { return __builtin_cpu_supports("sse4.2") != 0; }},
    {"aes", [] { return __builtin_cpu_supports("aes") != 0; }},
    {"popcnt", [] { return __builtin_cpu_supports("popcnt") != 0; }},
    {"avx2", [] { return __builtin_cpu_supports("avx2") != 0; }},
    {"bmi2", [] { return __builtin_cpu_supports("bmi2") != 0; }},
    {"fma", [] { return __builtin_cpu_supports("fma") != 0; }},
};

void Print(const char* text) { (void)!write(STDERR_FILENO, text, std::strlen(text)); }

__attribute__((constructor(101))) void RefuseUnfitCpu() {
  __builtin_cpu_init();
  const char* missing = MissingCpuFeature();
  if (missing == nullptr) {
    return;
  }
  Print("This build of Pollux is for CPUs of level " POLLUX_MARCH "; this one lacks ");
  Print(missing);
  Print(". Build for it with -DPOLLUX_MARCH=x86-64-v2 or run on another machine.\n");
  _exit(1);
}

}  // namespace

const char* MissingCpuFeature() {
  const bool v2 = std::strcmp(POLLUX_MARCH, "x86-64-v2") == 0;
  for (const Feature& feature : std::span(kFeatures).first(v2 ? kOfV2 : std::size(kFeatures))) {
    if (!feature.present()) {
      return feature.name;
    }
  }
  return nullptr;
}

}  // namespace pollux
