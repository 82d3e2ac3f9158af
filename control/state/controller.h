// The switch as the API sees it: one desired state, changed by one request at a time.
//
// A request makes the next state (edit.h), which is validated, staged on disk, brought to the
// workers (reconciler.h) and committed to disk; then it has a revision. Readers take snapshots and
// never wait for a change that is under way.
// Threading: any control thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/state/changes.h"
#include "control/state/edit.h"
#include "control/state/reconciler.h"
#include "control/state/state.h"
#include "control/state/state_file.h"
#include "control/state/switch.h"

namespace pollux::control {

// What holds at one moment: immutable.
struct Snapshot {
  net::Revision revision;  // live in every worker
  State desired;
  Installed installed;
};

struct Outcome {
  net::Revision revision;
  std::vector<Change> changes;
};

class Controller {
 public:
  // Without a file nothing is kept (tests).
  Controller(Switch& packet_side, std::optional<StateFile> file);

  // Takes over what was saved, with the switch's own ports in it, and brings it to the workers.
  // Before the API is served. Ports that cannot be made are no error (retried, see RetryFailed).
  absl::Status Start(const std::vector<core::PortSpec>& own_ports);

  absl::StatusOr<Outcome> Apply(const Edit& edit, bool dry_run);
  absl::StatusOr<Outcome> Sync(Owner owner, const std::vector<Object>& objects, bool dry_run);
  absl::Status MoveQueue(std::string_view port, unsigned queue, unsigned worker);

  // Tries to make the ports that could not be made. Cheap if there are none.
  void RetryFailed();

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;
  // The present snapshot once its revision is beyond `seen`, or null after `timeout`.
  [[nodiscard]] std::shared_ptr<const Snapshot> WaitBeyond(net::Revision seen,
                                                           std::chrono::milliseconds timeout) const;
  // What went wrong with the saved state; empty if nothing.
  [[nodiscard]] std::string state_problem() const;

  [[nodiscard]] Switch& packet_side() { return switch_; }

 private:
  using MakeNext = std::function<absl::StatusOr<State>(const State&)>;
  absl::StatusOr<Outcome> ChangeTo(const MakeNext& make_next, bool dry_run);
  absl::Status Install(const State& next);
  void RememberSaved(const absl::Status& status);
  void Publish(const State& desired);

  Switch& switch_;
  std::mutex change_mutex_;  // one change at a time; guards the next two
  std::optional<StateFile> file_;
  Reconciler reconciler_;

  mutable std::mutex snapshot_mutex_;  // guards the next two
  std::shared_ptr<const Snapshot> snapshot_;
  std::string state_problem_;
  mutable std::condition_variable changed_;
};

}  // namespace pollux::control
