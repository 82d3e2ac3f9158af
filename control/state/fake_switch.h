// A packet side without packets, for tests of everything above it.
//
// Keeps Dataplane's contract (dataplane/dataplane.h) to the letter: no port twice, no resource of
// the machine twice, no removal of a port that is in use, no forwarding to a port that is not
// there. Numbers of ports are used again as soon as they are free, so that a stale one is noticed.
// It remembers every call in words and refuses what a test tells it to.
// Threading: any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "control/state/switch.h"

namespace pollux::control {

class FakeSwitch final : public Switch {
 public:
  absl::StatusOr<net::PortId> AddPort(const core::PortSpec& spec) override;
  absl::Status RemovePort(net::PortId port) override;
  absl::Status MoveQueue(net::PortId port, unsigned queue, unsigned worker) override;
  absl::Status Publish(const ForwardingConfig& config, net::Revision revision) override;
  [[nodiscard]] std::vector<PortInfo> Ports() const override;
  [[nodiscard]] std::optional<PortTotals> Totals(net::PortId port) const override;
  [[nodiscard]] std::vector<WorkerInfo> Workers() const override;
  [[nodiscard]] std::vector<NeighbourInfo> Neighbours() const override;
  [[nodiscard]] net::MacAddress gateway_mac() const override;
  [[nodiscard]] FlowList Flows(const FlowQuery& query, std::size_t limit) const override;
  std::uint64_t FlushFlows(const FlowQuery& query) override;
  [[nodiscard]] FlowTableInfo FlowTable() const override;
  [[nodiscard]] absl::StatusOr<Explanation> Explain(const ExplainQuery& query) const override;
  std::shared_ptr<core::Subscription> Subscribe(const core::ObservationFilter& filter) override;

  // From now on calls that begin as `call` does in TakeCalls() fail with `status`; with OK they
  // are let through again.
  void Refuse(const std::string& call, const absl::Status& status);

  // Since the last time: "add web", "publish 7: web@web 10.0.0.0/8@uplink", "remove web",
  // "move web 0 to 1". Refused calls end in "!".
  std::vector<std::string> TakeCalls();

  // Calls so far that broke the contract: refused, and never made by a caller without a fault.
  [[nodiscard]] unsigned breaches() const;

  // What the workers have, in the words of "publish".
  [[nodiscard]] std::string forwarding() const;
  [[nodiscard]] net::Revision revision() const;
  [[nodiscard]] ForwardingConfig config() const;

  // Counters that the next readers see. The port must be there.
  void SetTotals(const std::string& port, const PortTotals& totals);
  void SetWorkers(std::vector<WorkerInfo> workers);
  void SetNeighbours(std::vector<NeighbourInfo> neighbours);
  // What every query finds.
  void SetFlows(std::vector<FlowInfo> flows);
  // The last one that was asked for.
  [[nodiscard]] FlowQuery flow_query() const;

 private:
  struct Installed {
    core::PortSpec spec;
    PortTotals totals;
    std::vector<unsigned> workers;
  };

  // All with the mutex held.
  absl::Status Record(std::string call);
  absl::Status Breach(absl::Status status);
  [[nodiscard]] std::string NameOf(net::PortId port) const;
  [[nodiscard]] std::string Words(const ForwardingConfig& config) const;
  [[nodiscard]] bool Uses(net::PortId port) const;

  mutable std::mutex mutex_;  // guards everything
  std::map<net::PortId, Installed> ports_;
  ForwardingConfig config_;
  net::Revision revision_;
  std::vector<WorkerInfo> workers_{WorkerInfo{.core = 2}, WorkerInfo{.core = 3}};
  std::vector<NeighbourInfo> neighbours_;
  std::vector<FlowInfo> flows_;
  mutable FlowQuery flow_query_;
  std::map<std::string, absl::Status> refused_;
  std::vector<std::string> calls_;
  unsigned breaches_ = 0;
};

}  // namespace pollux::control
