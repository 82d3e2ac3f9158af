// The seam of control/state on the real packet side: every call passed on.
// Threading: as Dataplane.
#pragma once

#include <memory>
#include <utility>

#include "control/state/switch.h"
#include "dataplane/dataplane.h"

namespace pollux::control {

class DataplaneSwitch final : public Switch {
 public:
  explicit DataplaneSwitch(std::unique_ptr<Dataplane> dataplane)
      : dataplane_(std::move(dataplane)) {}

  absl::StatusOr<net::PortId> AddPort(const core::PortSpec& spec) override {
    return dataplane_->AddPort(spec);
  }
  absl::Status RemovePort(net::PortId port) override { return dataplane_->RemovePort(port); }
  absl::Status MoveQueue(net::PortId port, unsigned queue, unsigned worker) override {
    return dataplane_->MoveQueue(port, queue, worker);
  }
  absl::Status Publish(const ForwardingConfig& config, net::Revision revision) override {
    return dataplane_->Publish(config, revision);
  }
  [[nodiscard]] std::vector<PortInfo> Ports() const override { return dataplane_->Ports(); }
  [[nodiscard]] std::optional<PortTotals> Totals(net::PortId port) const override {
    return dataplane_->Totals(port);
  }
  [[nodiscard]] std::vector<WorkerInfo> Workers() const override { return dataplane_->Workers(); }
  [[nodiscard]] std::vector<NeighbourInfo> Neighbours() const override {
    return dataplane_->Neighbours();
  }
  [[nodiscard]] net::MacAddress gateway_mac() const override { return dataplane_->gateway_mac(); }
  [[nodiscard]] FlowList Flows(const FlowQuery& query, std::size_t limit) const override {
    return dataplane_->Flows(query, limit);
  }
  std::uint64_t FlushFlows(const FlowQuery& query) override {
    return dataplane_->FlushFlows(query);
  }
  [[nodiscard]] FlowTableInfo FlowTable() const override { return dataplane_->FlowTable(); }
  [[nodiscard]] absl::StatusOr<Explanation> Explain(const ExplainQuery& query) const override {
    return dataplane_->Explain(query);
  }
  std::shared_ptr<core::Subscription> Subscribe(const core::ObservationFilter& filter) override {
    return dataplane_->Subscribe(filter);
  }

 private:
  const std::unique_ptr<Dataplane> dataplane_;
};

}  // namespace pollux::control
