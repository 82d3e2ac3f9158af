// What each step of the journey costs, in TSC cycles per packet: bursts of 64 UDP packets from one
// pod to another, 1024 flows, everything in the cache. Each row runs the steps up to the named one,
// so the difference of two rows is the cost of a step. The copies into and out of rings are not in
// it (l3-vhost measures those).
//
//   build/release/bin/steps_bench
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline.h"
#include "vhost/fake_port.h"

namespace pollux {
namespace {

constexpr unsigned kFrames = 1024;
constexpr unsigned kFrameBytes = 60;
constexpr net::MacAddress kGatewayMac{{2, 0, 0, 0, 0, 1}};

net::MacAddress MacOf(unsigned pod) { return {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(pod)}}; }
net::Ipv4Address IpOf(unsigned pod) { return net::Ipv4Address::FromHost(0x0a010000 + pod); }

std::vector<std::uint8_t> UdpFrame(std::uint16_t flow) {
  std::vector<std::uint8_t> frame(kFrameBytes);
  auto& ethernet = *reinterpret_cast<net::EthernetHeader*>(frame.data());
  ethernet.destination = kGatewayMac;
  ethernet.source = MacOf(1);
  ethernet.set_ether_type(net::EtherType::kIpv4);
  auto& ip = *reinterpret_cast<net::Ipv4Header*>(frame.data() + sizeof ethernet);
  ip.version_ihl = 0x45;
  ip.total_length.set(kFrameBytes - sizeof ethernet);
  ip.ttl = 64;
  ip.protocol = net::IpProtocol::kUdp;
  ip.source = IpOf(1);
  ip.destination = IpOf(2);
  ip.checksum = net::InternetChecksum({reinterpret_cast<const std::uint8_t*>(&ip), sizeof ip});
  auto& udp = *reinterpret_cast<net::UdpHeader*>(frame.data() + sizeof ethernet + sizeof ip);
  udp.source_port.set(static_cast<std::uint16_t>(1024 + flow));
  udp.destination_port.set(53);
  udp.length.set(kFrameBytes - sizeof ethernet - sizeof ip);
  return frame;
}

// Two pods on two ports.
struct Bench {
  Bench() : one(net::PortId{1}), two(net::PortId{2}), worker(net::WorkerId{0}) {
    std::vector<tables::PortEntry> entries(3);
    std::vector<tables::EndpointTable::Binding> bindings;
    for (unsigned pod : {1U, 2U}) {
      entries[pod].port = pod == 1 ? static_cast<core::Port*>(&one) : &two;
      entries[pod].local_mac = kGatewayMac;
      entries[pod].endpoint_macs = {MacOf(pod)};
      bindings.push_back({.endpoint = {.id = net::EndpointId{pod},
                                       .port = net::PortId{static_cast<std::uint16_t>(pod)},
                                       .mac = MacOf(pod)},
                          .addresses = {IpOf(pod)}});
    }
    tables.gateway_mac = kGatewayMac;
    tables.ports = std::make_shared<tables::PortTable>(std::move(entries));
    tables.endpoints = std::make_shared<tables::EndpointTable>(bindings);
    tables.routes = std::make_shared<tables::RouteTable>();
    tables.neighbours = std::make_shared<tables::NeighbourTable>();
    for (unsigned i = 0; i < kFrames; ++i) {
      frames.push_back(UdpFrame(static_cast<std::uint16_t>(i)));
    }
  }

  void Fill() {
    batch.Reset(net::PortId{1});
    for (unsigned i = 0; i < core::kBurst; ++i) {
      const auto& frame = frames[next++ % kFrames];
      batch.NextSegments()[0] = {frame.data(), kFrameBytes};
      batch.Append(1, kFrameBytes, {});
    }
  }

  vhost::FakePort one;
  vhost::FakePort two;
  stages::WorkerState worker;
  tables::Tables tables;
  std::vector<std::vector<std::uint8_t>> frames;
  unsigned next = 0;
  core::Batch batch;
};

using stages::Answer;
using stages::LoadHeaders;
using stages::Parse;
using stages::Rewrite;
using stages::Route;
using stages::SourceGuard;

template <typename... Steps>
void Cycles(benchmark::State& state) {
  const auto bench = std::make_unique<Bench>();
  stages::Context ctx{.tables = bench->tables,
                      .ingress = (*bench->tables.ports)[net::PortId{1}],
                      .counters = bench->one.counters(net::WorkerId{0}),
                      .worker = bench->worker,
                      .now = net::Nanos{1}};
  std::uint64_t cycles = 0;
  std::uint64_t packets = 0;
  for (auto _ : state) {
    bench->Fill();
    const std::uint64_t start = rte_rdtsc();
    stages::Burst burst(bench->batch);
    stages::RunSteps<LoadHeaders>(ctx, burst);
    if constexpr (sizeof...(Steps) > 0) {
      stages::RunSteps<Steps...>(ctx, burst);
    }
    benchmark::DoNotOptimize(burst.live().data());
    cycles += rte_rdtsc() - start;
    packets += burst.live().size();
  }
  if (packets != static_cast<std::uint64_t>(state.iterations()) * core::kBurst) {
    state.SkipWithError("a step did not let every packet pass");
  }
  state.counters["cycles/packet"] =
      static_cast<double>(cycles) / static_cast<double>(std::max<std::uint64_t>(packets, 1));
}

BENCHMARK(Cycles<>)->Name("load_headers");
BENCHMARK(Cycles<Parse>)->Name("+ parse");
BENCHMARK(Cycles<Parse, SourceGuard>)->Name("+ source_guard");
BENCHMARK(Cycles<Parse, SourceGuard, Answer>)->Name("+ answer");
BENCHMARK(Cycles<Parse, SourceGuard, Answer, Route>)->Name("+ route");
BENCHMARK(Cycles<Parse, SourceGuard, Answer, Route, Rewrite>)->Name("+ rewrite");

}  // namespace
}  // namespace pollux

BENCHMARK_MAIN();
