#include "dataplane/eal.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <fstream>
#include <string>

namespace pollux {
namespace {

// Hugepages of any size that are free on this machine right now, in MB.
std::uint64_t FreeHugepageMegabytes() {
  std::uint64_t megabytes = 0;
  for (const auto& [directory, size_mb] :
       {std::pair{"hugepages-2048kB", 2U}, std::pair{"hugepages-1048576kB", 1024U}}) {
    std::ifstream file(absl::StrCat("/sys/kernel/mm/hugepages/", directory, "/free_hugepages"));
    std::uint64_t pages = 0;
    if (file >> pages) {
      megabytes += pages * size_mb;
    }
  }
  return megabytes;
}

absl::Status CheckMemory(const EalOptions& options) {
  if (options.no_huge) {
    return absl::OkStatus();
  }
  const std::uint64_t free_mb = FreeHugepageMegabytes();
  if (free_mb < options.memory_mb) {
    return absl::UnavailableError(absl::StrFormat(
        "--memory-mb: %d MB of hugepages are needed, %d MB are free. Reserve them with 'sysctl "
        "vm.nr_hugepages=%d', or run with --no-huge",
        options.memory_mb, free_mb, (options.memory_mb + 1) / 2 + 16));
  }
  return absl::OkStatus();
}

std::vector<std::string> Arguments(const EalOptions& options) {
  // lcore 0 is the main thread, lcore i the i-th worker; each pinned to its core.
  std::string lcores = absl::StrCat("0@", options.main_core);
  for (std::size_t i = 0; i < options.worker_cores.size(); ++i) {
    absl::StrAppend(&lcores, ",", i + 1, "@", options.worker_cores[i]);
  }
  std::vector<std::string> arguments = {
      "vswitchd", "--lcores", lcores, "--main-lcore", "0", "--no-telemetry", "--file-prefix",
      options.file_prefix, "-m", absl::StrCat(options.memory_mb), "--log-level", "warning",
      // Devices are attached one by one when a port asks for them, never because they are bound:
      // an allow list that names no real device keeps the probe at start from taking any.
      "--allow", "ffff:ff:1f.7"};
  // No files either way: nobody else attaches to this process's memory.
  if (options.no_huge) {
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  } else {
    arguments.emplace_back("--in-memory");
  }
  return arguments;
}

}  // namespace

absl::Status InitEal(const EalOptions& options) {
  if (const absl::Status status = CheckMemory(options); !status.ok()) {
    return status;
  }
  // rte_eal_init keeps pointers into its arguments.
  static std::vector<std::string> arguments;
  static std::vector<char*> argv;
  arguments = Arguments(options);
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    return absl::UnavailableError(absl::StrFormat(
        "DPDK's environment could not be initialised: %s. Its own messages above name the cause; "
        "usual ones: a core of --cores or --main-core does not exist, memory limits, missing "
        "privileges",
        rte_strerror(rte_errno)));
  }
  return absl::OkStatus();
}

}  // namespace pollux
