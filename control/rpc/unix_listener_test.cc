#include "control/rpc/unix_listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "control/state/test_directory.h"
#include "vhost/unique_fd.h"
#include "vhost/unix_socket.h"

namespace pollux::control {
namespace {

namespace fs = std::filesystem;
using vhost::UniqueFd;

constexpr std::chrono::seconds kAcceptTimeout{10};

class UnixListenerTest : public testing::Test {
 protected:
  absl::Status Start(const std::string& path) {
    auto listener = UnixListener::Start(path, [this](int fd) {
      ++accepted_;
      connection_.set_value(fd);
    });
    if (!listener.ok()) {
      return listener.status();
    }
    listener_ = *std::move(listener);
    return absl::OkStatus();
  }
  static absl::StatusOr<UniqueFd> Connect(const std::string& path) {
    return vhost::ConnectUnixSocket(path, SOCK_STREAM);
  }

  TestDirectory directory_;
  const std::string path_ = directory_.path("vswitchd.sock");
  std::atomic<int> accepted_{0};
  std::promise<int> connection_;  // the first one
  std::unique_ptr<UnixListener> listener_;
};

TEST_F(UnixListenerTest, HandsConnectionsOverReadyForAnEventLoop) {
  ASSERT_TRUE(Start(path_).ok());
  const auto client = Connect(path_);
  ASSERT_TRUE(client.ok()) << client.status();
  auto accepted = connection_.get_future();
  ASSERT_EQ(accepted.wait_for(kAcceptTimeout), std::future_status::ready);
  const UniqueFd server(accepted.get());
  EXPECT_NE(fcntl(server.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(server.get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(write(client->get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(server.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(UnixListenerTest, TheSocketIsItsUsersOnlyWhateverTheUmask) {
  const mode_t before = umask(0);
  ASSERT_TRUE(Start(path_).ok());
  umask(before);
  EXPECT_EQ(ModeOf(path_), "0600");
}

TEST_F(UnixListenerTest, TheSocketGoesWithTheListener) {
  ASSERT_TRUE(Start(path_).ok());
  listener_.reset();
  EXPECT_FALSE(fs::exists(fs::symlink_status(path_)));
}

TEST_F(UnixListenerTest, ASocketThatReplacedOursStays) {
  ASSERT_TRUE(Start(path_).ok());
  fs::remove(path_);
  const auto other = vhost::ListeningSocket::Open(path_, SOCK_STREAM, {});
  ASSERT_TRUE(other.ok());
  listener_.reset();
  EXPECT_TRUE(Connect(path_).ok());
}

TEST_F(UnixListenerTest, AStaleSocketIsReplaced) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  {
    const UniqueFd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_FALSE(Connect(path_).ok());
  ASSERT_TRUE(Start(path_).ok());
  EXPECT_TRUE(Connect(path_).ok());
}

TEST_F(UnixListenerTest, ASocketOnWhichSomebodyAnswersIsLeftAlone) {
  ASSERT_TRUE(Start(path_).ok());
  const auto second = UnixListener::Start(path_, [](int fd) { close(fd); });
  EXPECT_EQ(second.status(),
            absl::AlreadyExistsError("--run-dir: cannot listen on " + path_ +
                                     ": socket: somebody listens on vswitchd.sock already"));
}

TEST_F(UnixListenerTest, AFileThatIsNoSocketIsLeftAlone) {
  WriteAll(path_, "precious");
  EXPECT_EQ(Start(path_).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadAll(path_), "precious");
}

TEST_F(UnixListenerTest, TheRunDirectoryMayBeNamedThroughALink) {
  fs::create_directory_symlink(directory_.path(), directory_.path("link"));
  ASSERT_TRUE(Start(directory_.path("link/vswitchd.sock")).ok());
  EXPECT_TRUE(Connect(path_).ok());
}

TEST_F(UnixListenerTest, PathsThatCannotBe) {
  const std::string longest = directory_.path(std::string(107 - directory_.path().size() - 1, 's'));
  ASSERT_EQ(longest.size(), 107U);
  EXPECT_EQ(Start(longest + "s"),
            absl::InvalidArgumentError("--run-dir: " + longest +
                                       "s is too long for a socket (107 bytes)"));
  EXPECT_EQ(Start(directory_.path("nowhere/vswitchd.sock")),
            absl::UnavailableError("--run-dir: cannot listen on " +
                                   directory_.path("nowhere/vswitchd.sock") +
                                   ": No such file or directory"));
}

TEST(PeerIsTrustedTest, OurOwnUserIs) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd near(ends[0]);
  const UniqueFd far(ends[1]);
  EXPECT_TRUE(PeerIsTrusted(near.get()));
}

TEST(PeerIsTrustedTest, WhatIsNoSocketIsNot) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(PeerIsTrusted(null.get()));
}

// The exit code of a child that connects as `uid`: 0 if it was hung up on, 1 if it was let in.
int ConnectAs(uid_t uid, const sockaddr_un& address) {
  const pid_t child = fork();
  if (child == 0) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char byte = 0;
    if (setresuid(uid, uid, uid) != 0 ||
        connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      _exit(2);
    }
    _exit(read(fd, &byte, 1) == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST_F(UnixListenerTest, AnotherUserIsRefusedEvenIfTheModeLetsHimIn) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root to become another user";
  }
  constexpr uid_t kNobody = 65534;
  ASSERT_TRUE(Start(path_).ok());
  fs::permissions(directory_.path(), fs::perms(0755));
  fs::permissions(path_, fs::perms(0666));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(ConnectAs(kNobody, address), 0);
  listener_.reset();
  EXPECT_EQ(accepted_, 0);
}

}  // namespace
}  // namespace pollux::control
