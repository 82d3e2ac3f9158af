#include "vhost/received_descriptors.h"

#include <fcntl.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "vhost/peer_event.h"

namespace pollux::vhost {
namespace {

// Does `end` to one after the other, however long it takes.
class Closer {
 public:
  using End = void (*)(UniqueFd fd);
  explicit Closer(End end) : end_(end) {
    std::thread([this] { Loop(); }).detach();
  }

  void Close(UniqueFd fd) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(fd));
    wake_.notify_one();
  }

 private:
  UniqueFd Next() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return !waiting_.empty(); });
    UniqueFd next = std::move(waiting_.front());
    waiting_.pop_front();
    return next;
  }
  [[noreturn]] void Loop() {
    for (;;) {
      end_(Next());
    }
  }

  const End end_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<UniqueFd> waiting_;
};

// Both are never destroyed: their threads may wait for a peer. Foreign descriptors that make theirs
// wait, for all that is done about it, do not hold up the ends of connections.
Closer& ForeignCloser() {
  static Closer& closer = *new Closer([](UniqueFd fd) {
    // One that is a socket lingers no more; to others this means nothing.
    const linger off{.l_onoff = 0, .l_linger = 0};
    (void)setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &off, sizeof off);
  });
  return closer;
}

// An empty packet looks like the end, but for the credentials that come with every packet now.
void TellPacketsFromTheEnd(int socket) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) {
    const int yes = 1;
    (void)setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  }
}

// Takes out what was not read; the other side cannot send any more.
void Drain(UniqueFd socket) {
  TellPacketsFromTheEnd(socket.get());
  std::array<char, 4096> bytes;
  alignas(cmsghdr) std::array<char, kControlBytes + CMSG_SPACE(sizeof(ucred))> control;
  for (;;) {
    iovec data{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t n = recvmsg(socket.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 || (n == 0 && header.msg_controllen == 0)) {
      return;
    }
    std::vector<UniqueFd> fds;
    (void)TakeDescriptors(header, fds);
  }
}

Closer& ConnectionCloser() {
  static Closer& closer = *new Closer(Drain);
  return closer;
}

// Only shared memory knows seals.
bool ClosesAtOnce(int fd) { return IsEventfd(fd) || fcntl(fd, F_GET_SEALS) >= 0; }

}  // namespace

absl::Status TakeDescriptors(msghdr& received, std::vector<UniqueFd>& fds) {
  absl::Status status;
  for (cmsghdr* part = CMSG_FIRSTHDR(&received); part != nullptr;
       part = CMSG_NXTHDR(&received, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      if (ClosesAtOnce(fd)) {
        fds.emplace_back(fd);
      } else {
        ForeignCloser().Close(UniqueFd(fd));
        status =
            absl::InvalidArgumentError("a descriptor that is neither an eventfd nor shared memory");
      }
    }
  }
  return status;
}

void CloseConnection(UniqueFd socket) {
  shutdown(socket.get(), SHUT_RDWR);
  ConnectionCloser().Close(std::move(socket));
}

}  // namespace pollux::vhost
