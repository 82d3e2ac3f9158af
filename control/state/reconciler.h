// Brings the switch from what it has to what it should have.
//
// Knows what is installed: the ports that could be made, with their ids, and the forwarding that
// the workers have. Two ways: Transit is all or nothing, for requests; Converge does what it can,
// for the start, for retries and for the way back from a failed Transit. Threading: one thread at a
// time (the controller serialises).
#pragma once

#include <absl/status/status.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/state/diff.h"
#include "control/state/state.h"
#include "control/state/switch.h"

namespace pollux::control {

// A port that should be there and could not be made.
struct PortFailure {
  core::PortSpec spec;
  std::string cause;
};

struct Installed {
  net::Revision revision;                  // that the workers have
  State state;                             // what of the desired state the switch has
  std::map<std::string, net::PortId> ids;  // of its ports
  std::map<std::string, PortFailure> failures;
};

class Reconciler {
 public:
  explicit Reconciler(Switch& packet_side) : switch_(packet_side) {}

  // Ports that failed before and did not change stay failed and are no reason to fail again. On an
  // error the switch is back where it was, as far as the machine allows; on success the workers
  // have the revision, be there anything new for them in it or not.
  absl::Status Transit(const State& to, net::Revision revision);

  // Tries every port, failed ones included; publishes only if something changed. Ports that could
  // not be made are in installed().failures; the error is that of anything else. No port is removed
  // while the workers may still forward to it.
  absl::Status Converge(const State& to, net::Revision revision);

  [[nodiscard]] const Installed& installed() const { return installed_; }

 private:
  void RollBack(const State& to, net::Revision revision,
                const std::map<std::string, PortFailure>& failures);
  absl::Status Execute(const Action& action, net::Revision revision);
  absl::Status Do(const AddPort& action);
  absl::Status Do(const RemovePort& action);
  absl::Status Do(const Publish& action, net::Revision revision);
  [[nodiscard]] Forwarding Installable(const Forwarding& forwarding) const;

  Switch& switch_;
  Installed installed_;
};

}  // namespace pollux::control
