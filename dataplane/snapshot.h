// From what the control side says to what the workers read: configuration to tables, pure.
// Threading: pure functions.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <vector>

#include "dataplane/core/port.h"
#include "dataplane/dataplane.h"
#include "dataplane/object_book.h"
#include "dataplane/tables/tables.h"

namespace pollux {

// A port that exists, and what the tables need of it.
struct PortView {
  core::Port* port = nullptr;
  net::MacAddress mac;  // PortStatus::mac
};

// InvalidArgument, naming the object and the field, for unknown ports, an address on two endpoints
// and addresses that no endpoint may have (group, loopback, unspecified, the gateway's).
absl::Status CheckForwarding(const ForwardingConfig& config, const std::vector<PortView>& ports);

// `book` has admitted the configuration and the ports.
std::unique_ptr<tables::Tables> BuildTables(
    const ForwardingConfig& config, const std::vector<PortView>& ports, const ObjectBook& book,
    net::MacAddress gateway_mac, std::shared_ptr<const tables::NeighbourTable> neighbours,
    net::Revision revision);

}  // namespace pollux
