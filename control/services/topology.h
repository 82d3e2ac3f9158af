// Traffic that stays near: the hints of endpoints, as this node has to take them.
// Source: kubernetes.io/docs/reference/networking/virtual-ips/ ("Traffic distribution") and
// .../concepts/services-networking/topology-aware-routing/ ("Safeguards").
// Threading: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/kubernetes/objects.h"
#include "control/services/endpoint_slices.h"

namespace pollux::services {

// Of the node's label topology.kubernetes.io/zone; empty: none.
std::string ZoneOf(const kubernetes::Cluster& cluster, std::string_view node_name);

// If every ready endpoint of an address family is hinted for nodes and one of them for this node,
// only those hinted for it take new connections; else likewise for zones. The others become
// draining: their connections go on, and a Local traffic policy, which knows no hints, still finds
// those of this node.
void FollowHints(std::string_view node_name, std::string_view zone,
                 std::vector<Endpoint>& endpoints);

}  // namespace pollux::services
