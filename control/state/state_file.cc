#include "control/state/state_file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace pollux::control {
namespace {

absl::Status SystemError(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

absl::Status SyncPath(const std::string& path, int open_flags) {
  const vhost::UniqueFd file(open(path.c_str(), open_flags | O_CLOEXEC));
  if (!file.valid() || fsync(file.get()) != 0) {
    return SystemError("cannot sync", path);
  }
  return absl::OkStatus();
}

absl::Status WriteAndSync(const std::string& path, std::string_view contents) {
  constexpr mode_t kMode = 0600;
  const vhost::UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
  if (!file.valid()) {
    return SystemError("cannot write", path);
  }
  while (!contents.empty()) {
    const ssize_t written = write(file.get(), contents.data(), contents.size());
    if (written < 0 && errno != EINTR) {
      return SystemError("cannot write", path);
    }
    contents.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return fsync(file.get()) == 0 ? absl::OkStatus() : SystemError("cannot sync", path);
}

// DataLoss for a file that opens but cannot be read: a broken disk is no better than a torn file.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  constexpr std::size_t kChunk = 1 << 16;
  const vhost::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    return SystemError("cannot read", path);
  }
  std::string contents;
  while (true) {
    const std::size_t size = contents.size();
    contents.resize(size + kChunk);
    const ssize_t got = read(file.get(), contents.data() + size, kChunk);
    contents.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) {
      return contents;
    }
    if (got < 0 && errno != EINTR) {
      return absl::DataLossError(absl::StrCat("it cannot be read: ", std::strerror(errno)));
    }
  }
}

// NotFound if there is none.
absl::StatusOr<SavedState> ReadState(const std::string& path) {
  const absl::StatusOr<std::string> contents = ReadFile(path);
  if (!contents.ok() && !absl::IsDataLoss(contents.status())) {
    return contents.status();
  }
  absl::StatusOr<SavedState> saved = contents.ok() ? Decode(*contents) : contents.status();
  return saved.ok() ? saved
                    : absl::Status(saved.status().code(),
                                   absl::StrCat(path, ": ", saved.status().message()));
}

}  // namespace

absl::StatusOr<StateFile> StateFile::Open(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("--state-dir: cannot make ", directory, ": ", error.message()));
  }
  vhost::UniqueFd lock(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid()) {
    return SystemError("--state-dir: cannot open", directory);
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("--state-dir: another vswitchd uses ", directory,
                     ": end it, or give this one its own --state-dir"));
  }
  return StateFile(directory, std::move(lock));
}

std::string StateFile::Path(std::string_view suffix) const {
  return directory_ + "/state" + std::string(suffix);
}

absl::StatusOr<StateFile::Loaded> StateFile::Load() const {
  Loaded loaded;
  for (const std::string& path : {Path(""), Path(".bak")}) {
    absl::StatusOr<SavedState> saved = ReadState(path);
    if (saved.ok()) {
      loaded.saved = *std::move(saved);
      return loaded;
    }
    if (absl::IsDataLoss(saved.status())) {
      absl::StrAppend(&loaded.problem, loaded.problem.empty() ? "" : "; ", saved.status().message(),
                      " (kept as .damaged)");
      std::rename(path.c_str(), absl::StrCat(path, ".damaged").c_str());
    } else if (!absl::IsNotFound(saved.status())) {
      return saved.status();
    }
  }
  return loaded;
}

absl::Status StateFile::Stage(const SavedState& saved) {
  return WriteAndSync(Path(".new"), Encode(saved));
}

absl::Status StateFile::Commit() {
  // The present file gets a second name first, so that there is a whole file at every moment.
  const std::string linked = Path(".link");
  unlink(linked.c_str());
  if (link(Path("").c_str(), linked.c_str()) == 0) {
    if (std::rename(linked.c_str(), Path(".bak").c_str()) != 0) {
      return SystemError("cannot rename", linked);
    }
  } else if (errno != ENOENT) {
    return SystemError("cannot link", linked);
  }
  if (std::rename(Path(".new").c_str(), Path("").c_str()) != 0) {
    return SystemError("cannot rename", Path(".new"));
  }
  return SyncPath(directory_, O_RDONLY | O_DIRECTORY);
}

}  // namespace pollux::control
