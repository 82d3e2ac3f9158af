// What one worker remembers between bursts: no other thread touches it, except the ring to control.
// Threading: owned by one worker; `events` is popped by the control side.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/core/batch.h"
#include "dataplane/core/spsc_ring.h"
#include "dataplane/net/address.h"
#include "dataplane/net/ids.h"
#include "dataplane/stages/flows.h"
#include "dataplane/stages/generated.h"
#include "dataplane/stages/pending.h"
#include "dataplane/stages/rate_limit.h"
#include "dataplane/stages/segment.h"

namespace pollux::stages {

// What a worker tells the control side about neighbours on uplinks.
struct NeighbourEvent {
  enum class Kind : std::uint8_t {
    kWanted,   // packets wait for it: ask (and keep asking) for its Ethernet address
    kLearned,  // it answered or announced itself
  };
  Kind kind{};
  net::PortId port;
  net::IpAddress ip;
  net::MacAddress mac;  // kLearned
};

struct WorkerState {
  // `known`: null where no connections are kept (tests of single steps, explain).
  explicit WorkerState(net::WorkerId worker, Flows* known = nullptr) : id(worker), flows(known) {}

  const net::WorkerId id;
  Flows* const flows;
  unsigned renewals_left = 0;        // in this pass (find_connection.h)
  std::uint64_t burst_sequence = 0;  // numbers the bursts, and so the packets, for observers
  ErrorRateLimiter icmp_errors;      // per ingress port
  PendingPackets pending;            // packets that wait for a neighbour, in private copies
  Segmenter segmenter;               // scratch of send
  GeneratedFrames generated;         // frames that the switch makes on its own
  core::SpscRing<NeighbourEvent> events{256};
  bool events_pushed = false;  // since the control side was last told

  // Lost if the ring is full: the need or the announcement comes again.
  void Tell(const NeighbourEvent& event) { events_pushed |= events.TryPush(event); }
};

}  // namespace pollux::stages
