#include "vhost/vhost_user/test_memory.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/mman.h>

#include <array>
#include <atomic>

namespace pollux::vhost::vhost_user {

GuestMemory::GuestMemory(std::size_t size)
    : fd_(memfd_create("test-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING)), size_(size) {
  PCHECK(fd_.valid());
  PCHECK(ftruncate(fd_.get(), static_cast<off_t>(size)) == 0);
  void* mapping = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  PCHECK(mapping != MAP_FAILED);
  bytes_ = static_cast<std::uint8_t*>(mapping);
}

GuestMemory::~GuestMemory() { munmap(bytes_, size_); }

std::size_t GuestMemory::Allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t at = (used_ + alignment - 1) / alignment * alignment;
  CHECK_LE(at + bytes, size_) << "the test's guest has no memory left";
  used_ = at + bytes;
  return at;
}

std::shared_ptr<const MemoryTable> GuestMemory::Map() const {
  const std::array regions{Region()};
  std::array<UniqueFd, 1> fds{UniqueFd(dup(fd()))};
  auto table = MemoryTable::Create(regions, fds);
  CHECK(table.ok()) << table.status();
  return *table;
}

GuestRing::GuestRing(GuestMemory& memory, std::uint16_t size)
    : memory_(&memory),
      size_(size),
      descriptors_(memory.Allocate(Vring::DescriptorBytes(size))),
      available_(memory.Allocate(Vring::AvailableBytes(size))),
      used_(memory.Allocate(Vring::UsedBytes(size))) {}

UsedElement GuestRing::used_element(unsigned index) const {
  UsedElement element;
  std::memcpy(&element, memory_->At(used_) + 4 + sizeof element * (index & (size_ - 1U)),
              sizeof element);
  return element;
}

std::uint16_t GuestRing::Chain(std::span<const Piece> pieces) {
  const std::uint16_t head = NextDescriptor();
  std::uint16_t at = head;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool last = i + 1 == pieces.size();
    const std::uint16_t next = last ? std::uint16_t{0} : NextDescriptor();
    descriptor(at) = {
        .address = GuestMemory::kGuestBase + pieces[i].offset,
        .length = pieces[i].length,
        .flags = static_cast<std::uint16_t>((last ? 0 : Descriptor::kNext) |
                                            (pieces[i].writable ? Descriptor::kWrite : 0)),
        .next = next};
    at = next;
  }
  return head;
}

std::uint16_t GuestRing::IndirectChain(std::span<const Piece> pieces) {
  const std::size_t table = memory_->Allocate(pieces.size() * sizeof(Descriptor));
  auto* entries = reinterpret_cast<Descriptor*>(memory_->At(table));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool last = i + 1 == pieces.size();
    entries[i] = {
        .address = GuestMemory::kGuestBase + pieces[i].offset,
        .length = pieces[i].length,
        .flags = static_cast<std::uint16_t>((last ? 0 : Descriptor::kNext) |
                                            (pieces[i].writable ? Descriptor::kWrite : 0)),
        .next = static_cast<std::uint16_t>(last ? 0 : i + 1)};
  }
  const std::uint16_t head = NextDescriptor();
  descriptor(head) = {.address = GuestMemory::kGuestBase + table,
                      .length = static_cast<std::uint32_t>(pieces.size() * sizeof(Descriptor)),
                      .flags = Descriptor::kIndirect,
                      .next = 0};
  return head;
}

void GuestRing::Reset() {
  std::memset(memory_->At(descriptors_), 0, Vring::DescriptorBytes(size_));
  std::memset(memory_->At(available_), 0, Vring::AvailableBytes(size_));
  std::memset(memory_->At(used_), 0, Vring::UsedBytes(size_));
  next_descriptor_ = 0;
  next_used_ = 0;
}

void GuestRing::Offer(std::uint16_t head) {
  const std::uint16_t index = available(1);
  available(2U + (index & (size_ - 1U))) = head;
  std::atomic_ref(available(1))
      .store(static_cast<std::uint16_t>(index + 1), std::memory_order_release);
}

std::optional<UsedElement> GuestRing::TakeUsed() {
  if (std::atomic_ref(used(1)).load(std::memory_order_acquire) == next_used_) {
    return std::nullopt;
  }
  return used_element(next_used_++);
}

Vring GuestRing::View(const MemoryTable& table) const {
  const VringAddress at = Address(0);
  return {table.TranslateUser(at.descriptors, Vring::DescriptorBytes(size_)),
          table.TranslateUser(at.available, Vring::AvailableBytes(size_)),
          table.TranslateUser(at.used, Vring::UsedBytes(size_)), size_};
}

VringAddress GuestRing::Address(std::uint32_t index) const {
  return {.index = index,
          .flags = 0,
          .descriptors = GuestMemory::kUserBase + descriptors_,
          .used = GuestMemory::kUserBase + used_,
          .available = GuestMemory::kUserBase + available_,
          .log = 0};
}

}  // namespace pollux::vhost::vhost_user
