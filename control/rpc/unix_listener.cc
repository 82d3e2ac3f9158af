#include "control/rpc/unix_listener.h"

#include <absl/strings/str_cat.h>
#include <glog/logging.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace pollux::control {
namespace {

// The run directory may be named through symbolic links (/var/run); the socket may not be one.
absl::StatusOr<vhost::ListeningSocket> Listen(const std::string& path) {
  const std::filesystem::path wanted(path);
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::canonical(wanted.parent_path(), error);
  if (error) {
    return absl::UnavailableError(error.message());
  }
  return vhost::ListeningSocket::Open(directory / wanted.filename(), SOCK_STREAM, {});
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
  if (path.size() >= sizeof sockaddr_un::sun_path) {
    return absl::InvalidArgumentError("--run-dir: " + path +
                                      " is too long for a socket (107 bytes)");
  }
  absl::StatusOr<vhost::ListeningSocket> socket = Listen(path);
  if (!socket.ok()) {
    return absl::Status(socket.status().code(), absl::StrCat("--run-dir: cannot listen on ", path,
                                                             ": ", socket.status().message()));
  }
  vhost::UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  PCHECK(stop.valid()) << "eventfd";
  return std::unique_ptr<UnixListener>(
      new UnixListener(path, *std::move(socket), std::move(stop), std::move(on_connection)));
}

UnixListener::UnixListener(std::string path, vhost::ListeningSocket socket, vhost::UniqueFd stop,
                           OnConnection on_connection)
    : path_(std::move(path)),
      socket_(std::move(socket)),
      stop_(std::move(stop)),
      on_connection_(std::move(on_connection)),
      thread_([this] { Serve(); }) {}

UnixListener::~UnixListener() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void UnixListener::Serve() {
  std::array<pollfd, 2> fds{{{stop_.get(), POLLIN, 0}, {socket_.fd(), POLLIN, 0}}};
  while (fds[0].revents == 0) {
    if (poll(fds.data(), fds.size(), -1) > 0 && fds[1].revents != 0) {
      AcceptOne();
    }
  }
}

void UnixListener::AcceptOne() {
  const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    // Out of descriptors: the connection stays pending, so do not spin on it.
    if (errno == EMFILE || errno == ENFILE) {
      pollfd stop{stop_.get(), POLLIN, 0};
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
