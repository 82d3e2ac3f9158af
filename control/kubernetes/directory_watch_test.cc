#include "control/kubernetes/directory_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace pollux::kubernetes {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class DirectoryWatchTest : public testing::Test {
 protected:
  DirectoryWatchTest() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~DirectoryWatchTest() override { std::filesystem::remove_all(path_); }

  // Whether it returns long before its time.
  static bool Notices(DirectoryWatch& watch) {
    const Clock::time_point start = Clock::now();
    EXPECT_TRUE(watch.Wait(milliseconds(10'000)));
    return Clock::now() - start < milliseconds(5'000);
  }

  const std::string path_ = testing::TempDir() + "watch-" + std::to_string(getpid());
};

TEST_F(DirectoryWatchTest, ChangesAreNoticed) {
  DirectoryWatch watch(path_);
  std::ofstream(path_ + "/a.yaml") << "x";
  EXPECT_TRUE(Notices(watch));
  std::filesystem::rename(path_ + "/a.yaml", path_ + "/b.yaml");
  EXPECT_TRUE(Notices(watch));
  std::filesystem::create_symlink("b.yaml", path_ + "/c.yaml");
  EXPECT_TRUE(Notices(watch));
  std::filesystem::remove(path_ + "/b.yaml");
  EXPECT_TRUE(Notices(watch));
}

TEST_F(DirectoryWatchTest, WithoutChangesItReturnsInTime) {
  DirectoryWatch watch(path_);
  const Clock::time_point start = Clock::now();
  EXPECT_TRUE(watch.Wait(milliseconds(50)));
  EXPECT_GE(Clock::now() - start, milliseconds(45));
}

TEST_F(DirectoryWatchTest, ADirectoryThatComesBackIsWatchedAgain) {
  DirectoryWatch watch(path_);
  std::filesystem::remove_all(path_);
  EXPECT_TRUE(Notices(watch));
  std::filesystem::create_directories(path_);
  EXPECT_TRUE(watch.Wait(milliseconds(10)));
  std::ofstream(path_ + "/a.yaml") << "x";
  EXPECT_TRUE(Notices(watch));
}

TEST_F(DirectoryWatchTest, StopEndsTheWait) {
  DirectoryWatch watch(path_);
  std::thread stopper([&] { watch.Stop(); });
  EXPECT_FALSE(watch.Wait(milliseconds(10'000)));
  stopper.join();
}

}  // namespace
}  // namespace pollux::kubernetes
