// What is forwarded, from one configuration to the next: which numbers things have, the parts of
// the tables that are made of the configuration alone, and what a change makes stale.
//
// A change goes in three steps: Change() checks and prepares, Build() makes the tables that the
// caller publishes, and Settle(), when every worker has them, tells the epochs.
// Threading: one thread at a time (the caller's lock).
#pragma once

#include <absl/status/status.h>

#include <memory>
#include <vector>

#include "dataplane/identities.h"
#include "dataplane/object_book.h"
#include "dataplane/snapshot.h"
#include "dataplane/tables/service_table_builder.h"

namespace pollux {

class Forwarding {
 public:
  Forwarding(core::Epochs& epochs, AdjacencyIds& adjacencies,
             OnPolicyChange on_policy_change = OnPolicyChange::kJudgeEstablished)
      : epochs_(epochs),
        on_policy_change_(on_policy_change),
        book_(epochs, adjacencies),
        services_(epochs) {}

  // InvalidArgument naming the object and the field, or ResourceExhausted; nothing has changed
  // then.
  absl::Status Change(const ForwardingConfig& config, const std::vector<PortView>& ports);
  [[nodiscard]] std::unique_ptr<tables::Tables> Build(
      const std::vector<PortView>& ports, net::MacAddress gateway_mac,
      std::shared_ptr<const tables::NeighbourTable> neighbours, net::Revision revision) const;
  // What was decided from what is different now is stale. `live`: what Build() made.
  void Settle(const tables::Tables& live);

  void AdmitPort(net::PortId port) { book_.AdmitPort(port); }
  void ForgetPort(net::PortId port) { book_.ForgetPort(port); }
  [[nodiscard]] const ForwardingConfig& config() const { return config_; }
  // That of before the last Change().
  [[nodiscard]] const ForwardingConfig& before() const { return before_; }

 private:
  void SettlePolicies();
  void SettleServices(const tables::Tables& live);

  core::Epochs& epochs_;
  const OnPolicyChange on_policy_change_;
  ObjectBook book_;
  tables::ServiceTableBuilder services_;
  ForwardingConfig config_;
  Identities identities_;
  std::shared_ptr<const tables::Cluster> cluster_ = std::make_shared<const tables::Cluster>();

  // Of the last Change(), for Settle().
  ForwardingConfig before_;
  Identities identities_before_;
  tables::ServiceTableBuilder::Change services_change_;
  std::vector<net::IpAddress> new_frontends_;
};

}  // namespace pollux
