// Connections as the control side sees them: a copy of what the workers know.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/net/address.h"
#include "dataplane/net/flow_key.h"
#include "dataplane/net/ids.h"

namespace pollux {

// Which connections are meant; what is absent matches all.
struct FlowQuery {
  net::PortId port;                   // where either direction comes in; kNoPort: any
  std::optional<net::IpPrefix> host;  // contains one of the addresses, before or after translation
  std::optional<net::IpProtocol> protocol;
  std::optional<std::uint16_t> l4_port;  // one of the ports, before or after translation
};

struct FlowInfo {
  struct Counts {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;  // of frames as they came
  };
  net::FlowTuple original;    // as the first packet came
  net::FlowTuple translated;  // as it left
  net::PortId ingress;
  net::PortId egress;
  std::string state;  // of TCP "syn_sent", "established", ...; else "unanswered", "answered"
  std::uint32_t idle_ms = 0;
  Counts sent;      // in the direction of the first packet
  Counts answered;  // in the other
};

struct FlowList {
  std::vector<FlowInfo> flows;
  std::uint64_t matching = 0;  // of which `flows` may be the first ones only
};

struct FlowTableInfo {
  std::uint32_t connections = 0;
  std::uint32_t limit = 0;
};

}  // namespace pollux
