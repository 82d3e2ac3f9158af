// The run directory: one daemon of a kind at a time, by a lock that dies with its process.
// Threading: main thread.
#pragma once

#include <absl/status/statusor.h>

#include <string>

namespace pollux::control {

class RunDir {
 public:
  // Makes the directory (0755) if it is not there and locks it for a daemon ("vswitchd", "agent").
  // FailedPrecondition names the process that holds it.
  static absl::StatusOr<RunDir> Lock(const std::string& path, const std::string& daemon);
  RunDir(RunDir&& other) noexcept;
  RunDir& operator=(RunDir&&) = delete;
  ~RunDir();

  [[nodiscard]] std::string socket() const { return path_ + "/" + daemon_ + ".sock"; }
  // Keeps DPDK's files of several switches on one machine apart: at most 40 characters.
  [[nodiscard]] std::string file_prefix() const;

 private:
  RunDir(std::string path, std::string daemon, int lock_fd);

  std::string path_;
  std::string daemon_;
  int lock_fd_;
};

}  // namespace pollux::control
