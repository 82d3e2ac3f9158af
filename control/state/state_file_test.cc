#include "control/state/state_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>
#include <optional>

#include "control/state/test_directory.h"
#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using testing::AllOf;
using testing::HasSubstr;

SavedState Version(std::uint64_t revision) {
  return {.revision = net::Revision{revision},
          .state = StateOf({Tap("port" + std::to_string(revision))})};
}

class StateFileTest : public testing::Test {
 protected:
  // As a daemon that starts.
  void Reopen() {
    file_.reset();
    auto file = StateFile::Open(directory_.path("state-dir"));
    ASSERT_TRUE(file.ok()) << file.status();
    file_.emplace(*std::move(file));
  }
  void SetUp() override { Reopen(); }

  void Save(std::uint64_t revision) {
    ASSERT_TRUE(file_->Stage(Version(revision)).ok());
    ASSERT_TRUE(file_->Commit().ok());
  }
  StateFile::Loaded Load() {
    auto loaded = file_->Load();
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? *std::move(loaded) : StateFile::Loaded{};
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory_.path("state-dir/" + name);
  }

  TestDirectory directory_;
  std::optional<StateFile> file_;
};

TEST_F(StateFileTest, NothingThereIsAnEmptyState) {
  EXPECT_EQ(Load().saved, SavedState{});
  EXPECT_EQ(Load().problem, "");
}

TEST_F(StateFileTest, WhatWasCommittedLastIsLoaded) {
  for (const std::uint64_t revision : {1U, 2U, 3U}) {
    Save(revision);
    Reopen();
    EXPECT_EQ(Load().saved, Version(revision));
    EXPECT_EQ(Load().problem, "");
  }
  EXPECT_EQ(Decode(ReadAll(path("state.bak"))).value(), Version(2)) << "one version older";
}

TEST_F(StateFileTest, NobodyElseMayLookInside) {
  Save(1);
  EXPECT_EQ(ModeOf(path("")), "0700");
  EXPECT_EQ(ModeOf(path("state")), "0600");
  EXPECT_TRUE(StateFile::Open(directory_.path("slash/")).ok());
  EXPECT_EQ(ModeOf(directory_.path("slash")), "0700");
}

TEST_F(StateFileTest, WhatWasOnlyStagedIsNotLoaded) {
  Save(1);
  ASSERT_TRUE(file_->Stage(Version(2)).ok());
  Reopen();
  EXPECT_EQ(Load().saved, Version(1));
  EXPECT_EQ(Load().problem, "");
}

TEST_F(StateFileTest, AnotherStageReplacesTheFirst) {
  ASSERT_TRUE(file_->Stage(Version(1)).ok());
  Save(2);
  EXPECT_EQ(Load().saved, Version(2));
}

// The moments between Commit's steps: what the directory holds then.
TEST_F(StateFileTest, ACrashLeavesTheOldOrTheNewStateWhole) {
  Save(1);
  Save(2);
  ASSERT_TRUE(file_->Stage(Version(3)).ok());
  EXPECT_EQ(Load().saved, Version(2)) << "staged";
  fs::create_hard_link(path("state"), path("state.link"));
  EXPECT_EQ(Load().saved, Version(2)) << "linked";
  fs::rename(path("state.link"), path("state.bak"));
  EXPECT_EQ(Load().saved, Version(2)) << "the present one has become the older one, too";
  ASSERT_TRUE(file_->Commit().ok()) << "goes on where it was interrupted";
  EXPECT_EQ(Load().saved, Version(3));
  EXPECT_EQ(Decode(ReadAll(path("state.bak"))).value(), Version(2));
}

TEST_F(StateFileTest, LeftOversOfACrashAreNoObstacle) {
  Save(1);
  WriteAll(path("state.link"), "left over");
  WriteAll(path("state.new"), std::string(1 << 16, 'x'));
  Save(2);
  EXPECT_EQ(Load().saved, Version(2));
  EXPECT_EQ(Load().problem, "");
}

