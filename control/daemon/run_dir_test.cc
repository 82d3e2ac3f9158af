#include "control/daemon/run_dir.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "control/state/test_directory.h"

namespace pollux::control {
namespace {

class RunDirTest : public testing::Test {
 protected:
  [[nodiscard]] absl::Status Refusal(const std::string& pid) const {
    return absl::FailedPreconditionError(
        "--run-dir: another vswitchd uses " + path_ + " (process " + pid +
        "): end it, or give this one its own --run-dir and --state-dir");
  }

  TestDirectory directory_;
  const std::string path_ = directory_.path("run/pollux");
  const std::string pid_file_ = path_ + "/vswitchd.pid";
};

TEST_F(RunDirTest, MakesTheDirectoryWhateverTheUmask) {
  const mode_t before = umask(0);
  const auto run_dir = RunDir::Lock(path_, "vswitchd");
  umask(before);
  ASSERT_TRUE(run_dir.ok()) << run_dir.status();
  EXPECT_EQ(ModeOf(path_), "0755");
  EXPECT_EQ(ReadAll(pid_file_), std::to_string(getpid()) + "\n");
  EXPECT_EQ(run_dir->socket(), path_ + "/vswitchd.sock");
}

TEST_F(RunDirTest, ADirectoryThatIsThereKeepsItsMode) {
  std::filesystem::create_directories(path_);
  std::filesystem::permissions(path_, std::filesystem::perms(0700));
  ASSERT_TRUE(RunDir::Lock(path_, "vswitchd").ok());
  EXPECT_EQ(ModeOf(path_), "0700");
}

TEST_F(RunDirTest, OneAtATime) {
  {
    const auto first = RunDir::Lock(path_, "vswitchd");
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(RunDir::Lock(path_, "vswitchd").status(), Refusal(std::to_string(getpid())));
  }
  EXPECT_TRUE(RunDir::Lock(path_, "vswitchd").ok()) << "its lock ended with it";
}

TEST_F(RunDirTest, TheLockMovesWithItsOwner) {
  auto first = RunDir::Lock(path_, "vswitchd");
  ASSERT_TRUE(first.ok());
  const RunDir moved = *std::move(first);
  EXPECT_FALSE(RunDir::Lock(path_, "vswitchd").ok());
}

// A child that holds the lock until it is killed.
TEST_F(RunDirTest, AnotherProcessIsNamedAndItsDeathFreesTheLock) {
  int locked[2];
  ASSERT_EQ(pipe(locked), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto run_dir = RunDir::Lock(path_, "vswitchd");
    const char ok = run_dir.ok() ? 'y' : 'n';
    (void)!write(locked[1], &ok, 1);
    while (true) {
      pause();
    }
  }
  char answer = 0;
  ASSERT_EQ(read(locked[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_EQ(RunDir::Lock(path_, "vswitchd").status(), Refusal(std::to_string(child)));
  EXPECT_EQ(ReadAll(pid_file_), std::to_string(child) + "\n") << "the refused one left it alone";
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(locked[0]);
  close(locked[1]);
  EXPECT_TRUE(RunDir::Lock(path_, "vswitchd").ok());
  EXPECT_EQ(ReadAll(pid_file_), std::to_string(getpid()) + "\n");
}

TEST_F(RunDirTest, AStaleFileIsNoLock) {
  std::filesystem::create_directories(path_);
  WriteAll(pid_file_, "4194305000000\n");
  ASSERT_TRUE(RunDir::Lock(path_, "vswitchd").ok());
  EXPECT_EQ(ReadAll(pid_file_), std::to_string(getpid()) + "\n") << "nothing of the old text left";
}

TEST_F(RunDirTest, ADirectoryThatCannotBeIsNamed) {
  WriteAll(directory_.path("file"), "");
  EXPECT_EQ(RunDir::Lock(directory_.path("file/run"), "vswitchd").status(),
            absl::UnavailableError("--run-dir: cannot use " + directory_.path("file/run") +
                                   ": Not a directory"));
  std::filesystem::create_directories(pid_file_);
  EXPECT_EQ(RunDir::Lock(path_, "vswitchd").status(),
            absl::UnavailableError("--run-dir: cannot use " + path_ + ": Is a directory"));
}

TEST_F(RunDirTest, PrefixesAreShortAndOnePerDirectory) {
  const auto a = RunDir::Lock(directory_.path(std::string(100, 'x') + "/a/pollux"), "vswitchd");
  const auto b = RunDir::Lock(directory_.path(std::string(100, 'x') + "/b/pollux"), "vswitchd");
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a->file_prefix(), b->file_prefix());
  EXPECT_LE(a->file_prefix().size(), 40U);
  EXPECT_EQ(a->file_prefix().find('/'), std::string::npos);
  EXPECT_EQ(a->file_prefix().rfind("pollux", 0), 0U);
}

}  // namespace
}  // namespace pollux::control
