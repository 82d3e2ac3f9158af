// ICMP errors about a packet, made in place.
//
// The error is the packet itself with new headers in front: an Ethernet, IP and ICMP header are
// written into the headroom, what was the packet's IP header becomes the quotation. Only the
// private head is quoted (at most 114 bytes of the packet: RFC 792 asks for 28, RFC 1812 and
// RFC 4443 for more where possible), since payload is foreign memory and is read once, by the copy.
//
// The source is an address that the sender may get packets from and that tells where the error
// arose (RFC 1812 section 4.3.2.4, RFC 4443 section 2.2): the ingress port's own global address;
// without one the gateway's (169.254.1.1, fe80::1) towards an endpoint behind that port, where it
// stays on the link; towards anybody farther away the packet's own destination, since link-local
// sources must not leave the node and a missing error is a black hole (RFC 2923 section 2.1). Port
// unreachable speaks for the destination itself.
//
// No error is made about ICMP errors, multicast or broadcast (in Ethernet or IP), later fragments,
// sources that are no single host, nor beyond the ingress port's rate (RFC 1122 section 3.2.2,
// RFC 4443 section 2.4).
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

enum class IcmpError : std::uint8_t {
  kTimeExceeded,
  kTooBig,           // IPv4 fragmentation needed (RFC 1191), IPv6 packet too big (RFC 8201)
  kNoRoute,          // network unreachable / no route
  kHostUnreachable,  // the next hop does not answer / address unreachable
  kPortUnreachable,  // nobody serves that port
};

// Turns `packet` into the error towards its sender if one may be made: DropAnswer(reason) with the
// egress set, else Drop(reason). `mtu` only for kTooBig: of the next hop, in L3 bytes.
core::Verdict AnswerWithError(Context& ctx, core::Packet& packet, IcmpError error,
                              core::DropReason reason, std::uint16_t mtu = 0);

}  // namespace pollux::stages
