// What services cost: Maglev tables, the service table from nothing and for one change, lookups.
//
//   build/release/bin/services_bench
#include <benchmark/benchmark.h>

#include <algorithm>

#include "dataplane/tables/maglev.h"

namespace pollux {
namespace {

std::vector<std::uint64_t> Identities(std::int64_t count) {
  std::vector<std::uint64_t> identities;
  for (std::uint32_t i = 0; i < count; ++i) {
    identities.push_back(tables::BackendIdentity(net::Ipv4Address::FromHost(0x0a000001 + i), 8080,
                                                 net::IpProtocol::kTcp));
  }
  std::sort(identities.begin(), identities.end());
  return identities;
}

void BuildMaglev(benchmark::State& state) {
  const std::vector<std::uint64_t> identities = Identities(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(tables::Maglev(identities));
  }
}
BENCHMARK(BuildMaglev)->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->Arg(6000)->Arg(6001)->Arg(100'000);

}  // namespace
}  // namespace pollux

BENCHMARK_MAIN();
