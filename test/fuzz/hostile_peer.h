// What the fuzzers of the control channels share: files to pass along, and a look for descriptors
// that were not closed.
// Threading: one thread.
#pragma once

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "vhost/unique_fd.h"

namespace pollux::fuzz {

// Files of each kind that a peer may send, good and bad.
class PassedFiles {
 public:
  // Shared memory as it should be, and one kind that should be refused.
  PassedFiles(int memory, int bad_memory)
      : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        null_(open("/dev/null", O_RDWR | O_CLOEXEC)),
        kinds_{memory, event_.get(), bad_memory, null_.get()} {
    PCHECK(event_.valid() && null_.valid());
  }
  // The low half says how many (up to 15), the high half of which kind each is.
  [[nodiscard]] std::vector<int> Select(std::uint8_t selector) const {
    std::vector<int> fds;
    for (unsigned i = 0; i < (selector & 15U); ++i) {
      fds.push_back(kinds_[((selector >> 4) + (i * (selector >> 6))) % kinds_.size()]);
    }
    return fds;
  }

 private:
  vhost::UniqueFd event_;
  vhost::UniqueFd null_;
  std::array<int, 4> kinds_;
};

// The lowest number that is free: the same before and after if nothing stayed open.
inline int LowestFreeFd() {
  const vhost::UniqueFd probe(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  PCHECK(probe.valid()) << "stdin is needed";
  return probe.get();
}

// Says that nothing more comes, and reads until the other side has closed: then it has handled all
// that was sent. What it answered.
inline std::vector<std::uint8_t> FinishAndDrain(int socket) {
  (void)shutdown(socket, SHUT_WR);
  std::vector<std::uint8_t> answers;
  std::array<std::uint8_t, 4096> bytes;
  while (true) {
    const ssize_t n = recv(socket, bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == EINTR) {  // libFuzzer's clock
      continue;
    }
    PCHECK(n >= 0 || errno == ECONNRESET) << "the other side neither answers nor closes";
    if (n <= 0) {
      return answers;
    }
    answers.insert(answers.end(), bytes.begin(), bytes.begin() + n);
  }
}

}  // namespace pollux::fuzz
