#include "dataplane/worker.h"

#include <glog/logging.h>
#include <rte_cycles.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "dataplane/pipeline.h"
#include "dataplane/stages/held.h"
#include "dataplane/stages/keep_alive.h"
#include "dataplane/stages/neighbour.h"

namespace pollux {
namespace {

// How long the worker polls in vain before it sleeps.
constexpr std::uint64_t kPollBeforeSleepNs = 100'000;
// How often descriptors are looked at while other queues keep the worker busy.
constexpr std::uint64_t kReadinessIntervalNs = 20'000;
// Ports without a descriptor: sleeps grow up to this.
constexpr int kLongestNapUs = 500;

std::uint64_t MonotonicNs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

void AddToEpoll(int epoll, int fd, std::uint64_t data) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = data;
  PCHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

// In this time a worker has looked at all of its share of the connection table...
constexpr std::uint64_t kSweepPeriodNs = 4'000'000'000;
// ... a few slots per pass, and when it has nothing else to do as many as take about 100 us.
constexpr unsigned kSweepBusy = 128;
constexpr unsigned kSweepIdle = 2048;
constexpr int kLongestSweepIntervalUs = 250'000;
// Of the table of fragments, in each pass while there are some.
constexpr unsigned kFragmentSets = 4;

constexpr std::uint64_t kNoQueue = ~std::uint64_t{0};

}  // namespace

Worker::Worker(net::WorkerId id, core::Rcu& rcu, const Published& published, int control_event,
               stages::Flows* flows, unsigned workers)
    : id_(id),
      rcu_(rcu),
      published_(published),
      control_event_(control_event),
      wake_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      workers_(workers),
      state_(id, flows) {
  PCHECK(wake_event_ >= 0);
  ResetEpoll();
}

Worker::~Worker() {
  delete plan_.load();
  close(ready_epoll_);
  close(sleep_epoll_);
  close(wake_event_);
}

std::unique_ptr<const PollPlan> Worker::SwapPlan(std::unique_ptr<const PollPlan> plan) {
  return std::unique_ptr<const PollPlan>(plan_.exchange(plan.release(), std::memory_order_acq_rel));
}

void Worker::Wake() {
  const std::uint64_t one = 1;
  (void)!write(wake_event_, &one, sizeof one);
}

bool Worker::Command(const WorkerCommand& command) {
  if (!commands_.TryPush(command)) {
    return false;
  }
  Wake();
  return true;
}

void Worker::Stop() {
  stop_.store(true, std::memory_order_release);
  Wake();
}

void Worker::Run() {
  prctl(PR_SET_TIMERSLACK, 1);  // naps are meant to be as short as they say
  rcu_.Register(id_);
  rcu_.Online(id_);
  last_work_ns_ = MonotonicNs();
  while (!stop_.load(std::memory_order_acquire)) {
    if (Pass()) {
      last_work_ns_ = now_ns_;
      nap_microseconds_ = 0;
    } else if (now_ns_ - last_work_ns_ > kPollBeforeSleepNs) {
      Idle();
    }
    rcu_.Quiescent(id_);
  }
  rcu_.Offline(id_);
  rcu_.Unregister(id_);
}

bool Worker::Pass() {
  now_ns_ = MonotonicNs();
  RecordGap(now_ns_);
  statistics_.loops.Add(1);
  const PollPlan* plan = plan_.load(std::memory_order_acquire);
  if (plan->generation != adopted_) [[unlikely]] {
    AdoptPlan(*plan);
    adopted_ = plan->generation;
  }
  const tables::Tables* tables = published_.tables.load(std::memory_order_acquire);
  if (tables == nullptr) [[unlikely]] {
    return false;
  }
  if (any_needs_event_) {
    PollReadiness();
  }
  state_.renewals_left = stages::kRenewalsPerPass;
  const bool worked = PollQueues(*tables);
  const bool commanded = RunCommands(*tables);
  stages::SendHeld(*tables, state_, net::Nanos{now_ns_});
  if (state_.flows != nullptr) {
    SweepConnections(*tables, worked);
  }
  TellControl();
  return worked || commanded;
}

void Worker::RecordGap(std::uint64_t now_ns) {
  const std::uint64_t gap = now_ns - last_top_ns_;
  if (last_top_ns_ != 0 && gap > statistics_.longest_gap_ns.load(std::memory_order_relaxed)) {
    statistics_.longest_gap_ns.store(gap, std::memory_order_relaxed);
  }
  last_top_ns_ = now_ns;
}

bool Worker::PollQueues(const tables::Tables& tables) {
  bool worked = false;
  unsigned busy = 0;
  for (Polled& polled : polled_) {
    polled.share.Earn();
    if (!polled.share.SitsOut(busy_queues_)) {
      const bool had_work = polled.ready && PollQueue(polled, tables);
      polled.share.EndTurn(had_work);
      worked |= had_work;
    }
    busy += polled.share.had_work() ? 1U : 0U;
  }
  busy_queues_ = busy;
  return worked;
}

bool Worker::PollQueue(Polled& polled, const tables::Tables& tables) {
  const tables::PortEntry& ingress = (*tables.ports)[polled.port];
  if (ingress.port == nullptr) [[unlikely]] {
    return false;  // the tables that know it are on their way
  }
  const std::uint64_t start = rte_rdtsc();
  batch_.Reset(polled.port);
  polled.queue->Receive(batch_);
  if (batch_.size() == 0) {
    polled.ready = !polled.needs_event;
    return false;
  }
  stages::Context ctx{.tables = tables,
                      .ingress = ingress,
                      .counters = ingress.port->counters(id_),
                      .worker = state_,
                      .now = net::Nanos{now_ns_},
                      .observers = published_.observers.load(std::memory_order_acquire)};
  ProcessBurst(ctx, batch_);
  polled.queue->Release(batch_);
  const std::uint64_t cycles = rte_rdtsc() - start;
  polled.share.Charge(cycles);
  ctx.counters.rx_cycles.Add(cycles);
  statistics_.busy_cycles.Add(cycles);
  statistics_.packets.Add(batch_.size());
  statistics_.bursts.Add(1);
  return true;
}

void Worker::SweepConnections(const tables::Tables& tables, bool busy) {
  stages::Flows& flows = *state_.flows;
  if (flows.fragments.size() > 0 && id_ == net::WorkerId{0}) {
    flows.fragments.Sweep(kFragmentSets, net::Nanos{now_ns_});
  }
  const std::uint64_t share = flows.connections.high_water() / workers_ + 1;
  const std::uint64_t due = share * (now_ns_ - last_sweep_ns_) / kSweepPeriodNs;
  if (due == 0) {
    return;
  }
  last_sweep_ns_ = now_ns_;
  const auto budget =
      static_cast<unsigned>(std::min<std::uint64_t>(due, busy ? kSweepBusy : kSweepIdle));
  const tables::Ticks now = tables::TicksOf(net::Nanos{now_ns_});
  flows.connections.Sweep(id_.value(), workers_, budget, [&](tables::Connection& connection) {
    stages::KeepAlive(tables, flows, connection, now);
    return tables::IsOver(connection, flows.timeouts, now);
  });
}

int Worker::SweepIntervalUs() const {
  if (state_.flows == nullptr ||
      (state_.flows->connections.empty() && state_.flows->fragments.size() == 0)) {
    return -1;
  }
  const std::uint64_t share = state_.flows->connections.high_water() / workers_ + 1;
  return static_cast<int>(
      std::min<std::uint64_t>(kSweepPeriodNs / 1000 * kSweepIdle / share, kLongestSweepIntervalUs));
}

void Worker::TellControl() {
  if (state_.events_pushed) [[unlikely]] {
    state_.events_pushed = false;
    const std::uint64_t one = 1;
    (void)!write(control_event_, &one, sizeof one);
  }
}

// At most as many as there is room for their frames; the rest in the next pass. True if there were
// any: then the worker does not sleep before it has looked again.
bool Worker::RunCommands(const tables::Tables& tables) {
  WorkerCommand command;
  bool any = false;
  while (state_.generated.packets().size() < stages::GeneratedFrames::kCapacity &&
         commands_.TryPop(command)) {
    any = true;
    const tables::PortEntry& port = (*tables.ports)[command.port];
    if (port.port == nullptr) {
      continue;
    }
    if (command.kind == WorkerCommand::Kind::kSolicit) {
      stages::GenerateSolicitation(state_, port, command.ip);
    } else {
      stages::GenerateAnnouncement(state_, port, command.ip, command.mac);
    }
  }
  return any;
}

void Worker::AdoptPlan(const PollPlan& plan) {
  ResetEpoll();
  polled_.clear();
  any_needs_event_ = false;
  for (const PollPlan::Queue& queue : plan.queues) {
    const bool needs_event = queue.queue->poll_costs_syscall();
    any_needs_event_ |= needs_event;
    polled_.push_back({.port = queue.port, .queue = queue.queue, .needs_event = needs_event});
    queue.queue->Disarm();  // an earlier plan may have left it armed
  }
  UpdateWatches();
}

// New sets: the descriptors of the old plan may be closed, and their numbers in use again.
void Worker::ResetEpoll() {
  for (const int fd : {sleep_epoll_, ready_epoll_}) {
    if (fd >= 0) {
      close(fd);
    }
  }
  sleep_epoll_ = epoll_create1(EPOLL_CLOEXEC);
  ready_epoll_ = epoll_create1(EPOLL_CLOEXEC);
  PCHECK(sleep_epoll_ >= 0 && ready_epoll_ >= 0);
  AddToEpoll(sleep_epoll_, wake_event_, kNoQueue);
  AddToEpoll(sleep_epoll_, ready_epoll_, kNoQueue);
}

void Worker::PollReadiness() {
  if (busy_queues_ > 0 && now_ns_ - last_readiness_ns_ < kReadinessIntervalNs) {
    return;
  }
  last_readiness_ns_ = now_ns_;
  std::array<epoll_event, 32> events;
  const int n = epoll_wait(ready_epoll_, events.data(), events.size(), 0);
  for (int i = 0; i < n; ++i) {
    const std::uint64_t index = events[static_cast<std::size_t>(i)].data.u64;
    if (index < polled_.size()) {
      polled_[index].ready = true;
    }
  }
}

void Worker::Idle() {
  const int longest_nap = UpdateWatches();
  if (!ArmAll()) {
    Sleep(longest_nap);
    DisarmAll(polled_.size());  // none are left if the plan changed meanwhile
  }
  last_top_ns_ = 0;  // time asleep is no gap
}

// True if work is there, and then nothing is armed.
bool Worker::ArmAll() {
  for (std::size_t i = 0; i < polled_.size(); ++i) {
    if (!polled_[i].needs_event && polled_[i].queue->Arm()) {
      DisarmAll(i + 1);
      return true;
    }
  }
  return false;
}

void Worker::DisarmAll(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (!polled_[i].needs_event) {
      polled_[i].queue->Disarm();
    }
  }
}

