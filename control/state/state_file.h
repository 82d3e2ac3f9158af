// The last applied state on disk.
//
// Written beside the live file, synced, then renamed over it, so that a crash at any moment leaves
// a whole file; the version before stays as .bak. A checksum tells a torn or damaged file, for
// which the .bak stands in, loudly. Written in two halves: Stage before a change is made (a full
// disk refuses the change), Commit after the workers have it.
//
//   state       one line "pollux-state 1 CRC32 BYTES\n", then vswitch.v1.GetConfigReply in bytes
//   state.bak   the same, one version older
//
// Threading: one thread at a time.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <utility>

#include "control/state/state.h"
#include "dataplane/net/ids.h"
#include "vhost/unique_fd.h"

namespace pollux::control {

struct SavedState {
  net::Revision revision;
  State state;
  friend bool operator==(const SavedState&, const SavedState&) = default;
};

// The file's contents and back. DataLoss names what is wrong with them; FailedPrecondition: written
// by a newer version.
std::string Encode(const SavedState& saved);
absl::StatusOr<SavedState> Decode(std::string_view contents);

class StateFile {
 public:
  // Makes the directory (0700) if it is not there, and locks it: FailedPrecondition while another
  // StateFile, here or in another process, uses it.
  static absl::StatusOr<StateFile> Open(const std::string& directory);

  struct Loaded {
    SavedState saved;
    std::string problem;  // what was lost; empty if nothing
  };
  // Nothing there is an empty state. A damaged file is kept as .damaged. FailedPrecondition for a
  // file of a newer version, which is left alone.
  [[nodiscard]] absl::StatusOr<Loaded> Load() const;

  absl::Status Stage(const SavedState& saved);
  // What was staged last is what the next Load finds.
  absl::Status Commit();

 private:
  StateFile(std::string directory, vhost::UniqueFd lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}
  [[nodiscard]] std::string Path(std::string_view suffix) const;

  std::string directory_;
  vhost::UniqueFd lock_;  // the directory; the lock dies with its process
};

}  // namespace pollux::control