TEST_F(StateFileTest, TheOlderVersionStandsInForADamagedFile) {
  Save(1);
  Save(2);
  const std::string whole = ReadAll(path("state"));
  WriteAll(path("state"), whole.substr(0, whole.size() - 1));
  const StateFile::Loaded loaded = Load();
  EXPECT_EQ(loaded.saved, Version(1));
  EXPECT_THAT(loaded.problem,
              AllOf(HasSubstr(path("state") + ": it has "), HasSubstr(" (kept as .damaged)")));
  EXPECT_EQ(ReadAll(path("state.damaged")), whole.substr(0, whole.size() - 1));
  Save(3);
  EXPECT_EQ(Load().saved, Version(3));
}

TEST_F(StateFileTest, BothDamagedIsAnEmptyStateAndSaidLoudly) {
  Save(1);
  Save(2);
  WriteAll(path("state"), "");
  WriteAll(path("state.bak"), "x");
  const StateFile::Loaded loaded = Load();
  EXPECT_EQ(loaded.saved, SavedState{});
  EXPECT_THAT(loaded.problem,
              AllOf(HasSubstr(path("state") + ": "), HasSubstr(path("state.bak") + ": ")));
}

TEST_F(StateFileTest, WhatCannotBeReadIsDamaged) {
  Save(1);
  Save(2);
  fs::remove(path("state"));
  fs::create_directory(path("state"));  // opens, but read() fails, as on a broken disk
  const StateFile::Loaded loaded = Load();
  EXPECT_EQ(loaded.saved, Version(1));
  EXPECT_THAT(loaded.problem, HasSubstr("cannot be read"));
}

TEST_F(StateFileTest, AFileOfANewerVersionIsLeftAlone) {
  Save(1);
  WriteAll(path("state"), "pollux-state 2 whatever\nit may hold");
  const absl::Status status = file_->Load().status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), path("state") + ": it is of version 2, this vswitchd reads up to 1");
  EXPECT_EQ(ReadAll(path("state")), "pollux-state 2 whatever\nit may hold");
}

TEST_F(StateFileTest, AFullDiskRefusesTheChangeAndKeepsTheOldState) {
  Save(1);
  fs::create_symlink("/dev/full", path("state.new"));
  const absl::Status status = file_->Stage(Version(2));
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path("state.new")));
  EXPECT_EQ(Load().saved, Version(1));
}

TEST_F(StateFileTest, ADirectoryThatIsGoneIsNamed) {
  fs::remove_all(path(""));
  EXPECT_THAT(std::string(file_->Stage(Version(1)).message()), HasSubstr(path("state.new")));
  EXPECT_FALSE(file_->Commit().ok());
}

TEST_F(StateFileTest, ADirectoryThatCannotBeMadeIsNamed) {
  WriteAll(directory_.path("file"), "");
  const absl::Status status = StateFile::Open(directory_.path("file/state")).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(),
            "--state-dir: cannot make " + directory_.path("file/state") + ": Not a directory");
}

TEST_F(StateFileTest, OneDaemonPerDirectory) {
  const absl::Status expected = absl::FailedPreconditionError(
      "--state-dir: another vswitchd uses " + directory_.path("state-dir") +
      ": end it, or give this one its own --state-dir");
  EXPECT_EQ(StateFile::Open(directory_.path("state-dir")).status(), expected);
  const pid_t child = fork();
  if (child == 0) {
    _exit(StateFile::Open(directory_.path("state-dir")).status() == expected ? 0 : 1);
  }
  int result = -1;
  waitpid(child, &result, 0);
  EXPECT_EQ(result, 0) << "another process was let in";
  file_.reset();
  EXPECT_TRUE(StateFile::Open(directory_.path("state-dir")).ok()) << "its lock ends with it";
}

}  // namespace
}  // namespace pollux::control
