// A whole switch without a thread: the journey, the tables as the control side builds them, and the
// neighbours' state machine, over fake ports and with a clock that the test moves.
//
//   pod1     10.0.0.10, 10.0.0.110, fd00::10 at kPodMac
//   pod2     10.0.0.11, fd00::11, and 192.0.2.50, 2001:db8::50, which the wire sees, at
//   kOtherPodMac host     no endpoint; 198.18.0.0/15 is behind it uplink   192.0.2.1/24 and
//   2001:db8::1/64 at kUplinkMac; 198.51.100.0/24 via 192.0.2.9 and
//            2001:db8:3::/48 via 2001:db8::9
// Threading: tests.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/dataplane.h"
#include "dataplane/forwarding.h"
#include "dataplane/neighbours.h"
#include "test/packet/frames.h"
#include "vhost/fake_port.h"

namespace pollux::stages::testing {

inline constexpr net::PortId kPod1 = kPod;
inline constexpr net::PortId kPod2 = kOtherPod;

struct SwitchOptions {
  std::uint16_t pod1_mtu = 1500;
  std::uint16_t pod2_mtu = 1500;
  std::uint16_t uplink_mtu = 1500;
  std::uint32_t connections = 1024;
  std::uint64_t pickup_milliseconds = 60'000;
  OnPolicyChange on_policy_change = OnPolicyChange::kJudgeEstablished;
};

class PacketSwitch {
 public:
  explicit PacketSwitch(const SwitchOptions& options = {});

  [[nodiscard]] vhost::FakePort& port(net::PortId id) { return *ports_.at(id); }
  [[nodiscard]] tables::ConnectionTable& connections() { return *connections_; }
  // What forwards; Publish() after a change.
  ForwardingConfig config;
  void Publish();
  // The port leaves the tables, as between the removal of a port and the workers' next look.
  void Forget(net::PortId id);

  // Carries everything that waits at the ports to its end, and what follows from it.
  void Run();
  // Lets time pass, in steps in which the control side looks at its neighbours.
  void Advance(std::uint64_t milliseconds);

  // By reason's name, over all ports; without those that are 0.
  [[nodiscard]] std::map<std::string, std::uint64_t> Drops() const;
  // received + generated - (sent + answered + dropped): 0 at any rest.
  [[nodiscard]] std::int64_t Imbalance() const;

 private:
  void BuildTables();
  void SweepConnections();
  void AddPort(net::PortId id, core::PortSpec spec);
  bool PollPorts();
  void RunBurst(core::RxQueue& queue, const tables::PortEntry& ingress);
  // What the worker tells the control side, and what that answers.
  void RunNeighbours();
  void SendHeldFrames();

  net::Nanos now_{1'000'000'000};
  std::map<net::PortId, std::unique_ptr<vhost::FakePort>> ports_;
  std::vector<PortView> views_;
  core::Rcu rcu_{1};
  std::unique_ptr<tables::ConnectionTable> connections_;
  core::Epochs epochs_{1024};
  tables::AffinityTable affinity_{64};
  tables::FragmentTable fragments_{{.capacity = 16, .quota_per_port = 8}};
  Flows flows_;
  AdjacencyIds adjacencies_;
  Forwarding forwarding_;
  std::unique_ptr<tables::Tables> tables_;
  NeighbourManager neighbours_{adjacencies_};
  std::shared_ptr<const tables::NeighbourTable> neighbour_table_;
  WorkerState worker_{net::WorkerId(0), &flows_};
  core::Batch batch_;
};

}  // namespace pollux::stages::testing
