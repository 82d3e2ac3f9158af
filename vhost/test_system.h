// What tests of sockets and descriptors ask of the system.
// Threading: plain functions and values.
#pragma once

#include <glog/logging.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "vhost/unique_fd.h"

namespace pollux::vhost {

// Only a test that fails waits this long; a machine may be busy with other tests.
inline constexpr std::chrono::seconds kPatience{20};

// Waits for what others owe; false if it does not come. Naps, since whoever owes it may need the
// processor.
template <typename Condition>
bool WaitFor(const Condition& condition) {
  constexpr std::chrono::microseconds kNap{50};
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(kNap);
  }
  return true;
}

// Of this process.
inline std::ptrdiff_t OpenDescriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}
// Of memory shared with others: the heap's come and go.
inline std::ptrdiff_t Mappings() {
  std::ifstream maps("/proc/self/maps");
  std::ptrdiff_t shared = 0;
  std::string addresses;
  for (std::string permissions, rest; maps >> addresses >> permissions && getline(maps, rest);) {
    shared += permissions.ends_with('s') ? 1 : 0;
  }
  return shared;
}

// A directory that goes with the object.
class TestDirectory {
 public:
  TestDirectory() {
    std::string name = "/tmp/pollux-test-XXXXXX";
    PCHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// One message; false if not all of it was taken.
inline bool SendWithDescriptors(int socket, std::span<const std::uint8_t> bytes,
                                std::span<const int> fds) {
  iovec data{.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()};
  std::vector<char> control(CMSG_SPACE(fds.size_bytes()));
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// A TCP socket whose last close waits: it lingers over data that nobody reads.
class LingeringSocket {
 public:
  LingeringSocket() {
    const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    PCHECK(bind(listener.get(), any, size) == 0 && listen(listener.get(), 1) == 0 &&
           getsockname(listener.get(), any, &size) == 0);
    sender_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    PCHECK(connect(sender_.get(), any, size) == 0);
    deaf_.reset(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::vector<char> flood(1 << 16);
    while (send(sender_.get(), flood.data(), flood.size(), MSG_DONTWAIT) > 0) {
    }
    const linger patience{.l_onoff = 1, .l_linger = 60};
    PCHECK(setsockopt(sender_.get(), SOL_SOCKET, SO_LINGER, &patience, sizeof patience) == 0);
  }
  [[nodiscard]] int fd() const { return sender_.get(); }
  // After it was sent elsewhere: that copy is the last.
  void GiveAway() { sender_.reset(); }
  // Lets whoever closes it go on.
  ~LingeringSocket() {
    GiveAway();
    deaf_.reset();
  }
  LingeringSocket(const LingeringSocket&) = delete;
  LingeringSocket& operator=(const LingeringSocket&) = delete;

 private:
  UniqueFd sender_;
  UniqueFd deaf_;
};

}  // namespace pollux::vhost
