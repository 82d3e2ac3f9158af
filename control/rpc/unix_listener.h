// The door of the API on this machine: a unix socket that only root and the switch's own user pass.
//
// gRPC does not tell a service who its peer is, so the connections are accepted here, the peer's
// credentials are asked of the kernel (unix(7), SO_PEERCRED), and only then gRPC gets them. The
// socket's mode (0600) says the same; two locks because the directory is the operator's.
// Threading: made and destroyed by the main thread; the callback runs on the listener's thread.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "vhost/unique_fd.h"
#include "vhost/unix_socket.h"

namespace pollux::control {

class UnixListener {
 public:
  // Takes ownership of a connected, non-blocking descriptor.
  using OnConnection = std::function<void(int fd)>;

  // A socket that is there already is replaced if nobody answers on it; whatever else is there is
  // left alone (AlreadyExists).
  static absl::StatusOr<std::unique_ptr<UnixListener>> Start(const std::string& path,
                                                             OnConnection on_connection);
  // Removes the socket, unless another one lies there by now.
  ~UnixListener();
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;

 private:
  UnixListener(std::string path, vhost::ListeningSocket socket, vhost::UniqueFd stop,
               OnConnection on_connection);
  void Serve();
  void AcceptOne();

  const std::string path_;
  const vhost::ListeningSocket socket_;
  const vhost::UniqueFd stop_;  // an eventfd
  const OnConnection on_connection_;
  std::thread thread_;
};

// Root, or the user that this process runs as.
bool PeerIsTrusted(int fd);

}  // namespace pollux::control
