// The packet that an ICMP error is about, as far as the error quotes it.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/core/packet.h"
#include "dataplane/net/flow_key.h"

namespace pollux::stages {

struct Quoted {
  net::FlowTuple tuple;
  std::uint8_t l3_offset = 0;  // from the first byte of the head
  std::uint8_t l4_offset = 0;
};

// Of its IP header and the first 8 bytes behind it, which is all that RFC 792 asks for. None if
// that is not there or is a later fragment's.
std::optional<Quoted> QuotedBy(const core::Packet& error, net::Zone zone);

}  // namespace pollux::stages
