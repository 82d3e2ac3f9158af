#include "vhost/foreign_memory.h"

#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <glog/logging.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <mutex>

namespace pollux::vhost {
namespace {

// Written under g_registry_mutex, read by the signal handler. A slot is claimed by storing `begin`
// last and released by clearing it first, so the handler never sees a half-written one; a fault in
// a mapping that is being unmapped cannot happen, since its users have passed a grace period.
struct Slot {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::size_t> size{0};
  std::atomic<std::atomic<bool>*> faulted{nullptr};
};

constexpr std::size_t kMaxMappings = 16384;
std::array<Slot, kMaxMappings> g_slots;
std::atomic<std::size_t> g_slots_used{0};
std::mutex g_registry_mutex;
struct sigaction g_previous_action;

void OnBusError(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const std::size_t used = g_slots_used.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < used; ++i) {
    const std::uintptr_t begin = g_slots[i].begin.load(std::memory_order_acquire);
    const std::size_t size = g_slots[i].size.load(std::memory_order_relaxed);
    if (begin != 0 && address >= begin && address - begin < size) {
      // mmap is a plain system call on Linux and safe here.
      const void* replaced = mmap(reinterpret_cast<void*>(begin), size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
      if (replaced != MAP_FAILED) {
        g_slots[i].faulted.load(std::memory_order_relaxed)->store(true, std::memory_order_release);
        return;
      }
    }
  }
  // Not ours: as if we were not here.
  if ((g_previous_action.sa_flags & SA_SIGINFO) != 0 && g_previous_action.sa_sigaction != nullptr) {
    g_previous_action.sa_sigaction(signal, info, context);
    return;
  }
  std::signal(SIGBUS, SIG_DFL);  // the fault repeats on return
}

void InstallHandlerOnce() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = OnBusError;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    PCHECK(sigaction(SIGBUS, &action, &g_previous_action) == 0);
    return true;
  }();
  (void)installed;
}

int RegisterMapping(void* begin, std::size_t size, std::atomic<bool>* faulted) {
  InstallHandlerOnce();
  const std::lock_guard lock(g_registry_mutex);
  for (std::size_t i = 0; i < kMaxMappings; ++i) {
    if (g_slots[i].begin.load(std::memory_order_relaxed) == 0) {
      g_slots[i].size.store(size, std::memory_order_relaxed);
      g_slots[i].faulted.store(faulted, std::memory_order_relaxed);
      g_slots[i].begin.store(reinterpret_cast<std::uintptr_t>(begin), std::memory_order_release);
      if (i >= g_slots_used.load(std::memory_order_relaxed)) {
        g_slots_used.store(i + 1, std::memory_order_release);
      }
      return static_cast<int>(i);
    }
  }
  return -1;
}

void UnregisterMapping(int slot) {
  const std::lock_guard lock(g_registry_mutex);
  g_slots[static_cast<std::size_t>(slot)].begin.store(0, std::memory_order_release);
}

// The page size that mappings of this file are made of: 2 MB or 1 GB on hugetlbfs.
std::uint64_t MappingGranularity(int fd) {
  struct statfs fs {};
  if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > 0) {
    return static_cast<std::uint64_t>(fs.f_bsize);
  }
  return static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

absl::Status CheckFile(int fd, std::uint64_t end, SealPolicy policy) {
  // First, because only shared memory knows seals, and no other file is asked anything.
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0) {
    return absl::InvalidArgumentError("shared memory: not a memfd, tmpfs or hugetlbfs file");
  }
  struct stat file {};
  if (fstat(fd, &file) != 0 || file.st_size < 0 || end > static_cast<std::uint64_t>(file.st_size)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("shared memory: the region ends at %d, the file at %d", end, file.st_size));
  }
  if (policy == SealPolicy::kRequireShrinkSeal && (seals & F_SEAL_SHRINK) == 0) {
    return absl::InvalidArgumentError(
        "shared memory: the file is not sealed against shrinking (F_SEAL_SHRINK)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ForeignMemory> ForeignMemory::Map(int fd, std::uint64_t offset, std::uint64_t length,
                                                 SealPolicy seals, std::atomic<bool>* faulted) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (length == 0 || offset > kMax || length > kMax - offset) {
    return absl::InvalidArgumentError(
        absl::StrFormat("shared memory: impossible range, offset %d length %d", offset, length));
  }
  if (const absl::Status status = CheckFile(fd, offset + length, seals); !status.ok()) {
    return status;
  }
  const std::uint64_t page = MappingGranularity(fd);
  const std::uint64_t lead = offset % page;
  const std::uint64_t mapped = (lead + length + page - 1) / page * page;
  void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                       static_cast<off_t>(offset - lead));
  if (mapping == MAP_FAILED) {
    return absl::InvalidArgumentError(absl::StrFormat("shared memory: mmap of %d bytes failed: %s",
                                                      mapped, std::strerror(errno)));
  }
  ForeignMemory memory;
  memory.mapping_ = mapping;
  memory.mapping_size_ = mapped;
  memory.data_ = static_cast<std::uint8_t*>(mapping) + lead;
  memory.size_ = length;
  memory.slot_ = RegisterMapping(mapping, mapped, faulted);
  if (memory.slot_ < 0) {
    return absl::ResourceExhaustedError("shared memory: too many mappings");
  }
  return memory;
}

ForeignMemory& ForeignMemory::operator=(ForeignMemory&& other) noexcept {
  if (this != &other) {
    Unmap();
    mapping_ = std::exchange(other.mapping_, nullptr);
    mapping_size_ = std::exchange(other.mapping_size_, 0);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    slot_ = std::exchange(other.slot_, -1);
  }
  return *this;
}

void ForeignMemory::Unmap() {
  if (mapping_ == nullptr) {
    return;
  }
  if (slot_ >= 0) {
    UnregisterMapping(slot_);
  }
  munmap(mapping_, mapping_size_);
  mapping_ = nullptr;
}

}  // namespace pollux::vhost
