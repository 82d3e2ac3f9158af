#include "control/kubernetes/manifest_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace pollux::kubernetes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string Namespace(const std::string& name) {
  return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + "}\n---\n";
}

class ManifestDirectoryTest : public testing::Test {
 protected:
  ManifestDirectoryTest() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~ManifestDirectoryTest() override { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string At(const std::string& name) const { return path_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(At(name)) << text;
  }
  [[nodiscard]] std::string Names() const {
    std::string names;
    for (const auto& [name, object] : directory_.cluster().namespaces) {
      names += (names.empty() ? "" : " ") + name;
    }
    return names;
  }

  const std::string path_ = testing::TempDir() + "manifests-" + std::to_string(getpid());
  ManifestDirectory directory_{path_};
};

TEST_F(ManifestDirectoryTest, FilesComeChangeAndGo) {
  Write("a.yaml", Namespace("a"));
  Write("b.yml", Namespace("b"));
  Write("c.json", R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c"}})");
  Write(".hidden.yaml", Namespace("hidden"));
  Write("readme.txt", "not for us");
  EXPECT_TRUE(directory_.Scan());
  EXPECT_EQ(Names(), "a b c");
  EXPECT_FALSE(directory_.Scan()) << "nothing changed";
  Write("b.yml", Namespace("b") + Namespace("b2"));
  std::filesystem::remove(At("a.yaml"));
  EXPECT_TRUE(directory_.Scan());
  EXPECT_EQ(Names(), "b b2 c");
  std::filesystem::rename(At("b.yml"), At("z.yml"));
  EXPECT_TRUE(directory_.Scan());
  EXPECT_EQ(Names(), "b b2 c");
}

TEST_F(ManifestDirectoryTest, ABadFileKeepsWhatItLastHadAndOthersGoOn) {
  Write("a.yaml", Namespace("a") + Namespace("a2"));
  directory_.Scan();
  Write("a.yaml", Namespace("a3") + "apiVersion: v1\nkind: Namespace\nmetadata: {name: 'A B'}\n");
  Write("b.yaml", Namespace("b"));
  EXPECT_TRUE(directory_.Scan());
  EXPECT_EQ(Names(), "a a2 b");
  ASSERT_THAT(directory_.files(), SizeIs(2));
  EXPECT_EQ(directory_.files()[0].name, "a.yaml");
  ASSERT_THAT(directory_.files()[0].problems, SizeIs(1));
  EXPECT_EQ(directory_.files()[0].problems[0].line, 7);
  EXPECT_EQ(directory_.files()[0].problems[0].field, "metadata.name");
  EXPECT_EQ(directory_.files()[0].objects, 2U);
  Write("a.yaml", Namespace("a3"));
  EXPECT_TRUE(directory_.Scan());
  EXPECT_EQ(Names(), "a3 b");
  EXPECT_THAT(directory_.files()[0].problems, IsEmpty());
}

TEST_F(ManifestDirectoryTest, AnObjectInTwoFilesIsTheFirstOnes) {
  Write("b.yaml", Namespace("x"));
  directory_.Scan();
  Write("a.yaml", Namespace("x") + Namespace("y"));
  directory_.Scan();
  EXPECT_EQ(Names(), "x y");
  const ManifestDirectory::File& a = directory_.files()[0];
  ASSERT_THAT(a.problems, SizeIs(1));
  EXPECT_THAT(a.problems[0].text, HasSubstr("\"x\" is in b.yaml already"));
  EXPECT_EQ(a.objects, 1U);
  std::filesystem::remove(At("b.yaml"));
  directory_.Scan();
  EXPECT_EQ(Names(), "x y");
  EXPECT_THAT(directory_.files()[0].problems, IsEmpty());
}

TEST_F(ManifestDirectoryTest, AMountedConfigMap) {
  std::filesystem::create_directories(At("..v1"));
  std::filesystem::create_directories(At("..v2"));
  Write("..v1/a.yaml", Namespace("one"));
  Write("..v2/a.yaml", Namespace("two"));
  std::filesystem::create_symlink("..v1", At("..data"));
  std::filesystem::create_symlink("..data/a.yaml", At("a.yaml"));
  directory_.Scan();
  EXPECT_EQ(Names(), "one");
  std::filesystem::create_symlink("..v2", At("..tmp"));
  std::filesystem::rename(At("..tmp"), At("..data"));
  directory_.Scan();
  EXPECT_EQ(Names(), "two");
}

TEST_F(ManifestDirectoryTest, WhatIsNoFileIsNamed) {
  ASSERT_EQ(mkfifo(At("fifo.yaml").c_str(), 0600), 0);
  std::filesystem::create_directories(At("directory.yaml"));
  std::filesystem::create_symlink("nowhere", At("link.yaml"));
  Write("zero.yaml", std::string("a: \0b\n", 6));
  Write("a.yaml", Namespace("a"));
  directory_.Scan();
  EXPECT_EQ(Names(), "a");
  for (const ManifestDirectory::File& file : directory_.files()) {
    EXPECT_EQ(file.problems.empty(), file.name == "a.yaml") << file.name;
  }
}

TEST_F(ManifestDirectoryTest, ADirectoryThatIsGoneTakesNothingWithIt) {
  Write("a.yaml", Namespace("a"));
  directory_.Scan();
  std::filesystem::rename(path_, path_ + ".away");
  EXPECT_TRUE(directory_.Scan());
  EXPECT_EQ(Names(), "a");
  EXPECT_EQ(directory_.files()[0].name, "");
  EXPECT_THAT(directory_.files()[0].problems[0].text, HasSubstr("No such file"));
  std::filesystem::rename(path_ + ".away", path_);
  EXPECT_TRUE(directory_.Scan());
  EXPECT_EQ(Names(), "a");
  EXPECT_EQ(directory_.files()[0].name, "a.yaml");
}

}  // namespace
}  // namespace pollux::kubernetes
