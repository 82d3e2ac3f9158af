// A port: where pods, the host and the wire plug in.
//
// The packet path knows ports only through this face. Calls are per burst, never per packet, so a
// virtual call is paid once per up to 64 packets. A port object lives from its addition until a
// grace period after its removal from the tables; what changes under it while it runs (a peer that
// comes and goes, new memory) is the port's own affair, published under RCU (core/rcu.h).
//
// Threading: Receive/Release of a queue are called by the one worker that polls it; Send by any
// worker; the rest as said at each member. No call on the packet path blocks, allocates, locks
// (beyond one try-lock per ring and burst), logs or throws.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/core/batch.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/port_spec.h"
#include "dataplane/net/ids.h"

namespace pollux::core {

// What a destination can take as it is. Frames that it cannot take are segmented by the send step;
// partial checksums are completed by the port itself, over the destination (core/copy.h).
struct PortCapabilities {
  bool checksum = false;  // frames with partial checksums (Offload::needs_checksum)
  bool tso4 = false;      // Gso::kTcp4
  bool tso6 = false;      // Gso::kTcp6
  bool udp_gso = false;   // Gso::kUdp
};

// Where an idle worker waits. `generation` changes whenever fd does, so that a reused descriptor
// number is noticed. fd -1: nothing to wait on, the queue must be polled.
struct WaitHandle {
  int fd = -1;
  std::uint32_t generation = 0;
};

// One receive queue.
class RxQueue {
 public:
  RxQueue() = default;
  RxQueue(const RxQueue&) = delete;
  RxQueue& operator=(const RxQueue&) = delete;
  virtual ~RxQueue() = default;

  // Appends up to what the batch has room for; the worker has called batch.Reset(port). The
  // packets' foreign memory stays valid and un-reused until Release().
  virtual void Receive(Batch& batch) = 0;
  // Gives the buffers of the last Receive() back, in order, and notifies the peer at most once.
  virtual void Release(Batch& batch) = 0;

  // Idling: Arm asks the peer for notifications and returns true if work is there already (then do
  // not sleep); Disarm takes that back. Called by the queue's worker. wait_handle() may have been
  // signalled for old work; the worker drains it with AcknowledgeWake().
  virtual bool Arm() { return false; }
  virtual void Disarm() {}
  virtual void AcknowledgeWake() {}
  [[nodiscard]] virtual WaitHandle wait_handle() const { return {}; }
  // True where polling costs a system call (TAP): the busy loop then reads it only after its
  // descriptor reported data.
  [[nodiscard]] virtual bool poll_costs_syscall() const { return false; }
};

// What `vswitchctl port show` tells. Built by the control side.
struct PortStatus {
  bool link_up = false;
  std::string state;  // "connected", "listening", "quarantined: region shrank", ...
  std::vector<std::pair<std::string, std::string>> details{};  // in order, for a person
  net::MacAddress mac{};  // of the peer, where the switch made the device (TAP); zero: unknown
};

class Port {
 public:
  Port(net::PortId id, PortSpec spec, unsigned worker_count)
      : id_(id), spec_(std::move(spec)), counters_(worker_count) {}
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  virtual ~Port() = default;

  [[nodiscard]] net::PortId id() const { return id_; }
  [[nodiscard]] const PortSpec& spec() const { return spec_; }

  // Fixed for the life of the port (queues that the peer does not use stay empty).
  [[nodiscard]] virtual unsigned rx_queue_count() const = 0;
  [[nodiscard]] virtual RxQueue& rx_queue(unsigned index) = 0;

  // Moves the frames to the peer, in order, and notifies it at most once. A frame that could not be
  // delivered is left with its drop reason set (step "send"); all others were delivered whole.
  // Frames fit the port's MTU or carry a Gso that capabilities() allow. `packets` are not empty.
  virtual void Send(net::WorkerId worker, std::span<Packet* const> packets) = 0;

  // Any thread; may change when the peer reconnects.
  [[nodiscard]] virtual PortCapabilities capabilities() const = 0;

  // Control side.
  [[nodiscard]] virtual PortStatus Status() const = 0;
  // The port is being removed for good: what would outlive the switch (a TAP device, so that a
  // restart is not seen by its pod) goes with it. Called before destruction, after the workers have
  // let go; not called when the switch only stops.
  virtual void PrepareRemoval() {}

  // The counters of one worker.
  [[nodiscard]] PortCounters& counters(net::WorkerId worker) { return counters_[worker.value()]; }
  [[nodiscard]] const std::vector<PortCounters>& all_counters() const { return counters_; }

 private:
  const net::PortId id_;
  const PortSpec spec_;
  std::vector<PortCounters> counters_;
};

}  // namespace pollux::core
