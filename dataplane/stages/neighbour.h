// Next hops on the wire: who has this address, and what waits for the answer.
//
// The control side owns the table of neighbours (tables::NeighbourTable). A worker that needs one
// keeps the packet (PendingPackets), asks on the wire and tells the control side, which retries,
// gives up after a while and ages entries; a worker that hears an answer tells the control side,
// which publishes it; then the waiting packets leave.
// Threading: one worker.
#pragma once

#include "dataplane/stages/context.h"

namespace pollux::stages {

// Writes the Ethernet destination for `next_hop` on `egress` into the packet, or keeps the packet
// (Consumed) and asks, or drops it (neighbour_pending, neighbour_failed with the ICMP error).
core::Verdict ResolveNextHop(Context& ctx, core::Packet& packet, const tables::PortEntry& egress,
                             const net::IpAddress& next_hop);

// An ARP request (RFC 826) or neighbour solicitation (RFC 4861) for `target` on `egress`, from the
// port's own address, added to worker.generated; nothing if the port has no address of the family.
void GenerateSolicitation(WorkerState& worker, const tables::PortEntry& egress,
                          const net::IpAddress& target);

// A gratuitous ARP (RFC 5227 section 3) or unsolicited neighbour advertisement (RFC 4861 section
// 7.2.6) that says on `egress` that `address` is at `mac`.
void GenerateAnnouncement(WorkerState& worker, const tables::PortEntry& egress,
                          const net::IpAddress& address, const net::MacAddress& mac);

// The source of an advertisement for `target`: the target itself if it is the switch's own on that
// port, else (proxy) an address of the switch there.
net::Ipv6Address AdvertisementSource(const tables::PortEntry& port, const net::Ipv6Address& target);

// What a message on an uplink says about a neighbour.
struct NeighbourSighting {
  net::IpAddress ip;
  net::MacAddress mac;
  bool answers_us = false;  // a reply to a question of this switch
  bool overrides = true;    // may replace another Ethernet address (RFC 4861 section 4.4)
};

// Tells the control side what it does not know yet and may believe: answers, and changes of
// neighbours that are in use. Never addresses off the link, the switch's own or an endpoint's.
// False if nothing was told.
bool LearnNeighbour(Context& ctx, const NeighbourSighting& sighting);

// Called once per loop while packets wait: those whose neighbour is known now go to `ready` (up to
// its size, the rest next time), those that waited longer than kPendingTimeout or whose neighbour
// failed are dropped. Returns how many are ready; they stay valid until the next call.
inline constexpr std::uint64_t kPendingTimeoutNanos = 3'000'000'000;
unsigned CollectResolved(const tables::Tables& tables, WorkerState& worker, net::Nanos now,
                         std::span<core::Packet*> ready);

}  // namespace pollux::stages
