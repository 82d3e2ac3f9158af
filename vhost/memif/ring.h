// How a memif ring lies in shared memory, and how its buffers are found.
//
// A ring is 128 bytes of header, then descriptors of 16 bytes. The client owns `head`, the server
// `tail`, in both directions; both count modulo 2^16. On a ring to the server, descriptors
// [tail, head) hold frames; on a ring to the client, [tail, head) are empty buffers that the client
// lends. Whoever receives on a ring sets and clears its "mask interrupts" flag.
// All of it may be rewritten by the peer at any moment: indices are read once per burst and
// descriptors once each, into private memory, and only the copy is looked at.
// Threading: views of shared memory; each field says who writes it.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pollux::vhost::memif {

enum class Role : std::uint8_t { kServer, kClient };

inline constexpr std::uint32_t kRingCookie = 0x3E31F20;
inline constexpr std::uint16_t kMaskInterrupts = 1;  // RingHeader::flags
inline constexpr std::uint16_t kNextDescriptor = 1;  // Descriptor::flags: the frame goes on
inline constexpr unsigned kMinLog2RingSize = 2;      // smaller rings would misalign their successor
inline constexpr unsigned kMaxLog2RingSize = 14;
inline constexpr unsigned kMaxRegions = 16;
inline constexpr std::size_t kRingAlignment = 64;

struct Descriptor {
  std::uint16_t flags = 0;
  std::uint16_t region = 0;
  std::uint32_t length = 0;  // of the frame's piece, or of the empty buffer
  std::uint32_t offset = 0;  // into the region
  std::uint32_t metadata = 0;
};
static_assert(sizeof(Descriptor) == 16);

struct RingHeader {
  std::uint32_t cookie;
  std::uint16_t flags;  // by the receiver
  std::uint16_t head;   // by the client
  std::array<std::uint8_t, 56> pad0;
  std::uint16_t tail;  // by the server
  std::array<std::uint8_t, 62> pad1;
};
static_assert(sizeof(RingHeader) == 128 && offsetof(RingHeader, tail) == 64);

constexpr std::size_t RingBytes(unsigned log2_size) {
  return sizeof(RingHeader) + (sizeof(Descriptor) << log2_size);
}

// A ring at a place that was checked to be aligned and wholly inside its region.
class Ring {
 public:
  Ring(std::uint8_t* at, unsigned log2_size)
      : header_(reinterpret_cast<RingHeader*>(at)),
        descriptors_(at + sizeof(RingHeader)),
        mask_((std::size_t{1} << log2_size) - 1) {}

  [[nodiscard]] std::uint16_t size() const { return static_cast<std::uint16_t>(mask_ + 1); }
  [[nodiscard]] std::atomic_ref<std::uint32_t> cookie() const {
    return std::atomic_ref(header_->cookie);
  }
  [[nodiscard]] std::atomic_ref<std::uint16_t> flags() const {
    return std::atomic_ref(header_->flags);
  }
  [[nodiscard]] std::atomic_ref<std::uint16_t> head() const {
    return std::atomic_ref(header_->head);
  }
  [[nodiscard]] std::atomic_ref<std::uint16_t> tail() const {
    return std::atomic_ref(header_->tail);
  }

  // One read of the descriptor at a free-running index: two loads that the compiler can't repeat.
  [[nodiscard]] Descriptor Load(std::uint16_t index) const {
    std::uint64_t* at = Words(index);
    return std::bit_cast<Descriptor>(
        std::array{std::atomic_ref(at[0]).load(std::memory_order_relaxed),
                   std::atomic_ref(at[1]).load(std::memory_order_relaxed)});
  }
  void Store(std::uint16_t index, const Descriptor& descriptor) const {
    std::uint64_t* at = Words(index);
    const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(descriptor);
    std::atomic_ref(at[0]).store(words[0], std::memory_order_relaxed);
    std::atomic_ref(at[1]).store(words[1], std::memory_order_relaxed);
  }
  // Fetches the cache lines of `count` descriptors from `index` on.
  void Prefetch(std::uint16_t index, unsigned count) const {
    constexpr unsigned kPerLine = 64 / sizeof(Descriptor);
    for (unsigned i = 0; i < count; i += kPerLine) {
      __builtin_prefetch(Words(static_cast<std::uint16_t>(index + i)));
    }
  }

 private:
  [[nodiscard]] std::uint64_t* Words(std::uint16_t index) const {
    return reinterpret_cast<std::uint64_t*>(descriptors_ + (index & mask_) * sizeof(Descriptor));
  }

  RingHeader* header_;
  std::uint8_t* descriptors_;
  std::size_t mask_;
};

// The shared memory that descriptors point into.
class RegionTable {
 public:
  void Set(unsigned index, std::uint8_t* data, std::uint64_t size) {
    regions_[index] = {data, size};
  }

  // First byte of [offset, offset + length) of a region, or null if any of it lies outside.
  [[nodiscard]] std::uint8_t* At(unsigned region, std::uint64_t offset,
                                 std::uint64_t length) const {
    if (region >= kMaxRegions || length > regions_[region].size ||
        offset > regions_[region].size - length) [[unlikely]] {
      return nullptr;
    }
    return regions_[region].data + offset;
  }
  // The buffer of a descriptor; null too if it has no bytes.
  [[nodiscard]] std::uint8_t* BufferOf(const Descriptor& descriptor) const {
    return descriptor.length == 0 ? nullptr
                                  : At(descriptor.region, descriptor.offset, descriptor.length);
  }

 private:
  struct Region {
    std::uint8_t* data = nullptr;
    std::uint64_t size = 0;
  };
  std::array<Region, kMaxRegions> regions_{};
};

}  // namespace pollux::vhost::memif
