#include "dataplane/dataplane.h"

#include <absl/strings/str_format.h>
#include <glog/logging.h>
#include <poll.h>
#include <rte_launch.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "dataplane/explain.h"
#include "dataplane/flow_reader.h"
#include "dataplane/forwarding.h"
#include "dataplane/neighbours.h"
#include "dataplane/worker.h"
#include "vhost/event_loop.h"
#include "vhost/port_factory.h"

namespace pollux {
namespace {

constexpr int kNeighbourTickMs = 250;
// Endpoints, routes and backends together.
constexpr std::uint32_t kMostObjects = 1U << 20;
// Clients whose backend is remembered.
constexpr std::size_t kAffinityEntries = 1U << 16;
// Datagrams whose fragments are on their way.
constexpr std::uint32_t kFragmentedDatagrams = 8192;
// One port may have this part of the connection table, and of that of fragments.
constexpr std::uint32_t kShareOfOnePort = 2;
using QueueKey = std::pair<net::PortId, unsigned>;

net::Nanos MonotonicNow() {
  return net::Nanos{
      static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count())};
}

net::Nanos After(net::Nanos now, std::uint64_t seconds) {
  return net::Nanos{now.value() + seconds * 1'000'000'000};
}

// A worker on its lcore. `ended` says what rte_eal_wait_lcore says as well, but where
// ThreadSanitizer sees it: all that the worker did comes before.
struct Launch {
  Worker* worker = nullptr;
  std::atomic<bool> ended{false};
};

int RunWorker(void* launched) {
  auto& launch = *static_cast<Launch*>(launched);
  launch.worker->Run();
  launch.ended.store(true, std::memory_order_release);
  return 0;
}

}  // namespace

// mutex_ serialises the control side and guards everything that is not published.
class Dataplane::Impl {
 public:
  Impl(const DataplaneOptions& options, std::unique_ptr<core::Rcu> rcu,
       std::unique_ptr<tables::ConnectionTable> connections);
  ~Impl();

  absl::StatusOr<net::PortId> AddPort(const core::PortSpec& spec);
  absl::Status RemovePort(net::PortId id);
  absl::Status MoveQueue(net::PortId id, unsigned queue, unsigned worker);
  absl::Status Publish(const ForwardingConfig& config, net::Revision revision);
  std::shared_ptr<core::Subscription> Subscribe(const core::ObservationFilter& filter);

  std::vector<PortInfo> Ports() const;
  std::optional<PortTotals> Totals(net::PortId id) const;
  std::vector<WorkerInfo> Workers() const;
  std::vector<NeighbourInfo> Neighbours() const;
  absl::StatusOr<Explanation> Explain(const ExplainQuery& query) const;
  FlowReader& flows() const { return *flow_reader_; }
  FlowTableInfo FlowTable() const {
    return {.connections = connections_->size(), .limit = connections_->options().capacity};
  }
  net::Revision live_revision() const;
  net::MacAddress gateway_mac() const { return options_.gateway_mac; }

 private:
  [[nodiscard]] core::Port* Find(net::PortId id) const;
  [[nodiscard]] net::PortId FreeId() const;
  [[nodiscard]] std::vector<PortView> Views() const;
  [[nodiscard]] unsigned LeastLoadedWorker() const;
  // Builds and swaps in the tables of forwarding_ and what else is known now; waits until every
  // worker has them and frees the old ones.
  void PublishTables();
  // Gives each worker the plan that assignment_ says; waits until the old plans are unused.
  void PublishPlans();
  void PublishObservers();
  void Unsubscribe(core::Subscription* subscription);
  void Announce(const ForwardingConfig& before);
  void AnnounceOnUplink(const tables::PortEntry& uplink,
                        const std::vector<net::IpAddress>& addresses);
  void RunNeighbours();
  void TickNeighbours();

