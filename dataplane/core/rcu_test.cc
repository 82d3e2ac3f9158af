// Readers under load, and a writer that frees what it unpublished: under tsan and asan a grace
// period that ends too early is a report.
#include "dataplane/core/rcu.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace pollux::core {
namespace {

// A pair that always agrees, unless it is seen half built or freed.
struct Snapshot {
  explicit Snapshot(std::uint64_t n) : first(n), second(~n) {}
  ~Snapshot() { first = second = 0; }
  std::uint64_t first;
  std::uint64_t second;
};

class RcuTest : public ::testing::Test {
 protected:
  void Read(net::WorkerId id) {
    rcu_.Register(id);
    rcu_.Online(id);
    for (unsigned pass = 0; !stop_.load(std::memory_order_acquire); ++pass) {
      const Snapshot* snapshot = published_.load(std::memory_order_acquire);
      torn_ += snapshot->first != ~snapshot->second ? 1U : 0U;
      if (pass % 64 == 63) {  // as a worker that goes to sleep
        rcu_.Offline(id);
        std::this_thread::yield();
        rcu_.Online(id);
      }
      rcu_.Quiescent(id);
      passes_.fetch_add(1, std::memory_order_relaxed);
    }
    rcu_.Offline(id);
    rcu_.Unregister(id);
  }

  Rcu rcu_{2};
  std::atomic<const Snapshot*> published_{nullptr};
  std::atomic<bool> stop_{false};
  std::atomic<unsigned> torn_{0};
  std::atomic<std::uint64_t> passes_{0};
};

TEST_F(RcuTest, WhatWasUnpublishedIsFreedOnlyWhenNobodyReadsIt) {
  auto live = std::make_unique<const Snapshot>(0);
  published_ = live.get();
  std::array readers = {std::thread([this] { Read(net::WorkerId{0}); }),
                        std::thread([this] { Read(net::WorkerId{1}); })};
  for (std::uint64_t n = 1; n <= 300 || passes_.load() < 1000; ++n) {
    auto next = std::make_unique<const Snapshot>(n);
    published_.store(next.get(), std::memory_order_release);
    rcu_.Synchronize();
    live = std::move(next);
  }
  stop_ = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(torn_, 0U);
}

TEST_F(RcuTest, NobodyWaitsForAReaderThatSleeps) {
  rcu_.Register(net::WorkerId{0});
  rcu_.Online(net::WorkerId{0});
  rcu_.Offline(net::WorkerId{0});
  rcu_.Synchronize();  // returns
  rcu_.Unregister(net::WorkerId{0});
}

TEST_F(RcuTest, AReaderInTheMiddleOfABurstIsWaitedFor) {
  rcu_.Register(net::WorkerId{0});
  rcu_.Online(net::WorkerId{0});
  std::atomic<bool> returned{false};
  std::atomic<bool> called{false};
  std::thread writer([&] {
    called = true;
    rcu_.Synchronize();
    returned = true;
  });
  while (!called) {
    std::this_thread::yield();
  }
  for (int i = 0; i < 1000; ++i) {
    ASSERT_FALSE(returned);
    std::this_thread::yield();
  }
  while (!returned) {  // the writer may ask for another quiescent state than the first
    rcu_.Quiescent(net::WorkerId{0});
  }
  writer.join();
  rcu_.Offline(net::WorkerId{0});
  rcu_.Unregister(net::WorkerId{0});
}

}  // namespace
}  // namespace pollux::core
