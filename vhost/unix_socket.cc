#include "vhost/unix_socket.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace pollux::vhost {
namespace {

constexpr int kBacklog = 64;
constexpr std::uint32_t kDefaultMode = 0600;

template <typename... Args>
absl::Status Precondition(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::FailedPreconditionError(absl::StrFormat(format, args...));
}

absl::StatusOr<UniqueFd> OpenWithoutLinks(const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto fd = syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how);
  if (fd >= 0) {
    return UniqueFd(static_cast<int>(fd));
  }
  if (errno == ELOOP) {
    return Precondition("socket: a part of %s is a symbolic link", path);
  }
  if (errno == ENOENT) {
    return absl::UnavailableError(absl::StrFormat("socket: %s does not exist", path));
  }
  return Precondition("socket: cannot open %s: %s", path, std::strerror(errno));
}

// An open file or directory has a name that fits sun_path, however long its path is.
sockaddr_un AddressOf(int fd, std::string_view name = {}) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path =
      absl::StrFormat("/proc/self/fd/%d%s%s", fd, name.empty() ? "" : "/", std::string(name));
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

int ConnectTo(const UniqueFd& socket, const sockaddr_un& address) {
  return connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

UniqueFd NewSocket(int type) {
  return UniqueFd(socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// The socket file itself, whatever it is named by now.
absl::StatusOr<UniqueFd> OpenSocketFile(int directory, const std::string& name) {
  UniqueFd file(openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || fstat(file.get(), &status) != 0) {
    return Precondition("socket: cannot open %s: %s", name, std::strerror(errno));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return absl::AlreadyExistsError(absl::StrFormat("socket: %s exists and is not a socket", name));
  }
  return file;
}

// Removes the name of a socket on which nobody answers.
absl::Status RemoveStaleSocket(int directory, const std::string& name, int type) {
  absl::StatusOr<UniqueFd> file = OpenSocketFile(directory, name);
  if (!file.ok()) {
    return file.status();
  }
  const UniqueFd probe = NewSocket(type);
  if (ConnectTo(probe, AddressOf(file->get())) == 0 || errno != ECONNREFUSED) {
    return absl::AlreadyExistsError(
        absl::StrFormat("socket: somebody listens on %s already", name));
  }
  if (unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) {
    return Precondition("socket: cannot remove the stale %s: %s", name, std::strerror(errno));
  }
  return absl::OkStatus();
}

absl::Status Bind(const UniqueFd& socket, int directory, const std::string& name, int type) {
  const sockaddr_un address = AddressOf(directory, name);
  if (name.size() + 32 > sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        absl::StrFormat("socket: the file name %s is too long", name));
  }
  const auto bind_it = [&] {
    return bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  if (bind_it() == 0) {
    return absl::OkStatus();
  }
  if (errno == EADDRINUSE) {
    if (absl::Status status = RemoveStaleSocket(directory, name, type); !status.ok()) {
      return status;
    }
    if (bind_it() == 0) {
      return absl::OkStatus();
    }
  }
  return Precondition("socket: cannot bind %s: %s", name, std::strerror(errno));
}

struct Owner {
  uid_t user = static_cast<uid_t>(-1);  // -1: unchanged, as for chown
  gid_t group = static_cast<gid_t>(-1);
};

absl::StatusOr<uid_t> UserId(const std::string& name) {
  if (uid_t id = 0; absl::SimpleAtoi(name, &id)) {
    return id;
  }
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer;
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrFormat("socket_owner: no user %s", name));
  }
  return entry.pw_uid;
}

absl::StatusOr<gid_t> GroupId(const std::string& name) {
  if (gid_t id = 0; absl::SimpleAtoi(name, &id)) {
    return id;
  }
  group entry{};
  group* found = nullptr;
  std::array<char, 4096> buffer;
  getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrFormat("socket_owner: no group %s", name));
  }
  return entry.gr_gid;
}

