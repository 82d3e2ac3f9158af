// Counters as totals and rates: a sample is taken, and two of them make a reply.
// Threading: samples are values; taking one is for any control thread.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/proto/vswitch/v1/vswitch.pb.h"
#include "control/state/controller.h"

namespace pollux::control {

namespace api = ::vswitch::v1;

struct CounterSample {
  net::Revision revision;
  std::chrono::steady_clock::time_point time;
  std::uint64_t tsc = 0;                    // cycles, at the same moment
  std::map<std::string, PortTotals> ports;  // by name
  std::vector<WorkerInfo> workers;
};

// Of one port, or of all if `port` is empty. NotFound for a port that is not there.
absl::StatusOr<CounterSample> TakeSample(const std::string& port, const Snapshot& snapshot,
                                         const Switch& packet_side);

// Totals of `now`; rates since `before`, none if that is null. Counters that went back (a port was
// made anew) count from zero.
void FillStats(const CounterSample* before, const CounterSample& now, api::StatsReply* reply);

// With `all`, reasons that never occurred as well.
void FillDrops(const CounterSample* before, const CounterSample& now, bool all,
               api::DropsReply* reply);

}  // namespace pollux::control
