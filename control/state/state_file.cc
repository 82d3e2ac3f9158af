#include "control/state/state_file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace pollux::control {
namespace {

absl::Status SystemError(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status SyncPath(const std::string& path, int open_flags) {
  const FileDescriptor file(open(path.c_str(), open_flags | O_CLOEXEC));
  if (file.get() < 0 || fsync(file.get()) != 0) {
    return SystemError("cannot sync", path);
  }
  return absl::OkStatus();
}

absl::Status WriteAndSync(const std::string& path, std::string_view contents) {
  constexpr mode_t kMode = 0600;
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
  if (file.get() < 0) {
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

// NotFound if there is none.
absl::StatusOr<SavedState> ReadState(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return SystemError("cannot read", path);
  }
  const std::string contents{std::istreambuf_iterator<char>(file), {}};
  absl::StatusOr<SavedState> saved = Decode(contents);
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
  return StateFile(directory);
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
