// Unix sockets at paths that a pod may control.
//
// A socket often lies in a volume that the pod itself writes to, so the pod may swap names and
// plant symbolic links while we work there. Directories are therefore opened once, without
// following any link, and everything after that is done relative to the open directory or on the
// open file. Sockets are non-blocking and close-on-exec. Threading: control side; no state of its
// own.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "vhost/unique_fd.h"

namespace pollux::vhost {

// Who may connect.
struct SocketAccess {
  std::string owner;       // "user[:group]", names or numbers; empty: unchanged
  std::uint32_t mode = 0;  // permission bits; 0: 0600

  friend bool operator==(const SocketAccess&, const SocketAccess&) = default;
};

// A listening socket and its name in the file system, which goes with it.
class ListeningSocket {
 public:
  // `type` is SOCK_STREAM or SOCK_SEQPACKET. A socket that lies at the path already is replaced if
  // nobody answers on it (AlreadyExists otherwise); anything else there is left alone
  // (AlreadyExists). Owner and mode are in force before the first peer can connect.
  static absl::StatusOr<ListeningSocket> Open(const std::string& path, int type,
                                              const SocketAccess& access);
  ListeningSocket() = default;
  ListeningSocket(ListeningSocket&&) = default;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket() { RemoveName(); }

  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  // Only if the name still is the socket that was made.
  void RemoveName();

  UniqueFd socket_;
  UniqueFd directory_;
  std::string name_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// Connects to the socket at `path`. Unavailable: nobody listens there, or its queue is full; try
// again later. FailedPrecondition: not a socket, or a symbolic link on the way.
absl::StatusOr<UniqueFd> ConnectUnixSocket(const std::string& path, int type);

}  // namespace pollux::vhost
