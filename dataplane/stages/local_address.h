// Whose address is it, seen from a port? What ARP, neighbour discovery, echo and ICMP errors ask.
// Threading: pure functions on a snapshot.
#pragma once

#include <optional>

#include "dataplane/net/address.h"
#include "dataplane/stages/context.h"
#include "dataplane/tables/tables.h"

namespace pollux::stages {

// How the switch stands to an address that somebody asks for on a port.
enum class Claim : std::uint8_t {
  kNone,      // no answer: somebody else's on that link
  kEndpoint,  // no answer: an endpoint behind that very port has it
  kOwn,       // the switch itself: the gateway's addresses, the port's own
  kProxy,     // somebody whom the port reaches through the switch
};

// The switch's own on this port: the gateway's towards pods and the host, and the port's addresses.
bool IsSwitchAddress(const tables::PortEntry& port, const net::IpAddress& ip);

// Within a subnet of the port's addresses.
bool IsOnLink(const tables::PortEntry& port, const net::IpAddress& ip);

// Pods and the host have the switch as their only neighbour: it claims every address but theirs
// (and other nodes' link-local IPv6 addresses, which nobody forwards). On an uplink it claims,
// beside its own, the endpoints' addresses that the wire takes for neighbours.
Claim ClaimOf(const Context& ctx, const net::IpAddress& ip);

// The port's own address that `target` is a neighbour of, else its first of that family; unset if
// it has none. Pod and host ports have the gateway's.
std::optional<net::IpAddress> SourceTowards(const tables::PortEntry& port,
                                            const net::IpAddress& target);

// Can be the source of one host's packet: not unspecified, loopback, multicast, broadcast or
// reserved (RFC 1122 section 3.2.1.3, RFC 4291 section 2.7).
bool IsHostSource(const net::IpAddress& ip);

}  // namespace pollux::stages
