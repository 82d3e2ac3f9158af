// The guest's memory: which tables are refused, what is translated, and what happens when it
// shrinks.
#include "vhost/vhost_user/memory_table.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <string>
#include <vector>

#include "vhost/test_system.h"

namespace pollux::vhost::vhost_user {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kFile = 16 * kPage;
constexpr std::uint64_t kMax = ~std::uint64_t{0};

UniqueFd MakeFile() {
  UniqueFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  PCHECK(ftruncate(fd.get(), kFile) == 0);
  return fd;
}

// Every region of a file of its own.
absl::StatusOr<std::shared_ptr<const MemoryTable>> Create(
    const std::vector<MemoryRegion>& regions) {
  std::vector<UniqueFd> fds;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    fds.push_back(MakeFile());
  }
  return MemoryTable::Create(regions, fds);
}

struct Refused {
  const char* name;
  std::vector<MemoryRegion> regions;
  const char* why;
};
class MemoryTableRefusesTest : public ::testing::TestWithParam<Refused> {};

TEST_P(MemoryTableRefusesTest, AndLeavesNothingMapped) {
  const auto descriptors = OpenDescriptors();
  const auto mappings = Mappings();
  const auto table = Create(GetParam().regions);
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(table.status().message()), HasSubstr(GetParam().why));
  EXPECT_EQ(Mappings(), mappings);
  EXPECT_EQ(OpenDescriptors(), descriptors);
}

// Good regions side by side.
std::vector<MemoryRegion> Row(std::size_t count) {
  std::vector<MemoryRegion> regions;
  for (std::size_t i = 0; i < count; ++i) {
    regions.push_back({i * kPage, kPage, (i + 100) * kPage, 0});
  }
  return regions;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MemoryTableRefusesTest,
    ::testing::Values(
        Refused{"Nine", Row(9), "at most 8"}, Refused{"Empty", {{0, 0, 0, 0}}, "impossible range"},
        Refused{"GuestAddressWraps", {{kMax - kPage + 1, kPage + 1, 0, 0}}, "impossible range"},
        Refused{"UserAddressWraps", {{0, kPage + 1, kMax - kPage + 1, 0}}, "impossible range"},
        Refused{"SizeAllOnes", {{0, kMax, 0, 0}}, "impossible range, offset 0"},
        Refused{"SizeAllOnesElsewhere", {{1, kMax, 0, 0}}, "impossible range"},
        Refused{"OffsetPlusSizeWraps", {{0, kPage, 0, kMax - kPage + 1}}, "impossible range"},
        Refused{"OffsetBeyondSigned", {{0, kPage, 0, std::uint64_t{1} << 63}}, "impossible range"},
        Refused{"LongerThanItsFile", {{0, kFile + 1, 0, 0}}, "the file at 65536"},
        Refused{"OffsetAtTheEnd", {{0, 1, 0, kFile}}, "the file at 65536"},
        Refused{"OffsetAndSizeBeyond", {{0, kPage, 0, kFile - kPage + 1}}, "the file at 65536"},
        Refused{"TheSameTwice", {{0, kPage, 0, 0}, {0, kPage, 0, 0}}, "region 1 overlaps"},
        Refused{"OneByteOfGuestAddresses",
                {{0, kPage, 0, 0}, {kPage - 1, kPage, kFile, 0}},
                "region 1 overlaps"},
        Refused{"OneByteOfUserAddresses",
                {{0, kPage, kPage, 0}, {kFile, kPage, 1, 0}},
                "region 1 overlaps"},
        Refused{"WithinAnother", {{0, kFile, 0, 0}, {kPage, kPage, kFile, 0}}, "region 1 overlaps"},
        Refused{"TheThirdIsWrong",
                {{0, kPage, 0, 0}, {kPage, kPage, kPage, 0}, {kFile, kFile + 1, kFile, 0}},
                "region 2"}),
    [](const auto& row) { return std::string(row.param.name); });

struct WrongFile {
  const char* name;
  UniqueFd (*make)();
};
class MemoryTableFileTest : public ::testing::TestWithParam<WrongFile> {};

