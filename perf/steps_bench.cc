// What each step of the journey costs, in TSC cycles per packet: bursts of 64 UDP packets from one
// pod to another, 1024 flows, between vhost-user rings of 1024 entries that this thread itself
// refills, so that everything lies in its caches. Each row runs the journey up to the named step,
// and the difference of two rows is the cost of a step. What it costs that the guest's lines come
// from another core is not in it (l3-vhost measures that). All connections are known but in the
// last row, where each packet is the first of its own.
//
//   build/release/bin/steps_bench
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/test_eal.h"
#include "dataplane/net/checksum.h"
#include "dataplane/pipeline.h"
#include "vhost/vhost_user/rx_ring.h"
#include "vhost/vhost_user/test_memory.h"
#include "vhost/vhost_user/tx_ring.h"

namespace pollux {
namespace {

namespace vhost_user = vhost::vhost_user;

constexpr unsigned kRingSize = 1024;  // and flows
constexpr net::MacAddress kGatewayMac{{2, 0, 0, 0, 0, 1}};

net::MacAddress MacOf(unsigned pod) { return {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(pod)}}; }
net::Ipv4Address IpOf(unsigned pod) { return net::Ipv4Address::FromHost(0x0a010000 + pod); }

std::vector<std::uint8_t> UdpFrame(std::uint16_t flow, std::uint32_t frame_bytes) {
  std::vector<std::uint8_t> frame(frame_bytes);
  auto& ethernet = *reinterpret_cast<net::EthernetHeader*>(frame.data());
  ethernet.destination = kGatewayMac;
  ethernet.source = MacOf(1);
  ethernet.set_ether_type(net::EtherType::kIpv4);
  auto& ip = *reinterpret_cast<net::Ipv4Header*>(frame.data() + sizeof ethernet);
  ip.version_ihl = 0x45;
  ip.total_length.set(static_cast<std::uint16_t>(frame_bytes - sizeof ethernet));
  ip.ttl = 64;
  ip.protocol = net::IpProtocol::kUdp;
  ip.source = IpOf(1);
  ip.destination = IpOf(2);
  ip.checksum = net::InternetChecksum({reinterpret_cast<const std::uint8_t*>(&ip), sizeof ip});
  auto& udp = *reinterpret_cast<net::UdpHeader*>(frame.data() + sizeof ethernet + sizeof ip);
  udp.source_port.set(static_cast<std::uint16_t>(1024 + flow));
  udp.destination_port.set(53);
  udp.length.set(static_cast<std::uint16_t>(frame_bytes - sizeof ethernet - sizeof ip));
  return frame;
}

// A pod whose both rings are full of buffers, each of them a frame of its own flow, and who gives
// every buffer back at once.
class RingPort final : public core::Port {
 public:
  RingPort(net::PortId id, std::uint32_t frame_bytes)
      : Port(id, {}, 1),
        memory_(std::size_t{8} << 20),
        transmit_(memory_, kRingSize),
        receive_(memory_, kRingSize) {
    device_.memory = memory_.Map();
    device_.max_frame = 1518;
    device_.queues[0].ring = receive_.View(*device_.memory);
    device_.queues[1].ring = transmit_.View(*device_.memory);
    device_.queues[1].enabled = true;
    for (unsigned i = 0; i < kRingSize; ++i) {
      const auto frame = UdpFrame(static_cast<std::uint16_t>(i), frame_bytes);
      const std::size_t at = Buffer();
      std::memcpy(memory_.At(at + kVirtioHeader), frame.data(), frame.size());
      const vhost_user::Piece full{at, kVirtioHeader + frame_bytes};
      const vhost_user::Piece empty{Buffer(), kBufferBytes - kHeadroom, true};
      transmit_.Offer(transmit_.Chain({&full, 1}));
      receive_.Offer(receive_.Chain({&empty, 1}));
    }
  }

