// Network address translation: a packet gets the tuple with which its connection leaves.
//
// Checksums are kept by differences that were computed once per connection (RFC 1624), so right
// ones stay right and wrong ones wrong:
//  - the IP header's, by that of the addresses;
//  - a complete L4 checksum, by that of addresses and ports; UDP's zero stays (RFC 768);
//  - a partial one (virtio NEEDS_CSUM, large frames among them), which holds the pseudo-header's
//    sum, by that of the addresses;
//  - SCTP's CRC, by what the ports' difference adds to it (net/crc32c.h). In a first fragment the
//    length of the whole is not known: follow_sctp drops those whose ports change.
// ICMP errors are translated together with the packet that they quote (RFC 5508 section 4.2), so
// that its sender knows it again.
// Threading: one worker.
#pragma once

#include "dataplane/core/packet.h"
#include "dataplane/stages/quoted.h"
#include "dataplane/tables/connection.h"

namespace pollux::stages {

// `packet` is of the direction.
void Translate(core::Packet& packet, tables::Direction& direction);

// `error` quotes a packet of the opposite of `against`, as that one left, and goes to where packets
// of `against` go.
void TranslateError(core::Packet& error, const Quoted& quoted, tables::Direction& against);

}  // namespace pollux::stages
