// A worker: one thread on one core that polls its queues and carries every packet to its end.
//
// Theory of operation. Each pass of the loop visits the queues of the worker's plan, one burst from
// each (pipeline.h), so a burst's packets never wait for another core. Cycles are shared fairly: a
// queue whose bursts cost more than others' (first packets, large frames) runs into debt and sits
// out passes while others have work. Queues whose polling costs a system call (TAP) are visited
// only when their descriptor reported data. When nothing has come for a while the worker asks every
// peer for notifications, looks once more, goes RCU-offline and waits on their descriptors; ports
// that have none keep it polling in growing sleeps. While there are connections it wakes up a few
// times a second to end those that are over.
//
// Threading: Run on the worker's thread; the rest by the control side. Crossings: the plan, the
// tables and the observers are published through atomic pointers and reclaimed under RCU; commands
// come through a ring; statistics are counters.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/batch.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/fair_share.h"
#include "dataplane/core/observer.h"
#include "dataplane/core/port.h"
#include "dataplane/core/rcu.h"
#include "dataplane/core/spsc_ring.h"
#include "dataplane/stages/worker_state.h"
#include "dataplane/tables/tables.h"

namespace pollux {

// The queues that a worker polls: immutable once given.
struct PollPlan {
  struct Queue {
    net::PortId port;
    core::RxQueue* queue = nullptr;
  };
  // Tells plans apart: a pointer may come back at the same address. Grows with every plan of a
  // worker, from 1.
  std::uint64_t generation = 0;
  std::vector<Queue> queues;
};

// What all workers of a switch share; published by the control side.
struct Published {
  std::atomic<const tables::Tables*> tables{nullptr};
  std::atomic<const core::ObserverList*> observers{nullptr};  // null: nobody looks
};

// What the control side asks a worker to put on a wire.
struct WorkerCommand {
  enum class Kind : std::uint8_t { kSolicit, kAnnounce };
  Kind kind{};
  net::PortId port;
  net::IpAddress ip;
  net::MacAddress mac;  // kAnnounce
};

struct WorkerStatistics {
  core::Counter loops;
  core::Counter packets;
  core::Counter bursts;
  core::Counter busy_cycles;
  core::Counter sleeps;
  std::atomic<std::uint64_t> longest_gap_ns{0};
  std::atomic<bool> asleep{false};
};

class Worker {
 public:
  // `control_event`: an eventfd that tells the control side of new neighbour events. `flows`: null
  // where no connections are kept; the worker looks after its share of them, one of `workers`.
  Worker(net::WorkerId id, core::Rcu& rcu, const Published& published, int control_event,
         stages::Flows* flows = nullptr, unsigned workers = 1);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The worker's thread: returns after Stop().
  void Run();
  void Stop();

  // Publishes a new plan; the old one may be in use until a grace period later.
  std::unique_ptr<const PollPlan> SwapPlan(std::unique_ptr<const PollPlan> plan);
  // Ends a sleep (after new tables or plans, so that their readers look at them).
  void Wake();
  // False if the ring is full. One caller at a time.
  bool Command(const WorkerCommand& command);
  [[nodiscard]] core::SpscRing<stages::NeighbourEvent>& events() { return state_.events; }
  [[nodiscard]] const WorkerStatistics& statistics() const { return statistics_; }

 private:
  // What the worker remembers of a queue in its plan.
  struct Polled {
    net::PortId port;
    core::RxQueue* queue = nullptr;
    bool needs_event = false;    // poll_costs_syscall()
    bool ready = true;           // needs_event: its descriptor reported data
    core::FairShare share;       // in debt: sits out while others have work
    core::WaitHandle watched{};  // as registered in an epoll set
  };

  bool Pass();
  void AdoptPlan(const PollPlan& plan);
  void ResetEpoll();
  void PollReadiness();
  bool PollQueues(const tables::Tables& tables);
  bool PollQueue(Polled& polled, const tables::Tables& tables);
  bool RunCommands(const tables::Tables& tables);
  void TellControl();
  // Ends connections that are over: so many slots that all are looked at every few seconds.
  void SweepConnections(const tables::Tables& tables, bool busy);
  [[nodiscard]] int SweepIntervalUs() const;
  void RecordGap(std::uint64_t now_ns);

  void Idle();
  bool ArmAll();
  void DisarmAll(std::size_t count);
  // How long the sleep may last; -1: until something reports.
  int UpdateWatches();
  void Watch(Polled& polled, std::size_t index);
  void Sleep(int microseconds);

  const net::WorkerId id_;
  core::Rcu& rcu_;
  const Published& published_;
  const int control_event_;
  int wake_event_;
  int sleep_epoll_ = -1;  // every descriptor, the ready_epoll_ and the wake event
  int ready_epoll_ = -1;  // descriptors of queues that need an event
  std::atomic<bool> stop_{false};
  std::atomic<const PollPlan*> plan_{nullptr};

  // Worker's own.
  std::uint64_t adopted_ = 0;  // the plan's generation; 0: none
  std::vector<Polled> polled_;
  bool any_needs_event_ = false;
  unsigned busy_queues_ = 0;  // that had packets at their last turn
  std::uint64_t now_ns_ = 0;
  std::uint64_t last_top_ns_ = 0;
  std::uint64_t last_work_ns_ = 0;
  std::uint64_t last_readiness_ns_ = 0;
  int nap_microseconds_ = 0;
  const unsigned workers_;
  std::uint64_t last_sweep_ns_ = 0;
  stages::WorkerState state_;
  core::SpscRing<WorkerCommand> commands_{1024};
  WorkerStatistics statistics_;
  core::Batch batch_;
};

}  // namespace pollux
