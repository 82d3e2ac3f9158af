// Two vhost-user ports and a thread that forwards everything between them: the least that can stand
// in for the switch when DPDK's testpmd is the pod. For tests.
//
//   vhost_user_forwarder SOCKET_A SOCKET_B server|client SECONDS
//
// Prints "ready" once both ports are open, a line per second, and per-packet busy cycles at the
// end.
#include <glog/logging.h>
#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "dataplane/core/copy.h"
#include "vhost/vhost_user/vhost_user_port.h"

namespace pollux::vhost {
namespace {

struct Totals {
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> forwarded{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> busy_cycles{0};
  std::atomic<std::uint64_t> bursts{0};
};

void Add(std::atomic<std::uint64_t>& total, std::uint64_t n) {
  total.store(total.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

void ForwardBurst(core::Port& from, core::Port& to, core::Batch& batch, Totals& totals) {
  const std::uint64_t start = rte_rdtsc();
  batch.Reset(from.id());
  from.rx_queue(0).Receive(batch);
  if (batch.size() == 0) {
    return;
  }
  std::array<core::Packet*, core::kBurst> list;
  std::size_t count = 0;
  for (core::Packet& packet : batch.packets()) {
    if (packet.drop == core::DropReason::kNone) {
      core::LoadHead(packet);
      list[count++] = &packet;
    }
  }
  if (count > 0) {
    to.Send(net::WorkerId{0}, {list.data(), count});
  }
  std::uint64_t dropped = 0;
  for (const core::Packet& packet : batch.packets()) {
    dropped += packet.drop != core::DropReason::kNone ? 1 : 0;
  }
  from.rx_queue(0).Release(batch);
  Add(totals.received, batch.size());
  Add(totals.forwarded, batch.size() - dropped);
  Add(totals.dropped, dropped);
  Add(totals.bursts, 1);
  Add(totals.busy_cycles, rte_rdtsc() - start);
}

void Forward(core::Rcu& rcu, core::Port& a, core::Port& b, Totals& totals,
             const std::atomic<bool>& stop) {
  const net::WorkerId self{0};
  core::Batch batch;
  rcu.Register(self);
  rcu.Online(self);
  while (!stop) {
    ForwardBurst(a, b, batch, totals);
    ForwardBurst(b, a, batch, totals);
    rcu.Quiescent(self);
  }
  rcu.Offline(self);
  rcu.Unregister(self);
}

std::unique_ptr<core::Port> Open(std::uint16_t id, const char* socket, const char* mode,
                                 PortContext& context) {
  core::PortSpec spec;
  spec.mtu = core::kMaxMtu;
  core::VhostUserSpec backend;
  backend.socket = socket;
  backend.mode =
      std::string_view(mode) == "client" ? core::SocketMode::kClient : core::SocketMode::kServer;
  spec.backend = backend;
  auto port = MakeVhostUserPort(net::PortId{id}, spec, context);
  CHECK(port.ok()) << port.status();
  return *std::move(port);
}

int Main(char** argv) {
  core::Rcu rcu(1);
  EventLoop events;
  PortContext context{.rcu = rcu, .events = events, .worker_count = 1, .gateway_mac = {}};
  const auto a = Open(1, argv[1], argv[3], context);
  const auto b = Open(2, argv[2], argv[3], context);
  Totals totals;
  std::atomic<bool> stop{false};
  std::thread worker([&] { Forward(rcu, *a, *b, totals, stop); });
  std::puts("ready");
  for (int second = std::atoi(argv[4]); second > 0; --second) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    std::printf("received %" PRIu64 " forwarded %" PRIu64 " dropped %" PRIu64 " a: %s b: %s\n",
                totals.received.load(), totals.forwarded.load(), totals.dropped.load(),
                a->Status().state.c_str(), b->Status().state.c_str());
    std::fflush(stdout);
  }
  stop = true;
  worker.join();
  const std::uint64_t packets = std::max<std::uint64_t>(totals.received, 1);
  std::printf("cycles per packet %.1f, packets per burst %.1f\n",
              static_cast<double>(totals.busy_cycles) / static_cast<double>(packets),
              static_cast<double>(totals.received) /
                  static_cast<double>(std::max<std::uint64_t>(totals.bursts, 1)));
  return 0;
}

}  // namespace
}  // namespace pollux::vhost

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: vhost_user_forwarder SOCKET_A SOCKET_B server|client SECONDS\n", stderr);
    return 2;
  }
  return pollux::vhost::Main(argv);
}