  [[nodiscard]] unsigned rx_queue_count() const override { return 1; }
  [[nodiscard]] core::RxQueue& rx_queue(unsigned) override { std::abort(); }
  [[nodiscard]] core::PortCapabilities capabilities() const override { return {}; }
  [[nodiscard]] core::PortStatus Status() const override { return {}; }
  void Send(net::WorkerId, std::span<core::Packet* const> packets) override {
    tx_ring_.Send(device_, device_.queues[0], packets);
  }
  void Receive(core::Batch& batch) { rx_ring_.Receive(device_, device_.queues[1], batch); }
  void Release() { rx_ring_.Release(); }
  // What was taken of both rings is there again. The heads lie in the rings in order, so the same
  // ring entry is the same buffer for ever.
  void Refill() {
    transmit_.available(1) = static_cast<std::uint16_t>(rx_ring_.position() + kRingSize);
    receive_.available(1) = static_cast<std::uint16_t>(tx_ring_.position() + kRingSize);
  }

 private:
  // As DPDK's drivers lay it out: the frame at a line's start, the header in the line before.
  static constexpr std::uint32_t kVirtioHeader = sizeof(vhost_user::VirtioNetHeader);
  static constexpr std::uint32_t kHeadroom = 128 - kVirtioHeader;
  static constexpr std::uint32_t kBufferBytes = 2048 + 128;
  std::size_t Buffer() { return memory_.Allocate(kBufferBytes) + kHeadroom; }

  vhost_user::GuestMemory memory_;
  vhost_user::GuestRing transmit_;
  vhost_user::GuestRing receive_;
  vhost_user::Device device_;
  vhost_user::RxRing rx_ring_;
  vhost_user::TxRing tx_ring_;
};

// Two pods on two ports.
struct Bench {
  explicit Bench(std::uint32_t frame_bytes)
      : one(net::PortId{1}, frame_bytes),
        two(net::PortId{2}, frame_bytes),
        connections(tables::ConnectionTable::Create(
                        {.capacity = 4 * kRingSize, .quota_per_port = 4 * kRingSize}, rcu)
                        .value()),
        flows{.connections = *connections,
              .epochs = epochs,
              .affinity = {.table = affinity},
              .fragments = fragments,
              .timeouts = {},
              .pickup_until = {}},
        worker(net::WorkerId{0}, &flows) {
    std::vector<tables::PortEntry> entries(3);
    std::vector<tables::EndpointTable::Binding> bindings;
    std::vector<tables::Adjacency> adjacencies;
    for (unsigned pod : {1U, 2U}) {
      const net::PortId port{static_cast<std::uint16_t>(pod)};
      entries[pod].port = pod == 1 ? &one : &two;
      entries[pod].local_mac = kGatewayMac;
      entries[pod].endpoint_macs = {MacOf(pod)};
      bindings.push_back({.endpoint = {.id = net::EndpointId{pod},
                                       .port = port,
                                       .mac = MacOf(pod),
                                       .object = epochs.Allocate(),
                                       .adjacency = pod},
                          .addresses = {IpOf(pod)}});
      adjacencies.push_back({.id = pod,
                             .destination = MacOf(pod),
                             .source = kGatewayMac,
                             .egress = port,
                             .mtu = 1500});
    }
    tables.gateway_mac = kGatewayMac;
    tables.ports = std::make_shared<tables::PortTable>(std::move(entries));
    tables.endpoints = std::make_shared<tables::EndpointTable>(bindings);
    tables.routes = std::make_shared<tables::RouteTable>();
    tables.neighbours = std::make_shared<tables::NeighbourTable>();
    tables.adjacencies = std::make_shared<tables::AdjacencyTable>(adjacencies);
  }

  stages::Context ContextOf() {
    return {.tables = tables,
            .ingress = (*tables.ports)[net::PortId{1}],
            .counters = one.counters(worker.id),
            .worker = worker,
            .now = net::Nanos{1}};
  }
  void Forget() {
    connections->Sweep(0, 1, connections->high_water(),
                       [](const tables::Connection&) { return true; });
    while (connections->Sweep(0, 1, 0, [](const tables::Connection&) { return true; }),
           !connections->empty()) {
    }
  }

