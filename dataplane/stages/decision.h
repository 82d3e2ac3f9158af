// What the first packet's path finds out about a connection, step by step, before it is kept.
//
// The steps work on the tuple, not on the packet: so a connection is decided again in the same way
// when a reply comes first after a change, and a question (vswitchctl why) needs no packet.
// Threading: owned by one worker.
#pragma once

#include "dataplane/net/flow_key.h"
#include "dataplane/tables/connection_table.h"
#include "dataplane/tables/tables.h"

namespace pollux::stages {

// Where an address is: an endpoint, or behind a next hop; neither if nobody knows.
struct Way {
  const tables::Endpoint* endpoint = nullptr;
  const tables::NextHop* next_hop = nullptr;

  [[nodiscard]] bool known() const { return endpoint != nullptr || next_hop != nullptr; }
  [[nodiscard]] net::PortId port() const {
    return endpoint != nullptr   ? endpoint->port
           : next_hop != nullptr ? next_hop->port
                                 : net::kNoPort;
  }
  [[nodiscard]] net::ObjectId object() const {
    return endpoint != nullptr   ? endpoint->object
           : next_hop != nullptr ? next_hop->object
                                 : net::ObjectId{};
  }
};

Way FindWay(const tables::Tables& tables, const net::IpAddress& ip);
// Of the way's next hop, if it is known now; else 0.
tables::AdjacencyId AdjacencyOf(const tables::Tables& tables, const Way& way,
                                const net::IpAddress& ip);

struct Decision {
  net::PortId ingress;        // of the first packet
  net::FlowTuple original;    // as it comes
  net::FlowTuple translated;  // as it leaves
  Way source;
  Way destination;  // of `translated`
};

// What is kept of it.
tables::ConnectionDraft DraftOf(const tables::Tables& tables, const core::Epochs& epochs,
                                const Decision& decision);

}  // namespace pollux::stages
