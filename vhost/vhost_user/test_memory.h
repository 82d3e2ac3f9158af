// A guest's memory and its side of the rings, written by hand, for tests: nothing here asks whether
// what it writes makes sense.
// Threading: plain values; the memory is shared with whoever maps it.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "vhost/unique_fd.h"
#include "vhost/vhost_user/memory_table.h"
#include "vhost/vhost_user/vring.h"

namespace pollux::vhost::vhost_user {

// One memfd. Offsets into it are what tests speak of; guest and user addresses differ from them and
// from each other, so that a mix-up shows.
class GuestMemory {
 public:
  static constexpr std::uint64_t kGuestBase = 0x1'0000'0000;
  static constexpr std::uint64_t kUserBase = 0x7f00'0000'0000;

  explicit GuestMemory(std::size_t size = std::size_t{4} << 20);
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;
  ~GuestMemory();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint8_t* At(std::size_t offset) const { return bytes_ + offset; }
  [[nodiscard]] std::size_t Allocate(std::size_t bytes, std::size_t alignment = 64);
  [[nodiscard]] MemoryRegion Region() const {
    return {
        .guest_address = kGuestBase, .size = size_, .user_address = kUserBase, .mmap_offset = 0};
  }
  // As the back-end would map it.
  [[nodiscard]] std::shared_ptr<const MemoryTable> Map() const;

 private:
  UniqueFd fd_;
  std::size_t size_;
  std::size_t used_ = 0;
  std::uint8_t* bytes_;
};

// One piece of a chain, by offset.
struct Piece {
  std::size_t offset;
  std::uint32_t length;
  bool writable = false;
};

// The driver's side of one ring.
class GuestRing {
 public:
  GuestRing(GuestMemory& memory, std::uint16_t size);

  [[nodiscard]] std::uint16_t size() const { return size_; }
  Descriptor& descriptor(unsigned index) {
    return reinterpret_cast<Descriptor*>(memory_->At(descriptors_))[index];
  }
  std::uint16_t& available(unsigned index) {  // flags, index, ring[], used_event
    return reinterpret_cast<std::uint16_t*>(memory_->At(available_))[index];
  }
  std::uint16_t& used(unsigned index) {  // flags, index, ...
    return reinterpret_cast<std::uint16_t*>(memory_->At(used_))[index];
  }
  [[nodiscard]] UsedElement used_element(unsigned index) const;
  std::uint16_t& used_event() { return available(2U + size_); }
  std::uint16_t& available_event() { return used(2 + 4U * size_); }

  // Writes a chain into descriptors that nothing waits in; its head.
  std::uint16_t Chain(std::span<const Piece> pieces);
  // Writes the pieces as a table of descriptors; a chain of one that refers to it.
  std::uint16_t IndirectChain(std::span<const Piece> pieces);
  // As a driver that begins anew leaves it: all zeros.
  void Reset();
  // Makes a head visible.
  void Offer(std::uint16_t head);
  // The next used element, once.
  std::optional<UsedElement> TakeUsed();

  // As the back-end would see it, through its own mapping.
  [[nodiscard]] Vring View(const MemoryTable& table) const;
  [[nodiscard]] VringAddress Address(std::uint32_t index) const;

 private:
  std::uint16_t NextDescriptor() {
    return static_cast<std::uint16_t>(next_descriptor_++ & (size_ - 1U));
  }

  GuestMemory* memory_;
  std::uint16_t size_;
  std::size_t descriptors_;
  std::size_t available_;
  std::size_t used_;
  unsigned next_descriptor_ = 0;
  std::uint16_t next_used_ = 0;
};

}  // namespace pollux::vhost::vhost_user
