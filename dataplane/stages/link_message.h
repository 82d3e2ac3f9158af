// ARP packets (RFC 826) and neighbour discovery messages (RFC 4861) as they are written: whole
// frames of the switch's own, into a packet's private head.
// Threading: pure functions on the caller's packet.
#pragma once

#include <cstdint>

#include "dataplane/core/packet.h"
#include "dataplane/net/headers.h"

namespace pollux::stages {

struct ArpMessage {
  std::uint16_t operation = 0;
  net::MacAddress sender_mac;  // the frame's Ethernet source, too
  net::Ipv4Address sender_ip;
  net::MacAddress ethernet_destination;
  net::MacAddress target_mac;
  net::Ipv4Address target_ip;
};

// A solicitation or advertisement with the sender's Ethernet address as its option.
struct NeighbourMessage {
  std::uint8_t type = 0;    // Icmpv6Type
  std::uint32_t flags = 0;  // NeighborMessage's
  net::MacAddress mac;      // Ethernet source and option
  net::MacAddress ethernet_destination;
  net::Ipv6Address source;
  net::Ipv6Address destination;
  net::Ipv6Address target;
};

// The packet becomes the message: its head is overwritten, its payload left out. Ports and the
// rest of the packet stay.
void WriteArp(core::Packet& packet, const ArpMessage& message);
void WriteNeighbourMessage(core::Packet& packet, const NeighbourMessage& message);

}  // namespace pollux::stages
