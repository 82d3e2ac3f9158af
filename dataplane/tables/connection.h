// A connection: what was decided about its first packet, for both directions, ready to be applied.
//
// Theory of operation. A connection is four cache lines: per direction a hot one, which is all that
// a packet of IPv4 UDP reads and writes, and a cold one. A packet's flow key leads to the hot line
// of its direction (ConnectionTable); the other lines are found from there by their place.
// What was decided is never changed once packets can find it: a connection that has to be
// translated or guarded differently is replaced by another. What does change is atomic.
//
// Each direction's lines are written by the worker that its packets came to first (`worker`), and
// read by others. Where another worker gets packets of that direction, too (a port with several
// queues), it counts in `foreign`, so that no packet is counted twice or lost.
// Threading: workers; see each member. Memory is reused a grace period after removal.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/core/counters.h"
#include "dataplane/core/epochs.h"
#include "dataplane/net/flow_key.h"
#include "dataplane/net/ids.h"
#include "dataplane/tables/shared_side.h"

namespace pollux::tables {

// Monotonic time in units of 2^20 ns, about a millisecond: wraps after 52 days, so intervals are
// differences.
using Ticks = std::uint32_t;
constexpr Ticks TicksOf(net::Nanos time) { return static_cast<Ticks>(time.value() >> 20); }
constexpr Ticks TicksOfSeconds(std::uint64_t seconds) {
  return static_cast<Ticks>((seconds * 1'000'000'000) >> 20);
}

struct alignas(64) Direction {
  static constexpr unsigned kObjects = 3;
  static constexpr std::uint8_t kNobody = 0xff;

  // --- Changes while packets find it.
  std::atomic<core::Epochs::Sum> freshness{0};  // of `objects` when it was decided
  std::atomic<Ticks> last_seen{0};
  std::atomic<std::uint32_t> adjacency{0};  // where its packets leave (AdjacencyTable); 0: unknown
  std::atomic<std::uint8_t> worker{kNobody};

  // --- What was decided.
  bool reply : 1 = false;  // the direction that answers
  bool v6 : 1 = false;
  bool translates : 1 = false;  // addresses or ports
  net::PortId ingress;          // packets from anywhere else are somebody else's
  std::array<net::ObjectId, kObjects> objects{};
  // The packet's tuple when it leaves. The other direction's key is its reverse.
  net::Ipv4Address new_source;  // IPv6 addresses: ColdDirection
  net::Ipv4Address new_destination;
  net::Be16 new_source_port;
  net::Be16 new_destination_port;
  // What translation adds to one's-complement sums (translate.h).
  std::uint16_t address_delta = 0;  // to the IP header's, and to a pseudo-header
  std::uint16_t l4_delta = 0;       // to the L4 checksum
  net::IpProtocol protocol{};
  std::uint8_t unused = 0;
  net::Zone zone;

  // --- By `worker`.
  core::Counter packets;
  core::Counter bytes;  // of the frames as they came
};
static_assert(sizeof(Direction) == 64);

struct alignas(64) ColdDirection {
  // IPv6: as new_source and new_destination.
  net::Ipv6Address new_source;
  net::Ipv6Address new_destination;
  SharedSide side;  // what it has sent, of TCP and SCTP
  // Counted by other workers than the direction's own.
  std::atomic<std::uint64_t> foreign_packets{0};
  std::atomic<std::uint64_t> foreign_bytes{0};
};
static_assert(sizeof(ColdDirection) == 64);

struct alignas(256) Connection {
  Direction original;
  Direction reply;
  ColdDirection cold_original;
  ColdDirection cold_reply;
};
static_assert(sizeof(Connection) == 256);

// From a direction to its connection, by where it lies.
inline Connection& ConnectionOf(Direction& direction) {
  return *reinterpret_cast<Connection*>(&direction - (direction.reply ? 1 : 0));
}
inline Direction& OppositeOf(Direction& direction) {
  Connection& connection = ConnectionOf(direction);
  return direction.reply ? connection.original : connection.reply;
}
inline ColdDirection& ColdOf(Direction& direction) {
  Connection& connection = ConnectionOf(direction);
  return direction.reply ? connection.cold_reply : connection.cold_original;
}

}  // namespace pollux::tables
