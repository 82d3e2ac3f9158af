// The control side of next hops on the wire: asks, gives up, confirms, forgets.
//
//   (unknown) --wanted--> resolving --answer--> reachable --30 s, in use--> confirming --answer-->
//                             |                     |                            |    reachable
//                     3 s in vain            30 s, not in use             3 s in vain
//                             v                     v                            v
//                          failed --5 s-->      (unknown)                    (unknown)
//
// The worker that wants a neighbour has asked once when it says so. What is confirming stays usable
// meanwhile. While a neighbour is failed its packets are dropped with an ICMP error instead of
// asking for each (RFC 1122 section 2.3.2.1); then it may be wanted again.
//
// A pure state machine: the caller brings the events and the clock, sends the solicitations and
// publishes the table. Threading: one thread at a time (the caller's lock).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "dataplane/adjacency_ids.h"
#include "dataplane/dataplane.h"
#include "dataplane/stages/worker_state.h"
#include "dataplane/tables/tables.h"

namespace pollux {

class NeighbourManager {
 public:
  static constexpr std::uint64_t kRetryNanos = 1'000'000'000;
  static constexpr unsigned kMostAsked = 3;
  static constexpr std::uint64_t kConfirmNanos = 30'000'000'000;
  static constexpr std::uint64_t kFailedNanos = 5'000'000'000;
  // Per port; beyond it nothing new is resolved, so that a scan fills no memory.
  static constexpr std::size_t kMostPerPort = 4096;

  struct Solicitation {
    net::PortId port;
    net::IpAddress ip;
    friend bool operator==(const Solicitation&, const Solicitation&) = default;
  };

  explicit NeighbourManager(AdjacencyIds& adjacencies) : adjacencies_(adjacencies) {}

  // What a worker told. Answers of neighbours that nobody wanted are ignored.
  void Handle(const stages::NeighbourEvent& event, net::Nanos now);
  // Lets time pass: a few times a second.
  void Tick(net::Nanos now);
  void ForgetPort(net::PortId port);

  // What is to be asked on the wire now; once.
  std::vector<Solicitation> TakeSolicitations();
  // Has Table() changed since the last call?
  bool TakeChanged();
  // To be published: reachable, confirming and failed neighbours. The manager keeps looking at the
  // last one, in which workers mark what they use.
  std::shared_ptr<const tables::NeighbourTable> Table();

  [[nodiscard]] std::vector<NeighbourInfo> List() const;

 private:
  enum class State : std::uint8_t { kResolving, kReachable, kConfirming, kFailed };
  struct Entry {
    State state = State::kResolving;
    net::MacAddress mac;
    net::Nanos deadline;  // of the state, or of the next question
    unsigned asked = 1;
    tables::AdjacencyId adjacency = 0;
    bool used = false;  // since it was last confirmed, as far as seen in tables that were replaced
  };
  using Entries = std::map<net::IpAddress, Entry>;

  void Want(net::PortId port, const net::IpAddress& ip, net::Nanos now);
  void Learn(net::PortId port, const net::IpAddress& ip, const net::MacAddress& mac,
             net::Nanos now);
  bool TakeUsed(net::PortId port, const net::IpAddress& ip, Entry& entry);
  // False: forget it.
  bool OnDeadline(net::PortId port, const net::IpAddress& ip, Entry& entry, net::Nanos now);
  void Ask(net::PortId port, const net::IpAddress& ip, Entry& entry, net::Nanos now);

  AdjacencyIds& adjacencies_;
  std::map<net::PortId, Entries> ports_;
  std::vector<Solicitation> solicitations_;
  bool changed_ = false;
  std::shared_ptr<const tables::NeighbourTable> published_ =
      std::make_shared<const tables::NeighbourTable>();
};

}  // namespace pollux
