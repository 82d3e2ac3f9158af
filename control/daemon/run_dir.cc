#include "control/daemon/run_dir.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

namespace pollux::control {

absl::StatusOr<RunDir> RunDir::Lock(const std::string& path, const std::string& daemon) {
  std::error_code error;
  if (std::filesystem::create_directories(path, error)) {
    std::filesystem::permissions(path, std::filesystem::perms(0755), error);  // whatever the umask
  }
  const std::string lock = absl::StrCat(path, "/", daemon, ".pid");
  constexpr mode_t kMode = 0644;
  const int fd = error ? -1 : open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode);
  if (fd < 0) {
    return absl::UnavailableError(absl::StrCat(
        "--run-dir: cannot use ", path, ": ",
        error ? error.message() : std::error_code(errno, std::generic_category()).message()));
  }
  RunDir result(path, daemon, fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    std::string pid = "unknown";
    std::ifstream(lock) >> pid;
    return absl::FailedPreconditionError(
        absl::StrCat("--run-dir: another ", daemon, " uses ", path, " (process ", pid,
                     "): end it, or give this one its own --run-dir and --state-dir"));
  }
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    return absl::ErrnoToStatus(errno, "--run-dir: cannot write " + lock);
  }
  return result;
}

RunDir::RunDir(std::string path, std::string daemon, int lock_fd)
    : path_(std::move(path)), daemon_(std::move(daemon)), lock_fd_(lock_fd) {}

RunDir::RunDir(RunDir&& other) noexcept
    : path_(std::move(other.path_)),
      daemon_(std::move(other.daemon_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)) {}

RunDir::~RunDir() {
  if (lock_fd_ >= 0) {
    close(lock_fd_);
  }
}

std::string RunDir::file_prefix() const {
  constexpr std::size_t kReadable = 17;
  const std::string readable = absl::StrReplaceAll(path_, {{"/", "-"}});
  return absl::StrFormat("pollux%s-%016x",
                         readable.substr(readable.size() - std::min(readable.size(), kReadable)),
                         std::hash<std::string>{}(path_));
}

}  // namespace pollux::control