absl::StatusOr<Owner> ParseOwner(const std::string& text) {
  Owner owner;
  const std::size_t colon = text.find(':');
  if (const std::string user = text.substr(0, colon); !user.empty()) {
    absl::StatusOr<uid_t> id = UserId(user);
    if (!id.ok()) {
      return id.status();
    }
    owner.user = *id;
  }
  if (colon != std::string::npos && colon + 1 < text.size()) {
    absl::StatusOr<gid_t> id = GroupId(text.substr(colon + 1));
    if (!id.ok()) {
      return id.status();
    }
    owner.group = *id;
  }
  return owner;
}

absl::Status ApplyAccess(int file, const Owner& owner, std::uint32_t mode) {
  // Not through the name, which may mean another file by now.
  const std::string path = absl::StrFormat("/proc/self/fd/%d", file);
  if (chmod(path.c_str(), mode == 0 ? kDefaultMode : mode) != 0 ||
      fchownat(file, "", owner.user, owner.group, AT_EMPTY_PATH) != 0) {
    return Precondition("socket: cannot set owner and mode: %s", std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ListeningSocket> ListeningSocket::Open(const std::string& path, int type,
                                                      const SocketAccess& access) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) {
    return absl::InvalidArgumentError(absl::StrFormat("socket: %s names no file", path));
  }
  absl::StatusOr<Owner> owner = ParseOwner(access.owner);
  if (!owner.ok()) {
    return owner.status();
  }
  absl::StatusOr<UniqueFd> directory =
      OpenWithoutLinks(path.substr(0, slash + 1), O_PATH | O_DIRECTORY);
  if (!directory.ok()) {
    return directory.status();
  }
  UniqueFd socket = NewSocket(type);
  std::string name = path.substr(slash + 1);
  if (absl::Status status = Bind(socket, directory->get(), name, type); !status.ok()) {
    return status;
  }
  ListeningSocket listening;
  listening.socket_ = std::move(socket);
  absl::StatusOr<UniqueFd> file = OpenSocketFile(directory->get(), name);
  struct stat identity {};
  if (!file.ok() || fstat(file->get(), &identity) != 0) {
    return Precondition("socket: %s was replaced while it was made", path);
  }
  listening.directory_ = *std::move(directory);
  listening.name_ = std::move(name);
  listening.device_ = identity.st_dev;
  listening.inode_ = identity.st_ino;
  if (absl::Status status = ApplyAccess(file->get(), *owner, access.mode); !status.ok()) {
    return status;
  }
  // Before this, connect() is refused, whatever the mode was.
  if (listen(listening.fd(), kBacklog) != 0) {
    return Precondition("socket: cannot listen on %s: %s", path, std::strerror(errno));
  }
  return listening;
}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this != &other) {
    RemoveName();
    socket_ = std::move(other.socket_);
    directory_ = std::move(other.directory_);
    name_ = std::exchange(other.name_, {});
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

void ListeningSocket::RemoveName() {
  struct stat now {};
  if (directory_.valid() &&
      fstatat(directory_.get(), name_.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
      now.st_dev == device_ && now.st_ino == inode_) {
    unlinkat(directory_.get(), name_.c_str(), 0);
  }
  directory_.reset();
}

absl::StatusOr<UniqueFd> ConnectUnixSocket(const std::string& path, int type) {
  absl::StatusOr<UniqueFd> file = OpenWithoutLinks(path, O_PATH);
  if (!file.ok()) {
    return file.status();
  }
  struct stat status {};
  if (fstat(file->get(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
    return Precondition("socket: %s is not a socket", path);
  }
  UniqueFd socket = NewSocket(type);
  if (ConnectTo(socket, AddressOf(file->get())) == 0) {
    return socket;
  }
  if (errno == ECONNREFUSED || errno == EAGAIN) {
    return absl::UnavailableError(
        absl::StrFormat("socket: nobody answers on %s: %s", path, std::strerror(errno)));
  }
  return Precondition("socket: cannot connect to %s: %s", path, std::strerror(errno));
}

}  // namespace pollux::vhost
