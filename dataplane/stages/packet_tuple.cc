#include "dataplane/stages/packet_tuple.h"

namespace pollux::stages {

IcmpRole IcmpRoleOf(net::IpProtocol protocol, std::uint8_t type) {
  if (protocol == net::IpProtocol::kIcmpv6) {
    return type == net::Icmpv6Type::kEchoRequest         ? IcmpRole::kRequest
           : type == net::Icmpv6Type::kEchoReply         ? IcmpRole::kReply
           : type < net::Icmpv6Type::kFirstInformational ? IcmpRole::kError
                                                         : IcmpRole::kOther;
  }
  switch (type) {
    case net::IcmpType::kEchoRequest:
      return IcmpRole::kRequest;
    case net::IcmpType::kEchoReply:
      return IcmpRole::kReply;
    case net::IcmpType::kDestinationUnreachable:
    case net::IcmpType::kTimeExceeded:
    case net::IcmpType::kParameterProblem:
      return IcmpRole::kError;
    default:
      return IcmpRole::kOther;
  }
}

net::FlowTuple AddressesOf(core::Packet& packet) {
  const bool v4 = packet.ip == core::IpVersion::k4;
  return {.source = v4 ? net::IpAddress(packet.ipv4().source) : packet.ipv6().source,
          .destination = v4 ? net::IpAddress(packet.ipv4().destination) : packet.ipv6().destination,
          .protocol = packet.protocol,
          .zone = {}};
}

net::FlowTuple TupleOf(core::Packet& packet, net::Zone zone) {
  net::FlowTuple tuple = AddressesOf(packet);
  const PortPair ports = PortsAt(packet.protocol, packet.head + packet.l4_offset);
  tuple.source_port = ports.source;
  tuple.destination_port = ports.destination;
  tuple.zone = zone;
  return tuple;
}

}  // namespace pollux::stages
