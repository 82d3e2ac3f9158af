// The packet side as the control side needs it: the calls of Dataplane (dataplane/dataplane.h,
// which documents them) behind a seam, so that everything above runs in tests against a fake.
// Threading: as Dataplane: any control thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <vector>

#include "dataplane/dataplane.h"

namespace pollux::control {

class Switch {
 public:
  Switch() = default;
  Switch(const Switch&) = delete;
  Switch& operator=(const Switch&) = delete;
  virtual ~Switch() = default;

  virtual absl::StatusOr<net::PortId> AddPort(const core::PortSpec& spec) = 0;
  virtual absl::Status RemovePort(net::PortId port) = 0;
  virtual absl::Status MoveQueue(net::PortId port, unsigned queue, unsigned worker) = 0;
  virtual absl::Status Publish(const ForwardingConfig& config, net::Revision revision) = 0;

  [[nodiscard]] virtual std::vector<PortInfo> Ports() const = 0;
  [[nodiscard]] virtual std::optional<PortTotals> Totals(net::PortId port) const = 0;
  [[nodiscard]] virtual std::vector<WorkerInfo> Workers() const = 0;
  [[nodiscard]] virtual std::vector<NeighbourInfo> Neighbours() const = 0;
  [[nodiscard]] virtual net::MacAddress gateway_mac() const = 0;
  [[nodiscard]] virtual FlowList Flows(const FlowQuery& query, std::size_t limit) const = 0;
  virtual std::uint64_t FlushFlows(const FlowQuery& query) = 0;
  [[nodiscard]] virtual FlowTableInfo FlowTable() const = 0;
  [[nodiscard]] virtual absl::StatusOr<Explanation> Explain(const ExplainQuery& query) const = 0;
  virtual std::shared_ptr<core::Subscription> Subscribe(const core::ObservationFilter& filter) = 0;
};

}  // namespace pollux::control