  const DataplaneOptions options_;
  mutable std::mutex mutex_;
  const std::unique_ptr<core::Rcu> rcu_;
  const std::unique_ptr<tables::ConnectionTable> connections_;
  core::Epochs epochs_{kMostObjects};
  tables::AffinityTable affinity_{kAffinityEntries};
  tables::FragmentTable fragments_{
      {.capacity = kFragmentedDatagrams, .quota_per_port = kFragmentedDatagrams / kShareOfOnePort}};
  stages::Flows flows_;
  const std::unique_ptr<FlowReader> flow_reader_;
  AdjacencyIds adjacencies_;
  Forwarding forwarding_{epochs_, adjacencies_, options_.on_policy_change};
  vhost::EventLoop events_;
  vhost::PortContext context_;
  Published published_;
  int control_event_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Launch> launches_;  // of workers_, by the same index
  std::map<net::PortId, std::unique_ptr<core::Port>> ports_;
  std::uint64_t plan_generation_ = 0;
  std::map<QueueKey, unsigned> assignment_;  // receive queue -> worker
  net::Revision revision_;
  std::unique_ptr<const tables::Tables> tables_;
  std::vector<std::shared_ptr<core::Subscription>> subscriptions_;
  std::unique_ptr<const core::ObserverList> observers_;
  NeighbourManager neighbours_{adjacencies_};
  std::shared_ptr<const tables::NeighbourTable> neighbour_table_ =
      std::make_shared<const tables::NeighbourTable>();
  std::atomic<bool> stop_{false};
  std::thread neighbour_thread_;
};

Dataplane::Impl::Impl(const DataplaneOptions& options, std::unique_ptr<core::Rcu> rcu,
                      std::unique_ptr<tables::ConnectionTable> connections)
    : options_(options),
      rcu_(std::move(rcu)),
      connections_(std::move(connections)),
      flows_{.connections = *connections_,
             .epochs = epochs_,
             .affinity = {.table = affinity_},
             .fragments = fragments_,
             .timeouts = options.timeouts,
             .pickup_until = After(MonotonicNow(), options.pickup_seconds)},
      flow_reader_(std::make_unique<FlowReader>(
          *connections_, *rcu_,
          net::WorkerId{static_cast<std::uint16_t>(options.worker_cores.size())})),
      context_{.rcu = *rcu_,
               .events = events_,
               .worker_count = static_cast<unsigned>(options.worker_cores.size()),
               .gateway_mac = options.gateway_mac},
      control_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      launches_(options.worker_cores.size()) {
  PCHECK(control_event_ >= 0);
  PublishTables();
  for (unsigned i = 0; i < options.worker_cores.size(); ++i) {
    const net::WorkerId id{static_cast<std::uint16_t>(i)};
    workers_.push_back(std::make_unique<Worker>(id, *rcu_, published_, control_event_, &flows_,
                                                options.worker_cores.size()));
  }
  PublishPlans();
  for (unsigned i = 0; i < workers_.size(); ++i) {
    launches_[i].worker = workers_[i].get();
    // lcore 0 is the main thread (eal.cc).
    CHECK_EQ(rte_eal_remote_launch(RunWorker, &launches_[i], i + 1), 0);
  }
  neighbour_thread_ = std::thread([this] { RunNeighbours(); });
  pthread_setname_np(neighbour_thread_.native_handle(), "pollux-neigh");
}

Dataplane::Impl::~Impl() {
  stop_ = true;
  const std::uint64_t one = 1;
  (void)!write(control_event_, &one, sizeof one);
  neighbour_thread_.join();
  for (unsigned i = 0; i < workers_.size(); ++i) {
    workers_[i]->Stop();
    rte_eal_wait_lcore(i + 1);
    CHECK(launches_[i].ended.load(std::memory_order_acquire));
  }
  ports_.clear();
  close(control_event_);
}

core::Port* Dataplane::Impl::Find(net::PortId id) const {
  const auto it = ports_.find(id);
  return it == ports_.end() ? nullptr : it->second.get();
}

net::PortId Dataplane::Impl::FreeId() const {
  std::uint16_t id = 1;
  while (ports_.contains(net::PortId{id})) {
    ++id;
  }
  return net::PortId{id};
}

std::vector<PortView> Dataplane::Impl::Views() const {
  std::vector<PortView> views;
  for (const auto& [id, port] : ports_) {
    views.push_back({.port = port.get(), .mac = port->Status().mac});
  }
  return views;
}

unsigned Dataplane::Impl::LeastLoadedWorker() const {
  std::vector<unsigned> queues(workers_.size());
  for (const auto& [key, worker] : assignment_) {
    ++queues[worker];
  }
  return static_cast<unsigned>(std::min_element(queues.begin(), queues.end()) - queues.begin());
}

void Dataplane::Impl::PublishTables() {
  auto next = forwarding_.Build(Views(), options_.gateway_mac, neighbour_table_, revision_);
  published_.tables.store(next.get(), std::memory_order_release);
  rcu_->Synchronize();
  tables_ = std::move(next);
}

void Dataplane::Impl::PublishPlans() {
  std::vector<std::unique_ptr<PollPlan>> plans;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    plans.push_back(std::make_unique<PollPlan>());
    plans.back()->generation = ++plan_generation_;
  }
  for (const auto& [key, worker] : assignment_) {
    plans[worker]->queues.push_back(
        {.port = key.first, .queue = &ports_.at(key.first)->rx_queue(key.second)});
  }
  std::vector<std::unique_ptr<const PollPlan>> old;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    old.push_back(workers_[i]->SwapPlan(std::move(plans[i])));
    workers_[i]->Wake();
  }
  rcu_->Synchronize();
}