  RingPort one;
  RingPort two;
  core::Rcu rcu{1};
  core::Epochs epochs{64};
  tables::AffinityTable affinity{8};
  tables::FragmentTable fragments{{.capacity = 8, .quota_per_port = 8}};
  std::unique_ptr<tables::ConnectionTable> connections;
  stages::Flows flows;
  stages::WorkerState worker;
  tables::Tables tables;
  core::Batch batch;
};

// How far the journey goes.
enum class Until : std::uint8_t { kLoadHeaders, kParse, kFindConnection, kForward, kSend };

template <Until kUntil>
void Travel(stages::Context& ctx, core::Batch& batch, benchmark::State& state) {
  if constexpr (kUntil == Until::kSend) {
    ProcessBurst(ctx, batch);
    if (batch.packets().back().drop != core::DropReason::kNone) {
      state.SkipWithError("a packet was not delivered");
    }
    return;
  }
  stages::Burst burst;
  stages::BeginSteps<stages::LoadHeaders>(ctx, batch, burst);
  if constexpr (kUntil >= Until::kParse) {
    stages::RunSteps<stages::Parse>(ctx, burst);
  }
  if constexpr (kUntil >= Until::kFindConnection) {
    stages::FindConnections(ctx, burst);
  }
  if constexpr (kUntil >= Until::kForward) {
    stages::RunSteps<stages::Forward>(ctx, burst);
  }
  if (burst.live().size() != core::kBurst) {
    state.SkipWithError("a step did not let every packet pass");
  }
  benchmark::DoNotOptimize(burst.live().data());
}

// `journey` is what is measured, between Receive and Release. (Who receives must release.)
template <typename Journey>
void Cycles(benchmark::State& state, bool known, Journey&& journey) {
  const auto bench = std::make_unique<Bench>(static_cast<std::uint32_t>(state.range(0)));
  stages::Context ctx = bench->ContextOf();
  std::uint64_t cycles = 0;
  std::uint64_t packets = 0;
  const auto pass = [&](auto&& travel) {
    bench->one.Refill();
    bench->two.Refill();
    const std::uint64_t start = rte_rdtsc();
    bench->batch.Reset(net::PortId{1});
    bench->one.Receive(bench->batch);
    travel(ctx, bench->batch, state);
    bench->one.Release();
    cycles += rte_rdtsc() - start;
    packets += bench->batch.size();
  };
  for (unsigned i = 0; known && i < kRingSize / core::kBurst; ++i) {
    pass(Travel<Until::kSend>);  // each flow's first packet
  }
  cycles = packets = 0;
  for (auto _ : state) {
    if (!known) {
      bench->Forget();
    }
    pass(journey);
  }
  state.counters["cycles/packet"] =
      static_cast<double>(cycles) / static_cast<double>(std::max<std::uint64_t>(packets, 1));
}

template <Until kUntil>
void UpTo(benchmark::State& state) {
  Cycles(state, /*known=*/true, Travel<kUntil>);
}

void FirstPackets(benchmark::State& state) { Cycles(state, /*known=*/false, Travel<Until::kSend>); }

void Receive(benchmark::State& state) {
  Cycles(state, /*known=*/true, [](stages::Context&, core::Batch& batch, benchmark::State&) {
    benchmark::DoNotOptimize(batch.packets().data());
  });
}

// 64 and 1500 bytes on the wire, without the Ethernet checksum.
#define POLLUX_JOURNEY(...) BENCHMARK(__VA_ARGS__)->ArgName("bytes")->Arg(60)->Arg(1496)
POLLUX_JOURNEY(Receive)->Name("receive, release");
POLLUX_JOURNEY(UpTo<Until::kLoadHeaders>)->Name("+ load_headers");
POLLUX_JOURNEY(UpTo<Until::kParse>)->Name("+ parse");
POLLUX_JOURNEY(UpTo<Until::kFindConnection>)->Name("+ find_connection");
POLLUX_JOURNEY(UpTo<Until::kForward>)->Name("+ forward");
POLLUX_JOURNEY(UpTo<Until::kSend>)->Name("+ counting, send");
POLLUX_JOURNEY(FirstPackets)->Name("the same, first packets");

}  // namespace
}  // namespace pollux

int main(int argc, char** argv) {
  pollux::core::InitTestEal();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
