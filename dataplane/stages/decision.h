// What the first packet's path finds out about a connection, step by step, before it is kept.
//
// The steps work on the tuple, not on the packet: so a connection is decided again in the same way
// when a reply comes first after a change, and a question (vswitchctl why) needs no packet.
// Threading: owned by one worker.
#pragma once

#include "dataplane/net/flow_key.h"
#include "dataplane/tables/connection_table.h"
#include "dataplane/tables/service.h"
#include "dataplane/tables/tables.h"
#include "policy/compiler.h"

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
  // Of a service; the backend of a connection that drains is not known any more.
  const tables::Frontend* frontend = nullptr;
  const tables::Backend* backend = nullptr;
  bool keeps_translation = false;  // decided again: as it was
  policy::Judgement egress_judgement{};
  policy::Judgement ingress_judgement{};
};

// Of a connection that nothing is known about yet.
inline Decision Undecided(net::PortId ingress, const net::FlowTuple& tuple) {
  return {
      .ingress = ingress, .original = tuple, .translated = tuple, .source = {}, .destination = {}};
}

// What is kept of it.
tables::ConnectionDraft DraftOf(const tables::Tables& tables, const core::Epochs& epochs,
                                const Decision& decision);

}  // namespace pollux::stages
