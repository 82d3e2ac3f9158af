// Stable numbers for what kept decisions refer to, and the news of their changes.
//
// Configuration names its objects; the packet path knows them by number (core::Epochs,
// adjacencies), and the numbers must outlive every snapshot in which the object is. The book gives
// a number to what is new before it is published, and after the workers have the new snapshot it
// tells the epochs what changed and takes back the numbers of what is gone. Threading: one thread
// at a time (the caller's lock).
#pragma once

#include <absl/status/status.h>

#include <map>
#include <string>

#include "dataplane/adjacency_ids.h"
#include "dataplane/core/epochs.h"
#include "dataplane/dataplane.h"

namespace pollux {

class ObjectBook {
 public:
  struct EndpointIds {
    net::ObjectId object{};
    tables::AdjacencyId adjacency = 0;
  };

  ObjectBook(core::Epochs& epochs, AdjacencyIds& adjacencies)
      : epochs_(epochs), adjacencies_(adjacencies) {}

  // Before `config` is published. ResourceExhausted if there are too many; Settle() with the
  // configuration that stays gives back what was taken.
  absl::Status Admit(const ForwardingConfig& config);
  // When every worker has `after` instead of `before`.
  void Settle(const ForwardingConfig& before, const ForwardingConfig& after);

  void AdmitPort(net::PortId port) { ports_[port] = adjacencies_.Allocate(); }
  void ForgetPort(net::PortId port);

  // Zero for what was not admitted.
  [[nodiscard]] EndpointIds OfEndpoint(const std::string& name) const;
  [[nodiscard]] net::ObjectId OfRoute(const net::IpPrefix& prefix) const;
  [[nodiscard]] tables::AdjacencyId OfPort(net::PortId port) const;

 private:
  void Forget(const ForwardingConfig& keep);
  // The longest route that contains `prefix`, other than its own.
  void BumpCovering(const ForwardingConfig& config, const net::IpPrefix& prefix);

  core::Epochs& epochs_;
  AdjacencyIds& adjacencies_;
  std::map<std::string, EndpointIds> endpoints_;
  std::map<net::IpPrefix, net::ObjectId> routes_;
  std::map<net::PortId, tables::AdjacencyId> ports_;
};

}  // namespace pollux
