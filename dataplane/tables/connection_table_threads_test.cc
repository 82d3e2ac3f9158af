// The connection table under several workers: for ThreadSanitizer, and for what only they show.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/core/test_eal.h"
#include "dataplane/tables/connection_table.h"

namespace pollux::tables {
namespace {

constexpr unsigned kWorkers = 3;
constexpr std::uint32_t kFlows = 200;  // that all workers open and end, more than fit
constexpr std::uint32_t kCapacity = 128;

net::FlowTuple TupleOf(std::uint32_t flow) {
  return {.source = net::Ipv4Address::FromHost(0x0a000000 + flow),
          .destination = net::Ipv4Address::FromHost(0x0a010000),
          .source_port = net::Be16(static_cast<std::uint16_t>(flow)),
          .destination_port = net::Be16(53),
          .protocol = net::IpProtocol::kUdp,
          .zone = {}};
}

// Opens flows, looks at them and ends some, as a worker does between two quiescent states.
void Work(ConnectionTable& table, core::Rcu& rcu, unsigned worker, std::atomic<bool>& wrong) {
  const net::WorkerId id{static_cast<std::uint16_t>(worker)};
  rcu.Register(id);
  rcu.Online(id);
  std::uint32_t state = worker + 1;
  for (unsigned i = 0; i < 20'000; ++i) {
    state = state * 1664525 + 1013904223;
    const net::FlowTuple tuple = TupleOf((state >> 8) % kFlows);
    const auto inserted = table.Insert({.original = tuple,
                                        .translated = tuple,
                                        .ingress = net::PortId{1},
                                        .egress = net::PortId{2}},
                                       net::Nanos{1});
    Direction* found = inserted.original != nullptr ? inserted.original : table.Find(tuple);
    if (found != nullptr) {
      // Whoever ended it meanwhile: as long as this worker is not quiescent it is what it was.
      wrong = wrong || !(KeyOf(ConnectionOf(*found), false) == tuple);
      found->last_seen.store(i, std::memory_order_relaxed);
      if (state % 3 == 0) {
        table.Remove(ConnectionOf(*found));
      }
    }
    if (i % 16 == 0) {
      table.Sweep(worker, kWorkers, 8, [](const Connection&) { return false; });
      rcu.Quiescent(id);
    }
  }
  rcu.Offline(id);
  rcu.Unregister(id);
}

TEST(ConnectionTableThreads, WorkersOpenAndEndTheSameConnections) {
  core::InitTestEal();
  core::Rcu rcu(kWorkers);
  const auto table =
      ConnectionTable::Create({.capacity = kCapacity, .quota_per_port = kCapacity}, rcu).value();
  std::atomic<bool> wrong{false};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] { Work(*table, rcu, worker, wrong); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_FALSE(wrong) << "memory was given away under a worker";
  std::uint32_t live = 0;
  table->ForEach(0, kCapacity, [&](Connection& connection) {
    EXPECT_NE(table->Find(KeyOf(connection, false)), nullptr);
    EXPECT_NE(table->Find(KeyOf(connection, true)), nullptr);
    ++live;
  });
  EXPECT_EQ(table->size(), live);
  EXPECT_EQ(table->size_of(net::PortId{1}), live);
  // Nothing got lost: all ends, and as many fit again.
  table->Sweep(0, 1, kCapacity, [](const Connection&) { return true; });
  while (!table->empty()) {
    table->Sweep(0, 1, 0, [](const Connection&) { return true; });
  }
  for (std::uint32_t flow = 0; flow < kCapacity; ++flow) {
    const net::FlowTuple tuple = TupleOf(flow);
    EXPECT_EQ(table
                  ->Insert({.original = tuple,
                            .translated = tuple,
                            .ingress = net::PortId{1},
                            .egress = net::PortId{2}},
                           net::Nanos{1})
                  .result,
              ConnectionTable::Result::kInserted)
        << flow;
  }
}

}  // namespace
}  // namespace pollux::tables
