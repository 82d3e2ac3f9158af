// Network namespaces for integration tests (root): made by the test, gone with it, without a name
// on the machine that could be left over.
// Threading: one test's thread.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <fcntl.h>
#include <glog/logging.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "vhost/tap/network_namespace.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost {

class TestNamespace {
 public:
  TestNamespace() {
    std::thread([this] {
      PCHECK(unshare(CLONE_NEWNET) == 0) << "this test needs root";
      fd_ = UniqueFd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
      PCHECK(fd_.get() >= 0);
    }).join();
    Run("sysctl -qw net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.disable_ipv6=1");
    Run("ip link set lo up");
  }

  // A path that leads to the namespace, as TapSpec::netns.
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

  void Do(absl::FunctionRef<absl::Status()> work) const {
    const absl::Status status = InNetworkNamespace(fd_.get(), work);
    CHECK(status.ok()) << status;
  }
  // A shell command in the namespace; it must succeed.
  void Run(const std::string& command) const {
    Do([&] {
      const int result = std::system(command.c_str());
      CHECK_EQ(result, 0) << command;
      return absl::OkStatus();
    });
  }
  // A socket of the namespace, to be used by any thread.
  [[nodiscard]] UniqueFd Socket(int family, int type) const {
    UniqueFd result;
    Do([&] {
      result = UniqueFd(socket(family, type | SOCK_CLOEXEC, 0));
      PCHECK(result.get() >= 0);
      return absl::OkStatus();
    });
    return result;
  }

 private:
  UniqueFd fd_;
};

}  // namespace pollux::vhost