int Worker::UpdateWatches() {
  bool all_watched = true;
  for (std::size_t i = 0; i < polled_.size(); ++i) {
    Watch(polled_[i], i);
    all_watched &= polled_[i].watched.fd >= 0;
  }
  if (all_watched) {
    // Packets that wait for a neighbour time out by the clock.
    return state_.pending.empty() ? SweepIntervalUs() : kLongestNapUs;
  }
  nap_microseconds_ = std::clamp(nap_microseconds_ * 2, 10, kLongestNapUs);
  return nap_microseconds_;
}

void Worker::Watch(Polled& polled, std::size_t index) {
  const core::WaitHandle handle = polled.queue->wait_handle();
  if (handle.fd == polled.watched.fd && handle.generation == polled.watched.generation) {
    return;
  }
  const int epoll = polled.needs_event ? ready_epoll_ : sleep_epoll_;
  if (polled.watched.fd >= 0) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, polled.watched.fd, nullptr);
  }
  polled.watched = handle;
  if (handle.fd >= 0) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, handle.fd, &event) != 0) {
      polled.watched.fd = -1;  // closed a moment ago: poll until the next look
    }
  }
}

void Worker::Sleep(int microseconds) {
  statistics_.sleeps.Add(1);
  statistics_.asleep.store(true, std::memory_order_relaxed);
  rcu_.Offline(id_);
  std::array<epoll_event, 32> events;
  const timespec timeout{.tv_sec = 0, .tv_nsec = microseconds * 1000L};
  const int n = epoll_pwait2(sleep_epoll_, events.data(), events.size(),
                             microseconds < 0 ? nullptr : &timeout, nullptr);
  rcu_.Online(id_);
  statistics_.asleep.store(false, std::memory_order_relaxed);
  std::uint64_t ignored = 0;
  (void)!read(wake_event_, &ignored, sizeof ignored);
  if (plan_.load(std::memory_order_acquire)->generation != adopted_) {
    polled_.clear();  // while this worker was offline, queues of the old plan may have gone
    return;
  }
  for (int i = 0; i < n; ++i) {
    const std::uint64_t index = events[static_cast<std::size_t>(i)].data.u64;
    if (index < polled_.size()) {
      polled_[index].queue->AcknowledgeWake();
    }
  }
}

}  // namespace pollux
