#include "control/state/controller.h"

#include <absl/strings/str_format.h>
#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "control/state/field_error.h"
#include "control/state/validate.h"

namespace pollux::control {
namespace {

net::Revision After(net::Revision revision) { return net::Revision{revision.value() + 1}; }

// What was saved and the switch's own ports; where both claim something, the switch wins.
State WithOwnPorts(State state, const std::vector<core::PortSpec>& own_ports) {
  for (const core::PortSpec& spec : own_ports) {
    Insert(state, Port{.owner = Owner::kSwitch, .spec = spec});
  }
  return state;
}

}  // namespace

Controller::Controller(Switch& packet_side, std::optional<StateFile> file)
    : switch_(packet_side),
      file_(std::move(file)),
      reconciler_(packet_side),
      snapshot_(std::make_shared<const Snapshot>()) {}

absl::Status Controller::Start(const std::vector<core::PortSpec>& own_ports) {
  const std::lock_guard lock(change_mutex_);
  StateFile::Loaded loaded;
  if (file_) {
    absl::StatusOr<StateFile::Loaded> found = file_->Load();
    if (!found.ok()) {
      return found.status();
    }
    loaded = *std::move(found);
    LOG_IF(ERROR, !loaded.problem.empty()) << "saved state: " << loaded.problem;
    const std::lock_guard snapshot_lock(snapshot_mutex_);
    state_problem_ = loaded.problem;
  }
  const State desired = WithOwnPorts(std::move(loaded.saved.state), own_ports);
  if (const absl::Status status = Validate(desired); !status.ok()) {
    return {status.code(), absl::StrCat("saved state: ", status.message())};
  }
  const absl::Status status = reconciler_.Converge(desired, After(loaded.saved.revision));
  for (const auto& [name, failure] : reconciler_.installed().failures) {
    LOG(ERROR) << failure.cause << "; it will be tried again";
  }
  Publish(desired);
  return status;
}

absl::StatusOr<Outcome> Controller::Apply(const Edit& edit, bool dry_run) {
  return ChangeTo([&](const State& state) { return control::Apply(state, edit); }, dry_run);
}

absl::StatusOr<Outcome> Controller::Sync(Owner owner, const std::vector<Object>& objects,
                                         bool dry_run) {
  return ChangeTo([&](const State& state) { return control::Sync(state, owner, objects); },
                  dry_run);
}

absl::StatusOr<Outcome> Controller::ChangeTo(const MakeNext& make_next, bool dry_run) {
  const std::lock_guard lock(change_mutex_);
  const std::shared_ptr<const Snapshot> now = snapshot();
  const absl::StatusOr<State> next = make_next(now->desired);
  if (!next.ok()) {
    return next.status();
  }
  for (const absl::Status& status :
       {CheckRemovals(now->desired, *next), Validate(*next, now->desired)}) {
    if (!status.ok()) {
      return status;
    }
  }
  Outcome outcome{.revision = now->revision, .changes = Changes(now->desired, *next)};
  if (dry_run || outcome.changes.empty()) {
    return outcome;
  }
  if (const absl::Status status = Install(*next); !status.ok()) {
    return status;
  }
  outcome.revision = snapshot()->revision;
  return outcome;
}

absl::Status Controller::Install(const State& next) {
  const net::Revision revision = After(snapshot()->revision);
  if (file_) {
    if (const absl::Status status = file_->Stage({.revision = revision, .state = next});
        !status.ok()) {
      return absl::UnavailableError(
          absl::StrCat("--state-dir: nothing was changed: ", status.message()));
    }
  }
  if (const absl::Status status = reconciler_.Transit(next, revision); !status.ok()) {
    // The way back may have made ports anew, or failed to.
    Publish(snapshot()->desired);
    return status;
  }
  Publish(next);
  if (file_) {
    RememberSaved(file_->Commit());
  }
  return absl::OkStatus();
}

void Controller::RememberSaved(const absl::Status& status) {
  LOG_IF(ERROR, !status.ok()) << "saved state: " << status.message();
  const std::lock_guard lock(snapshot_mutex_);
  state_problem_ = std::string(status.message());
}

absl::Status Controller::MoveQueue(std::string_view port, unsigned queue, unsigned worker) {
  const std::lock_guard lock(change_mutex_);
  const auto at = reconciler_.installed().ids.find(std::string(port));
  if (at == reconciler_.installed().ids.end()) {
    return absl::NotFoundError(absl::StrCat("port: there is no port ", Quoted(port)));
  }
  const absl::Status status = switch_.MoveQueue(at->second, queue, worker);
  if (absl::IsNotFound(status)) {
    return absl::NotFoundError(absl::StrCat("queue: port ", Quoted(port), " has no queue ", queue));
  }
  return status;
}

void Controller::RetryFailed() {
  if (snapshot()->installed.failures.empty()) {
    return;
  }
  const std::lock_guard lock(change_mutex_);
  const std::shared_ptr<const Snapshot> now = snapshot();
  const absl::Status status = reconciler_.Converge(now->desired, After(now->revision));
  LOG_IF(ERROR, !status.ok()) << "retry: " << status.message();
  Publish(now->desired);
  const net::Revision revision = snapshot()->revision;
  if (file_ && revision > now->revision) {  // or the next start would give it out again
    const absl::Status staged = file_->Stage({.revision = revision, .state = now->desired});
    RememberSaved(staged.ok() ? file_->Commit() : staged);
  }
}

void Controller::Publish(const State& desired) {
  const Installed& installed = reconciler_.installed();
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_ = std::make_shared<const Snapshot>(
      Snapshot{.revision = std::max(snapshot_->revision, installed.revision),
               .desired = desired,
               .installed = installed});
  changed_.notify_all();
}

std::shared_ptr<const Snapshot> Controller::snapshot() const {
  const std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

std::shared_ptr<const Snapshot> Controller::WaitBeyond(net::Revision seen,
                                                       std::chrono::milliseconds timeout) const {
  std::unique_lock lock(snapshot_mutex_);
  const bool beyond = changed_.wait_for(lock, timeout, [&] { return snapshot_->revision > seen; });
  return beyond ? snapshot_ : nullptr;
}

std::string Controller::state_problem() const {
  const std::lock_guard lock(snapshot_mutex_);
  return state_problem_;
}

}  // namespace pollux::control