TEST_P(MemoryTableFileTest, IsRefused) {
  std::vector<UniqueFd> fds;
  fds.push_back(GetParam().make());
  const std::vector<MemoryRegion> regions{{0, kPage, 0, 0}};
  EXPECT_FALSE(MemoryTable::Create(regions, fds).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MemoryTableFileTest,
    ::testing::Values(
        WrongFile{"None", [] { return UniqueFd(); }},
        WrongFile{"Device", [] { return UniqueFd(open("/dev/zero", O_RDWR | O_CLOEXEC)); }},
        WrongFile{"ReadOnly",
                  [] {
                    const UniqueFd file = MakeFile();
                    return UniqueFd(open(("/proc/self/fd/" + std::to_string(file.get())).c_str(),
                                         O_RDONLY | O_CLOEXEC));
                  }},
        WrongFile{"SealedAgainstWriting",
                  [] {
                    UniqueFd file = MakeFile();
                    PCHECK(fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE) == 0);
                    return file;
                  }},
        WrongFile{"EmptyFile", [] { return UniqueFd(memfd_create("empty", MFD_CLOEXEC)); }}),
    [](const auto& row) { return std::string(row.param.name); });

// Two regions side by side in guest addresses, the second at an odd offset of its file; one far up.
class MemoryTableTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kTop = kMax - kPage;
  MemoryTableTest()
      : table_(*Create({{kPage, kPage, 0, 0},
                        {2 * kPage, kPage, 100 * kPage, 300},
                        {kTop, kPage, kTop, kPage}})) {}
  std::uint8_t* Translate(std::uint64_t address, std::uint64_t length) {
    return table_->Translate(address, length, last_);
  }
  std::shared_ptr<const MemoryTable> table_;
  std::uint32_t last_ = 0;
};

TEST_F(MemoryTableTest, WhatLiesInOneRegionIsTranslated) {
  EXPECT_NE(Translate(kPage, kPage), nullptr);
  EXPECT_NE(Translate(2 * kPage - 1, 1), nullptr);
  std::uint8_t* const second = Translate(2 * kPage, kPage);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second) % kPage, 300U);
  EXPECT_EQ(Translate(2 * kPage + 5, 1), second + 5);
  EXPECT_NE(Translate(kTop, kPage), nullptr);
  EXPECT_EQ(table_->TranslateUser(100 * kPage, 1), second);
}

TEST_F(MemoryTableTest, WhatDoesNotIsNot) {
  for (const auto& [address, length] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {0, 1},
           {kPage - 1, 1},
           {kPage - 1, 2},
           {2 * kPage - 1, 2},  // in two, which do not lie side by side here
           {3 * kPage, 1},
           {3 * kPage - 1, 2},
           {kPage, kMax},
           {2 * kPage, kMax - 2 * kPage + 1},
           {kTop, kPage + 1},
           {kMax, 1},
           {kMax, kMax}}) {
    EXPECT_EQ(Translate(address, length), nullptr) << address << " " << length;
  }
  EXPECT_EQ(table_->TranslateUser(kPage, 1), nullptr) << "a guest's address is no user's";
}

TEST_F(MemoryTableTest, PiecesEndWithTheirRegion) {
  EXPECT_EQ(table_->Piece(2 * kPage - 10, 100).size(), 10U);
  EXPECT_EQ(table_->Piece(2 * kPage, 100).size(), 100U);
  EXPECT_EQ(table_->Piece(kTop, kMax).size(), kPage);
  EXPECT_TRUE(table_->Piece(0, 100).empty());
  EXPECT_TRUE(table_->Piece(kMax, 1).empty());
}

TEST(MemoryTable, GivesEverythingBack) {
  const auto descriptors = OpenDescriptors();
  const auto mappings = Mappings();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Create(Row(8)).ok());
  }
  EXPECT_EQ(Mappings(), mappings);
  EXPECT_EQ(OpenDescriptors(), descriptors);
}

TEST(MemoryTable, ShrinksUnderItsReader) {
  std::vector<UniqueFd> fds;
  fds.push_back(MakeFile());
  const std::vector<MemoryRegion> regions{{0, kFile, 0, 0}};
  const auto table = *MemoryTable::Create(regions, fds);
  std::uint32_t last = 0;
  std::uint8_t* const end = table->Translate(kFile - 1, 1, last);
  *end = 7;
  EXPECT_FALSE(table->faulted());
  PCHECK(ftruncate(fds[0].get(), kPage) == 0);
  EXPECT_EQ(*const_cast<volatile std::uint8_t*>(end), 0);
  EXPECT_TRUE(table->faulted());
}

}  // namespace
}  // namespace pollux::vhost::vhost_user
