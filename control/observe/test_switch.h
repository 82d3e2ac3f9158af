// A packet side for the tests of this room: ports are names, subscriptions are real, and what
// Explain finds is given.
// Threading: tests.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "control/state/switch.h"

namespace pollux::control {

class TestSwitch final : public Switch {
 public:
  absl::StatusOr<net::PortId> AddPort(const core::PortSpec& /*spec*/) override {
    return net::PortId{++last_id_};
  }
  absl::Status RemovePort(net::PortId /*port*/) override { return absl::OkStatus(); }
  absl::Status MoveQueue(net::PortId /*port*/, unsigned /*queue*/, unsigned /*worker*/) override {
    return absl::OkStatus();
  }
  absl::Status Publish(const ForwardingConfig& /*config*/, net::Revision /*revision*/) override {
    return absl::OkStatus();
  }
  [[nodiscard]] std::vector<PortInfo> Ports() const override { return {}; }
  [[nodiscard]] std::optional<PortTotals> Totals(net::PortId /*port*/) const override { return {}; }
  [[nodiscard]] std::vector<WorkerInfo> Workers() const override { return {}; }
  [[nodiscard]] std::vector<NeighbourInfo> Neighbours() const override { return {}; }
  [[nodiscard]] net::MacAddress gateway_mac() const override { return {}; }
  [[nodiscard]] FlowList Flows(const FlowQuery& /*query*/, std::size_t /*limit*/) const override {
    return {};
  }
  std::uint64_t FlushFlows(const FlowQuery& /*query*/) override { return 0; }
  [[nodiscard]] FlowTableInfo FlowTable() const override { return {}; }

  [[nodiscard]] absl::StatusOr<Explanation> Explain(const ExplainQuery& query) const override {
    asked = query;
    return explanation;
  }
  std::shared_ptr<core::Subscription> Subscribe(const core::ObservationFilter& filter) override {
    subscribed = filter;
    auto subscription = std::make_shared<core::Subscription>(filter, kWorkers, kRingSize);
    live = subscription;
    return subscription;
  }

  static constexpr unsigned kWorkers = 2;
  static constexpr std::size_t kRingSize = 8;

  absl::StatusOr<Explanation> explanation = Explanation{};
  mutable ExplainQuery asked;
  core::ObservationFilter subscribed;      // the last filter
  std::weak_ptr<core::Subscription> live;  // the last subscription, while it is held

 private:
  std::uint16_t last_id_ = 0;
};

}  // namespace pollux::control
