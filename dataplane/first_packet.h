// The first packet of a connection, without data, made in memory: the packet that explain.h asks
// about.
// Threading: plain values.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/core/packet.h"
#include "dataplane/net/address.h"
#include "dataplane/net/flow_key.h"

namespace pollux {

// With the memory that its head lies in.
struct FirstPacket {
  FirstPacket() = default;
  FirstPacket(const FirstPacket&) = delete;
  FirstPacket& operator=(const FirstPacket&) = delete;

  std::array<std::uint8_t, core::kHeadroomBytes + core::kHeaderBytes> bytes{};
  core::Packet packet;
};

struct FirstPacketTerms {
  net::MacAddress ethernet_source;
  net::MacAddress ethernet_destination;
  // Both addresses of one family. ICMP: an echo request, of the identifier that is the source port.
  net::FlowTuple tuple;
};

// As it is after load_headers: a SYN of TCP, an INIT of SCTP.
void WriteFirstPacket(FirstPacket& first, const FirstPacketTerms& terms);

}  // namespace pollux