absl::StatusOr<net::PortId> Dataplane::Impl::AddPort(const core::PortSpec& spec) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, port] : ports_) {
    if (port->spec().name == spec.name) {
      return absl::AlreadyExistsError(absl::StrFormat("port.name: %s exists", spec.name));
    }
  }
  if (ports_.size() + 1 >= tables::PortTable::kMaxPorts) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("the switch has %d ports, its limit", ports_.size()));
  }
  const net::PortId id = FreeId();
  auto port = vhost::MakePort(id, spec, context_);
  if (!port.ok()) {
    return port.status();
  }
  const unsigned queues = (*port)->rx_queue_count();
  ports_.emplace(id, std::move(*port));
  forwarding_.AdmitPort(id);
  PublishTables();
  for (unsigned queue = 0; queue < queues; ++queue) {
    assignment_[{id, queue}] = LeastLoadedWorker();
  }
  PublishPlans();
  return id;
}

absl::Status Dataplane::Impl::RemovePort(net::PortId id) {
  const std::lock_guard lock(mutex_);
  if (Find(id) == nullptr) {
    return absl::NotFoundError(absl::StrFormat("no port with id %d", id.value()));
  }
  const ForwardingConfig& config = forwarding_.config();
  const bool used = std::any_of(config.endpoints.begin(), config.endpoints.end(),
                                [&](const EndpointConfig& e) { return e.port == id; }) ||
                    std::any_of(config.routes.begin(), config.routes.end(),
                                [&](const RouteConfig& r) { return r.port == id; });
  if (used) {
    return absl::FailedPreconditionError(
        absl::StrFormat("port %s: an endpoint or route still names it", Find(id)->spec().name));
  }
  std::erase_if(assignment_, [&](const auto& entry) { return entry.first.first == id; });
  PublishPlans();
  std::unique_ptr<core::Port> port = std::move(ports_.at(id));
  ports_.erase(id);
  neighbours_.ForgetPort(id);
  forwarding_.ForgetPort(id);
  neighbour_table_ = neighbours_.Table();
  PublishTables();
  port->PrepareRemoval();
  return absl::OkStatus();
}

absl::Status Dataplane::Impl::MoveQueue(net::PortId id, unsigned queue, unsigned worker) {
  const std::lock_guard lock(mutex_);
  const auto it = assignment_.find({id, queue});
  if (it == assignment_.end()) {
    return absl::NotFoundError(absl::StrFormat("port %d has no queue %d", id.value(), queue));
  }
  if (worker >= workers_.size()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("worker: %d, but there are %d", worker, workers_.size()));
  }
  // One worker at a time: first nobody polls the queue, then the new one.
  assignment_.erase(it);
  PublishPlans();
  assignment_[{id, queue}] = worker;
  PublishPlans();
  return absl::OkStatus();
}

absl::Status Dataplane::Impl::Publish(const ForwardingConfig& config, net::Revision revision) {
  const std::lock_guard lock(mutex_);
  if (const absl::Status status = forwarding_.Change(config, Views()); !status.ok()) {
    return status;
  }
  revision_ = revision;
  PublishTables();
  forwarding_.Settle(*tables_);
  Announce(forwarding_.before());
  return absl::OkStatus();
}

// Announces those of the addresses that lie in a subnet of the uplink.
void Dataplane::Impl::AnnounceOnUplink(const tables::PortEntry& uplink,
                                       const std::vector<net::IpAddress>& addresses) {
  for (const net::IpAddress& ip : addresses) {
    const bool on_link =
        std::any_of(uplink.addresses.begin(), uplink.addresses.end(),
                    [&](const auto& local) { return local.subnet().Contains(ip); });
    if (on_link) {
      workers_[0]->Command({.kind = WorkerCommand::Kind::kAnnounce,
                            .port = uplink.port->id(),
                            .ip = ip,
                            .mac = uplink.local_mac});
    }
  }
}

