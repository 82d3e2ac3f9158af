#include "dataplane/stages/quoted.h"

#include "dataplane/stages/packet_tuple.h"

namespace pollux::stages {

std::optional<Quoted> QuotedBy(const core::Packet& error, net::Zone zone) {
  constexpr unsigned kQuotedL4 = 8;
  const unsigned at = error.l4_offset + unsigned{sizeof(net::IcmpHeader)};
  net::FlowTuple tuple{.source = {}, .destination = {}, .zone = zone};
  unsigned l4 = 0;
  if (error.ip == core::IpVersion::k4) {
    const auto* ip = error.HeaderAt<net::Ipv4Header>(at);
    if (ip == nullptr || ip->version() != 4 || ip->header_length() < sizeof *ip ||
        (ip->fragment.value() & net::Ipv4Header::kOffsetMask) != 0) {
      return std::nullopt;
    }
    tuple.source = ip->source;
    tuple.destination = ip->destination;
    tuple.protocol = ip->protocol;
    l4 = at + ip->header_length();
  } else {
    const auto* ip = error.HeaderAt<net::Ipv6Header>(at);
    if (ip == nullptr || ip->version() != 6) {
      return std::nullopt;
    }
    tuple.source = ip->source;
    tuple.destination = ip->destination;
    tuple.protocol = ip->next_header;
    l4 = at + unsigned{sizeof *ip};
  }
  if (l4 + kQuotedL4 > error.head_length) {
    return std::nullopt;
  }
  const PortPair ports = PortsAt(tuple.protocol, error.head + l4);
  tuple.source_port = ports.source;
  tuple.destination_port = ports.destination;
  return Quoted{.tuple = tuple,
                .l3_offset = static_cast<std::uint8_t>(at),
                .l4_offset = static_cast<std::uint8_t>(l4)};
}

}  // namespace pollux::stages
