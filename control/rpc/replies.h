// Answers that are a picture of one moment: what is configured and what became of it.
// Threading: any control thread.
#pragma once

#include <string>
#include <string_view>

#include "control/proto/vswitch/v1/vswitch.pb.h"
#include "control/state/controller.h"

namespace pollux::control {

namespace api = ::vswitch::v1;

// Of ListRequest; NotFound if a name is given that nothing has, InvalidArgument for an owner or
// prefix that cannot be.
absl::Status ListPorts(const api::ListRequest& request, const Snapshot& snapshot,
                       const Switch& packet_side, api::ListPortsReply* reply);
absl::Status ListEndpoints(const api::ListRequest& request, const Snapshot& snapshot,
                           api::ListEndpointsReply* reply);
absl::Status ListRoutes(const api::ListRequest& request, const Snapshot& snapshot,
                        api::ListRoutesReply* reply);
absl::Status ListServices(const api::ListRequest& request, const Snapshot& snapshot,
                          api::ListServicesReply* reply);
absl::Status ListPolicies(const api::ListRequest& request, const Snapshot& snapshot,
                          api::ListPoliciesReply* reply);
absl::Status ListNeighbours(const Snapshot& snapshot, const Switch& packet_side,
                            api::ListNeighboursReply* reply);
absl::Status GetConfig(const api::GetConfigRequest& request, const Snapshot& snapshot,
                       api::GetConfigReply* reply);

// What vswitchd knows of itself.
struct ProcessInfo {
  std::string version;
  double uptime_seconds = 0;
  double seconds_to_forwarding = 0;
};
void FillStatus(const ProcessInfo& process, const Snapshot& snapshot,
                std::string_view state_problem, const Switch& packet_side,
                api::GetStatusReply* reply);

void ToProto(const Change& change, api::Change* proto);
void ToProto(const WorkerInfo& info, std::uint32_t index, api::Worker* proto);

// The name of a port of the packet path; empty for none.
std::string PortNameOf(const Snapshot& snapshot, net::PortId id);

}  // namespace pollux::control