// New addresses are announced where somebody may remember another place for them: on uplinks in
// whose subnets they lie.
void Dataplane::Impl::Announce(const ForwardingConfig& before) {
  for (const EndpointConfig& endpoint : forwarding_.config().endpoints) {
    if (std::find(before.endpoints.begin(), before.endpoints.end(), endpoint) !=
        before.endpoints.end()) {
      continue;
    }
    for (const tables::PortEntry& port : tables_->ports->entries()) {
      if (port.role == core::PortRole::kUplink) {
        AnnounceOnUplink(port, endpoint.addresses);
      }
    }
    // The pod itself learns (or relearns) where its gateway is.
    for (const net::IpAddress& gateway :
         {net::IpAddress(tables::kGatewayV4), net::IpAddress(tables::kGatewayV6)}) {
      workers_[0]->Command({.kind = WorkerCommand::Kind::kAnnounce,
                            .port = endpoint.port,
                            .ip = gateway,
                            .mac = options_.gateway_mac});
    }
  }
}

net::Revision Dataplane::Impl::live_revision() const {
  const std::lock_guard lock(mutex_);
  return tables_->revision;
}

std::vector<PortInfo> Dataplane::Impl::Ports() const {
  const std::lock_guard lock(mutex_);
  std::vector<PortInfo> infos;
  for (const auto& [id, port] : ports_) {
    PortInfo info{.id = id, .spec = port->spec(), .status = port->Status()};
    info.mac = info.status.mac.is_zero() ? info.spec.mac : info.status.mac;
    for (unsigned queue = 0; queue < port->rx_queue_count(); ++queue) {
      info.workers.push_back(assignment_.at({id, queue}));
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

std::optional<PortTotals> Dataplane::Impl::Totals(net::PortId id) const {
  const std::lock_guard lock(mutex_);
  const core::Port* port = Find(id);
  if (port == nullptr) {
    return std::nullopt;
  }
  PortTotals totals;
  for (const core::PortCounters& counters : port->all_counters()) {
    totals.rx_packets += counters.rx_packets.value();
    totals.rx_bytes += counters.rx_bytes.value();
    totals.tx_packets += counters.tx_packets.value();
    totals.tx_bytes += counters.tx_bytes.value();
    totals.answered += counters.answered.value();
    totals.generated += counters.generated.value();
    totals.audited += counters.audited.value();
    totals.rx_cycles += counters.rx_cycles.value();
    for (unsigned i = 0; i < core::kDropReasonCount; ++i) {
      totals.drops[i] += counters.drops[i].value();
    }
  }
  return totals;
}

std::vector<WorkerInfo> Dataplane::Impl::Workers() const {
  const std::lock_guard lock(mutex_);
  std::vector<WorkerInfo> infos;
  for (unsigned i = 0; i < workers_.size(); ++i) {
    const WorkerStatistics& statistics = workers_[i]->statistics();
    WorkerInfo info;
    info.core = options_.worker_cores[i];
    info.loops = statistics.loops.value();
    info.packets = statistics.packets.value();
    info.bursts = statistics.bursts.value();
    info.busy_cycles = statistics.busy_cycles.value();
    info.longest_gap_ns = statistics.longest_gap_ns.load(std::memory_order_relaxed);
    info.sleeps = statistics.sleeps.value();
    info.asleep = statistics.asleep.load(std::memory_order_relaxed);
    for (const auto& [key, worker] : assignment_) {
      if (worker == i && ports_.at(key.first)->rx_queue(key.second).wait_handle().fd < 0) {
        info.polled_ports.push_back(ports_.at(key.first)->spec().name);
      }
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

std::vector<NeighbourInfo> Dataplane::Impl::Neighbours() const {
  const std::lock_guard lock(mutex_);
  return neighbours_.List();
}

absl::StatusOr<Explanation> Dataplane::Impl::Explain(const ExplainQuery& query) const {
  const std::lock_guard lock(mutex_);
  return pollux::Explain(*tables_, forwarding_.config(), query);
}

void Dataplane::Impl::RunNeighbours() {
  while (!stop_) {
    pollfd wait{.fd = control_event_, .events = POLLIN, .revents = 0};
    (void)poll(&wait, 1, kNeighbourTickMs);
    std::uint64_t ignored = 0;
    (void)!read(control_event_, &ignored, sizeof ignored);
    TickNeighbours();
  }
}

void Dataplane::Impl::TickNeighbours() {
  const std::lock_guard lock(mutex_);
  const net::Nanos now = MonotonicNow();
  for (const auto& worker : workers_) {
    stages::NeighbourEvent event;
    while (worker->events().TryPop(event)) {
      neighbours_.Handle(event, now);
    }
  }
  neighbours_.Tick(now);
  for (const NeighbourManager::Solicitation& wanted : neighbours_.TakeSolicitations()) {
    workers_[0]->Command(
        {.kind = WorkerCommand::Kind::kSolicit, .port = wanted.port, .ip = wanted.ip, .mac = {}});
  }
  if (neighbours_.TakeChanged()) {
    neighbour_table_ = neighbours_.Table();
    PublishTables();
    for (const auto& worker : workers_) {
      worker->Wake();  // packets may wait for what is known now
    }
  }
}

std::shared_ptr<core::Subscription> Dataplane::Impl::Subscribe(
    const core::ObservationFilter& filter) {
  const std::lock_guard lock(mutex_);
  auto subscription =
      std::make_shared<core::Subscription>(filter, static_cast<unsigned>(workers_.size()));
  subscriptions_.push_back(subscription);
  PublishObservers();
  // The caller's pointer ends the subscription; ours only keeps it alive for the workers.
  return {subscription.get(), [this](core::Subscription* s) { Unsubscribe(s); }};
}

void Dataplane::Impl::Unsubscribe(core::Subscription* subscription) {
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                               [&](const auto& s) { return s.get() == subscription; });
  CHECK(it != subscriptions_.end());
  const std::shared_ptr<core::Subscription> keep = *it;
  subscriptions_.erase(it);
  PublishObservers();
}

void Dataplane::Impl::PublishObservers() {
  std::unique_ptr<core::ObserverList> list;
  if (!subscriptions_.empty()) {
    list = std::make_unique<core::ObserverList>();
    for (const auto& subscription : subscriptions_) {
      list->subscriptions.push_back(subscription.get());
    }
  }
  published_.observers.store(list.get(), std::memory_order_release);
  rcu_->Synchronize();
  observers_ = std::move(list);
}

absl::StatusOr<std::unique_ptr<Dataplane>> Dataplane::Start(const DataplaneOptions& options) {
  if (options.worker_cores.empty()) {
    return absl::InvalidArgumentError("--cores: at least one core is needed");
  }
  // The workers, and the control side where it looks at connections.
  auto rcu = std::make_unique<core::Rcu>(static_cast<unsigned>(options.worker_cores.size()) + 1);
  auto connections = tables::ConnectionTable::Create(
      {.capacity = options.flow_entries,
       .quota_per_port = std::max(options.flow_entries / kShareOfOnePort, 1U)},
      *rcu);
  if (!connections.ok()) {
    return connections.status();
  }
  return std::unique_ptr<Dataplane>(
      new Dataplane(std::make_unique<Impl>(options, std::move(rcu), *std::move(connections))));
}

Dataplane::Dataplane(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Dataplane::~Dataplane() = default;

absl::StatusOr<net::PortId> Dataplane::AddPort(const core::PortSpec& spec) {
  return impl_->AddPort(spec);
}
absl::Status Dataplane::RemovePort(net::PortId port) { return impl_->RemovePort(port); }
absl::Status Dataplane::MoveQueue(net::PortId port, unsigned queue, unsigned worker) {
  return impl_->MoveQueue(port, queue, worker);
}
absl::Status Dataplane::Publish(const ForwardingConfig& config, net::Revision revision) {
  return impl_->Publish(config, revision);
}
net::Revision Dataplane::live_revision() const { return impl_->live_revision(); }
std::vector<PortInfo> Dataplane::Ports() const { return impl_->Ports(); }
std::optional<PortTotals> Dataplane::Totals(net::PortId port) const { return impl_->Totals(port); }
std::vector<WorkerInfo> Dataplane::Workers() const { return impl_->Workers(); }
std::vector<NeighbourInfo> Dataplane::Neighbours() const { return impl_->Neighbours(); }
net::MacAddress Dataplane::gateway_mac() const { return impl_->gateway_mac(); }
FlowList Dataplane::Flows(const FlowQuery& query, std::size_t limit) const {
  return impl_->flows().List(query, limit, MonotonicNow());
}
std::uint64_t Dataplane::FlushFlows(const FlowQuery& query) { return impl_->flows().Flush(query); }
FlowTableInfo Dataplane::FlowTable() const { return impl_->FlowTable(); }
absl::StatusOr<Explanation> Dataplane::Explain(const ExplainQuery& query) const {
  return impl_->Explain(query);
}
std::shared_ptr<core::Subscription> Dataplane::Subscribe(const core::ObservationFilter& filter) {
  return impl_->Subscribe(filter);
}

}  // namespace pollux
