// The switch's packet side as the control side sees it: the only face that control/ includes.
//
// Owns the workers, the ports, the published tables and the neighbour state. Every change is made
// beside what is live and swapped in; no call stops a worker, and each returns when the workers
// have what it changed.
//
// Threading: all members by any control thread; they serialise themselves. None by a worker.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/core/observer.h"
#include "dataplane/core/port.h"
#include "dataplane/core/port_spec.h"
#include "dataplane/core/verdict.h"
#include "dataplane/flow_info.h"
#include "dataplane/forwarding_config.h"
#include "dataplane/net/address.h"
#include "dataplane/net/flow_key.h"
#include "dataplane/net/ids.h"
#include "dataplane/tables/connection_timeouts.h"

namespace pollux {

struct DataplaneOptions {
  std::vector<unsigned> worker_cores;   // one worker pinned to each
  net::MacAddress gateway_mac;          // of the switch towards every pod
  std::uint32_t flow_entries = 262144;  // connections, at most
  std::uint32_t pickup_seconds = 60;    // for which TCP connections are picked up after the start
  tables::ConnectionTimeouts timeouts;
  OnPolicyChange on_policy_change = OnPolicyChange::kJudgeEstablished;
};

struct PortInfo {
  net::PortId id;
  core::PortSpec spec;
  core::PortStatus status;
  net::MacAddress mac;            // the peer's on TAP, the device's on ethdev
  std::vector<unsigned> workers;  // which worker polls receive queue i
};

// Counters of a port, summed over the workers. Drops by index of core::DropReason.
struct PortTotals {
  std::uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  std::uint64_t answered = 0, generated = 0, audited = 0, rx_cycles = 0;
  std::array<std::uint64_t, core::kDropReasonCount> drops{};
};

struct WorkerInfo {
  unsigned core = 0;
  std::uint64_t loops = 0;
  std::uint64_t packets = 0;         // received
  std::uint64_t bursts = 0;          // non-empty
  std::uint64_t busy_cycles = 0;     // TSC cycles spent on non-empty bursts
  std::uint64_t longest_gap_ns = 0;  // between two passes of the loop's top, while awake
  std::uint64_t sleeps = 0;          // times it waited for a notification
  bool asleep = false;
  std::vector<std::string> polled_ports;  // ports without a descriptor, which keep it polling
};

struct NeighbourInfo {
  net::PortId port;
  net::IpAddress ip;
  net::MacAddress mac;
  std::string state;  // "reachable", "resolving", "failed"
};

// Which packet is asked about: the first of a connection. ICMP: an echo request.
struct ExplainQuery {
  net::PortId ingress;  // kNoPort: that of the source's endpoint, else where the route to it leads
  net::FlowTuple tuple;
};

// What the steps say about it, in order, each with a text for a person.
struct Explanation {
  struct Step {
    core::StepId step{};
    std::string text;
  };
  net::Revision revision;                             // of the tables
  core::Verdict verdict = core::Verdict::Continue();  // of the last step
  net::PortId ingress;
  net::PortId egress;  // kNoPort: not known when it ended
  // As the packet leaves, where the steps came so far.
  net::FlowTuple translated;
  std::vector<Step> steps;
};

class Dataplane {
 public:
  // EAL must have been initialised (eal.h). Starts the workers. ResourceExhausted if the connection
  // table does not fit DPDK's memory.
  static absl::StatusOr<std::unique_ptr<Dataplane>> Start(const DataplaneOptions& options);
  // Stops the workers and destroys the ports; persistent devices stay (tap).
  ~Dataplane();
  Dataplane(const Dataplane&) = delete;
  Dataplane& operator=(const Dataplane&) = delete;

  // The port receives from now on, but forwards nothing until a published endpoint or route names
  // it. AlreadyExists for a name in use; InvalidArgument names the field.
  absl::StatusOr<net::PortId> AddPort(const core::PortSpec& spec);
  // Returns when no worker knows it any more and its peer is gone. Publish a configuration without
  // it first.
  absl::Status RemovePort(net::PortId port);
  // Has `worker` poll the receive queue from now on.
  absl::Status MoveQueue(net::PortId port, unsigned queue, unsigned worker);

  // Swaps in the whole forwarding state; returns when every worker has it. InvalidArgument (and no
  // change) for unknown ports or duplicate addresses. Announces new addresses (gratuitous ARP,
  // unsolicited NA) on the ports concerned.
  absl::Status Publish(const ForwardingConfig& config, net::Revision revision);
  [[nodiscard]] net::Revision live_revision() const;

  [[nodiscard]] std::vector<PortInfo> Ports() const;
  [[nodiscard]] std::optional<PortTotals> Totals(net::PortId port) const;
  [[nodiscard]] std::vector<WorkerInfo> Workers() const;
  [[nodiscard]] std::vector<NeighbourInfo> Neighbours() const;
  [[nodiscard]] net::MacAddress gateway_mac() const;

  // Connections: at most `limit` of those that match.
  [[nodiscard]] FlowList Flows(const FlowQuery& query, std::size_t limit) const;
  // Ends those that match, and says how many: their next packets are first packets.
  std::uint64_t FlushFlows(const FlowQuery& query);
  [[nodiscard]] FlowTableInfo FlowTable() const;

  // What would become of a packet; none is sent and nothing is counted (explain.h).
  [[nodiscard]] absl::StatusOr<Explanation> Explain(const ExplainQuery& query) const;

  // The subscription is live while the pointer is held: the last release waits for the workers.
  std::shared_ptr<core::Subscription> Subscribe(const core::ObservationFilter& filter);

 private:
  class Impl;
  explicit Dataplane(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pollux
