#include "vhost/foreign_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "vhost/unique_fd.h"

namespace pollux::vhost {
namespace {

constexpr std::size_t kPage = 4096;

UniqueFd MakeFile(std::size_t size) {
  UniqueFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  return fd;
}

// A read that the compiler cannot drop or repeat.
std::uint8_t Touch(const std::uint8_t* at) { return *const_cast<const volatile std::uint8_t*>(at); }

class ForeignMemoryTest : public ::testing::Test {
 protected:
  ForeignMemory Map(int fd, std::uint64_t offset, std::uint64_t length) {
    auto memory = ForeignMemory::Map(fd, offset, length, SealPolicy::kAllowUnsealed, &faulted_);
    EXPECT_TRUE(memory.ok()) << memory.status();
    return *std::move(memory);
  }
  std::atomic<bool> faulted_{false};
};

TEST_F(ForeignMemoryTest, ShowsTheFileAtAnyOffset) {
  const UniqueFd fd = MakeFile(4 * kPage);
  ASSERT_EQ(pwrite(fd.get(), "hello", 5, kPage + 100), 5);
  const ForeignMemory memory = Map(fd.get(), kPage + 100, 2 * kPage);
  EXPECT_EQ(memory.size(), 2 * kPage);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(memory.data()), 5), "hello");
  memory.data()[0] = 'j';
  char back = 0;
  ASSERT_EQ(pread(fd.get(), &back, 1, kPage + 100), 1);
  EXPECT_EQ(back, 'j');
}

struct Refused {
  const char* name;
  std::uint64_t offset;
  std::uint64_t length;
};
class ForeignMemoryRangeTest : public ForeignMemoryTest,
                               public ::testing::WithParamInterface<Refused> {};

TEST_P(ForeignMemoryRangeTest, IsRefused) {
  const UniqueFd fd = MakeFile(4 * kPage);
  EXPECT_EQ(ForeignMemory::Map(fd.get(), GetParam().offset, GetParam().length,
                               SealPolicy::kAllowUnsealed, &faulted_)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Rows, ForeignMemoryRangeTest,
                         ::testing::Values(Refused{"Empty", 0, 0},
                                           Refused{"OneBeyondTheEnd", 1, 4 * kPage},
                                           Refused{"BehindTheEnd", 5 * kPage, kPage},
                                           Refused{"SumWraps", ~0ULL - 10, 100},
                                           Refused{"LengthAllOnes", 0, ~0ULL},
                                           Refused{"OffsetBeyondSigned", 1ULL << 63, kPage}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(ForeignMemoryTest, SealIsDemandedWhereThePolicySaysSo) {
  const UniqueFd fd = MakeFile(kPage);
  const auto map = [&] {
    return ForeignMemory::Map(fd.get(), 0, kPage, SealPolicy::kRequireShrinkSeal, &faulted_).ok();
  };
  EXPECT_FALSE(map());
  ASSERT_EQ(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_TRUE(map());
}

TEST_F(ForeignMemoryTest, OnlySharedMemoryIsMapped) {
  for (const char* path : {"/proc/self/exe", "/dev/zero"}) {
    const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(fd.valid());
    EXPECT_FALSE(ForeignMemory::Map(fd.get(), 0, 16, SealPolicy::kAllowUnsealed, &faulted_).ok())
        << path;
  }
}

TEST_F(ForeignMemoryTest, ShrunkFileBecomesZerosAndSaysSo) {
  const UniqueFd fd = MakeFile(4 * kPage);
  const UniqueFd neighbour_fd = MakeFile(kPage);
  std::atomic<bool> neighbour_faulted{false};
  const auto neighbour = ForeignMemory::Map(neighbour_fd.get(), 0, kPage,
                                            SealPolicy::kAllowUnsealed, &neighbour_faulted);
  ASSERT_TRUE(neighbour.ok());
  neighbour->data()[0] = 7;
  const ForeignMemory memory = Map(fd.get(), 0, 4 * kPage);
  memory.data()[0] = 42;
  ASSERT_EQ(ftruncate(fd.get(), kPage), 0);
  EXPECT_EQ(Touch(memory.data()), 42) << "the page that is still there";
  EXPECT_FALSE(faulted_);
  EXPECT_EQ(Touch(memory.data() + 3 * kPage), 0);
  EXPECT_TRUE(faulted_);
  EXPECT_EQ(Touch(memory.data()), 0) << "all of it is replaced, so nobody mixes old and new";
  memory.data()[2 * kPage] = 1;  // writes are lost, not fatal
  EXPECT_FALSE(neighbour_faulted);
  EXPECT_EQ(Touch(neighbour->data()), 7);
}

TEST_F(ForeignMemoryTest, ShrinksUnderSeveralReaders) {
  const UniqueFd fd = MakeFile(64 * kPage);
  const ForeignMemory memory = Map(fd.get(), 0, 64 * kPage);
  const auto read_until_fault = [&] {
    for (std::size_t page = 0; !faulted_; page = (page + 1) % 64) {
      Touch(memory.data() + page * kPage);
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back(read_until_fault);
  }
  ASSERT_EQ(ftruncate(fd.get(), 0), 0);
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_TRUE(faulted_);
}

TEST_F(ForeignMemoryTest, FaultElsewhereStillEndsTheProcess) {
  const UniqueFd fd = MakeFile(kPage);
  const ForeignMemory memory = Map(fd.get(), 0, kPage);  // installs the handler
  void* own = mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(own, MAP_FAILED);
  ASSERT_EQ(ftruncate(fd.get(), 0), 0);
  EXPECT_DEATH(Touch(static_cast<std::uint8_t*>(own)), "");
  munmap(own, kPage);
}

TEST_F(ForeignMemoryTest, MovesWithItsPlaceInTheRegistry) {
  const UniqueFd fd = MakeFile(kPage);
  ForeignMemory first = Map(fd.get(), 0, kPage);
  const ForeignMemory second = std::move(first);
  ASSERT_EQ(ftruncate(fd.get(), 0), 0);
  EXPECT_EQ(Touch(second.data()), 0);
  EXPECT_TRUE(faulted_);
}

TEST_F(ForeignMemoryTest, PlacesInTheRegistryAreGivenBack) {
  const UniqueFd fd = MakeFile(kPage);
  for (int i = 0; i < 20000; ++i) {  // more than there are
    Map(fd.get(), 0, kPage);
  }
}

}  // namespace
}  // namespace pollux::vhost
