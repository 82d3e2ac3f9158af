#include "control/rpc/unix_listener.h"

#include <glog/logging.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pollux::control {
namespace {

absl::Status SystemError(const std::string& path, const char* what) {
  const int error = errno;
  return absl::UnavailableError(path + ": " + what + ": " + std::strerror(error));
}

// Bound and listening; -1 with errno set if not. Nobody can connect before it is 0600.
int Listen(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  constexpr mode_t kMode = S_IRUSR | S_IWUSR;
  if (fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      chmod(address.sun_path, kMode) == 0 && listen(fd, SOMAXCONN) == 0) {
    return fd;
  }
  const int error = errno;
  if (fd >= 0) {
    close(fd);
  }
  errno = error;
  return -1;
}

}  // namespace

bool PeerIsTrusted(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
         (peer.uid == 0 || peer.uid == geteuid());
}

absl::StatusOr<std::unique_ptr<UnixListener>> UnixListener::Start(const std::string& path,
                                                                  OnConnection on_connection) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError("--run-dir: " + path +
                                      " is too long for a socket (107 bytes)");
  }
  path.copy(address.sun_path, path.size());
  unlink(address.sun_path);
  const int listen_fd = Listen(address);
  if (listen_fd < 0) {
    return SystemError(path, "cannot listen");
  }
  const int stop_fd = eventfd(0, EFD_CLOEXEC);
  PCHECK(stop_fd >= 0) << "eventfd";
  return std::unique_ptr<UnixListener>(
      new UnixListener(path, listen_fd, stop_fd, std::move(on_connection)));
}

UnixListener::UnixListener(std::string path, int listen_fd, int stop_fd, OnConnection on_connection)
    : path_(std::move(path)),
      listen_fd_(listen_fd),
      stop_fd_(stop_fd),
      on_connection_(std::move(on_connection)),
      thread_([this] { Serve(); }) {}

UnixListener::~UnixListener() {
  eventfd_write(stop_fd_, 1);
  thread_.join();
  unlink(path_.c_str());
  close(listen_fd_);
  close(stop_fd_);
}

void UnixListener::Serve() {
  std::array<pollfd, 2> fds{{{stop_fd_, POLLIN, 0}, {listen_fd_, POLLIN, 0}}};
  while (fds[0].revents == 0) {
    if (poll(fds.data(), fds.size(), -1) > 0 && fds[1].revents != 0) {
      AcceptOne();
    }
  }
}

void UnixListener::AcceptOne() {
  const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    // Out of descriptors: the connection stays pending, so do not spin on it.
    if (errno == EMFILE || errno == ENFILE) {
      pollfd stop{stop_fd_, POLLIN, 0};
      constexpr int kBackOffMs = 100;
      poll(&stop, 1, kBackOffMs);
    }
    return;
  }
  if (PeerIsTrusted(fd)) {
    on_connection_(fd);
    return;
  }
  LOG(WARNING) << path_ << ": refused a peer that is neither root nor the switch's user";
  close(fd);
}

}  // namespace pollux::control
