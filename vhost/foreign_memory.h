// Memory that a peer owns and shares with us through a file descriptor.
//
// The peer may shrink the file at any time; touching a page beyond its end then raises SIGBUS. A
// process-wide handler finds the mapping that the fault lies in, replaces the whole mapping by
// private zero pages, so that the access simply continues, and sets the owner's flag. The owner
// (a port) looks at the flag once per burst and quarantines itself. A fault outside every mapping
// is a bug of ours and ends the process as usual.
//
// Threading: Map and the destructor by one control thread per object; the flag is set in a signal
// handler and may be read by anybody.
#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace pollux::vhost {

// What must hold of a descriptor before it is mapped.
enum class SealPolicy : std::uint8_t {
  kRequireShrinkSeal,  // F_SEAL_SHRINK must be set: the file can't shrink (memif)
  kAllowUnsealed,      // hugetlbfs files cannot be sealed (vhost-user): the handler is the net
};

class ForeignMemory {
 public:
  ForeignMemory() = default;
  // Maps [offset, offset + length) of `fd`, shared, readable and writable. `fd` stays the caller's.
  // Refuses (InvalidArgument, with the reason) empty or overflowing ranges, ranges beyond the
  // file's present end, a missing seal, and whatever is no shared memory (memfd, tmpfs, hugetlbfs):
  // a page fault on a file system that the peer serves itself (FUSE) would wait for the peer. The
  // offset need not be aligned to the page size of the file; what lies in front of it is mapped as
  // well, but not part of data(). `faulted` outlives the object.
  static absl::StatusOr<ForeignMemory> Map(int fd, std::uint64_t offset, std::uint64_t length,
                                           SealPolicy seals, std::atomic<bool>* faulted);
  ForeignMemory(ForeignMemory&& other) noexcept { *this = std::move(other); }
  ForeignMemory& operator=(ForeignMemory&& other) noexcept;
  ForeignMemory(const ForeignMemory&) = delete;
  ForeignMemory& operator=(const ForeignMemory&) = delete;
  ~ForeignMemory() { Unmap(); }

  [[nodiscard]] std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  void Unmap();

  void* mapping_ = nullptr;
  std::size_t mapping_size_ = 0;
  std::uint8_t* data_ = nullptr;
  std::uint64_t size_ = 0;
  int slot_ = -1;  // in the fault handler's registry
};

}  // namespace pollux::vhost
