#include "vhost/peer_event.h"

#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

namespace pollux::vhost {
namespace {

// One thread's AIO context. Its requests poll an eventfd that is always readable, so each is
// complete when io_submit returns, and has signalled the eventfd that it names.
class Completions {
 public:
  Completions() {
    if (ready_.valid() && syscall(SYS_io_setup, kEvents, &context_) != 0) {
      context_ = 0;
    }
  }
  ~Completions() {
    if (context_ != 0) {
      syscall(SYS_io_destroy, context_);
    }
  }
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;

  bool Signal(int fd) {
    return context_ != 0 && (Submit(fd) || (errno == EAGAIN && Reap() && Submit(fd)));
  }

 private:
  static constexpr unsigned kEvents = 64;

  bool Submit(int fd) {
    iocb request{};
    request.aio_lio_opcode = IOCB_CMD_POLL;
    request.aio_fildes = static_cast<std::uint32_t>(ready_.get());
    request.aio_buf = POLLIN;
    request.aio_flags = IOCB_FLAG_RESFD;
    request.aio_resfd = static_cast<std::uint32_t>(fd);
    iocb* list = &request;
    return syscall(SYS_io_submit, context_, 1, &list) == 1;
  }

  // The results are of no interest, but they hold places.
  bool Reap() {
    std::array<io_event, kEvents> results;
    timespec now{};
    return syscall(SYS_io_getevents, context_, 0, kEvents, results.data(), &now) > 0;
  }

  UniqueFd ready_{eventfd(1, EFD_CLOEXEC)};
  aio_context_t context_ = 0;
};

}  // namespace

bool IsEventfd(int fd) {
  const std::string link = absl::StrFormat("/proc/self/fd/%d", fd);
  std::array<char, 32> target;
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) ==
                           "anon_inode:[eventfd]";
}

absl::StatusOr<PeerEvent> PeerEvent::Adopt(UniqueFd fd) {
  if (!IsEventfd(fd.get())) {
    return absl::InvalidArgumentError("the descriptor for notifications is not an eventfd");
  }
  return PeerEvent(std::move(fd));
}

void PeerEvent::Signal() const {
  thread_local Completions completions;
  if (completions.Signal(fd_.get())) {
    return;
  }
  const std::uint64_t one = 1;
  const int flags = fcntl(fd_.get(), F_GETFL);
  (void)!fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK);
  (void)!write(fd_.get(), &one, sizeof one);  // full: the peer is signalled already
}

}  // namespace pollux::vhost
