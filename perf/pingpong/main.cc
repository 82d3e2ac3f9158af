// pingpong: how far apart two CPUs are, as the round trip of a cache line between them.
//
// Two pinned threads hand one word back and forth. The machine may move our virtual CPUs at any
// time, so the trips are measured in short runs: the median says where they are, the quartiles say
// whether that changed meanwhile.
#include <gflags/gflags.h>
#include <pthread.h>
#include <sched.h>
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <iostream>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

DEFINE_uint32(cpu_a, 0, "one CPU");
DEFINE_uint32(cpu_b, 1, "the other CPU");
DEFINE_uint32(runs, 50, "runs");
DEFINE_uint32(trips, 2000, "round trips per run");

namespace {

struct alignas(128) Ball {
  std::atomic<std::uint32_t> turn{0};
};

bool PinTo(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

// Waits for `mine`, answers with the next number, until `last` was answered.
void Return(Ball& ball, std::uint32_t mine, std::uint32_t last) {
  for (; mine <= last; mine += 2) {
    while (ball.turn.load(std::memory_order_acquire) != mine) {
    }
    ball.turn.store(mine + 1, std::memory_order_release);
  }
}

// TSC cycles per round trip of each run.
std::vector<double> Measure() {
  std::vector<double> cycles;
  Ball ball;
  const std::uint32_t per_run = 2 * FLAGS_trips;
  const std::uint32_t end = per_run * FLAGS_runs;
  std::thread partner([&] {
    PinTo(FLAGS_cpu_b);
    Return(ball, 1, end - 1);
  });
  for (std::uint32_t from = 0; from < end; from += per_run) {
    const std::uint64_t start = __rdtsc();
    Return(ball, from, from + per_run - 2);
    cycles.push_back(static_cast<double>(__rdtsc() - start) / FLAGS_trips);
  }
  partner.join();
  std::sort(cycles.begin(), cycles.end());
  return cycles;
}

}  // namespace

int main(int argc, char** argv) try {
  gflags::SetUsageMessage("[--cpu-a N --cpu-b M]; prints JSON: TSC cycles per round trip");
  gflags::SetVersionString("0.1.0");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  if (FLAGS_cpu_a == FLAGS_cpu_b || FLAGS_runs == 0 || FLAGS_trips == 0 || !PinTo(FLAGS_cpu_b) ||
      !PinTo(FLAGS_cpu_a)) {
    std::cerr << "pingpong: two different CPUs of this machine, and at least one run, are needed\n";
    return 2;
  }
  const std::vector<double> cycles = Measure();
  const nlohmann::json report = {{"cycles_per_round_trip", cycles[cycles.size() / 2]},
                                 {"p25", cycles[cycles.size() / 4]},
                                 {"p75", cycles[cycles.size() * 3 / 4]}};
  std::cout << report << std::endl;
  return 0;
} catch (const std::exception& error) {
  std::cerr << "pingpong: " << error.what() << "\n";
  return 1;
}
