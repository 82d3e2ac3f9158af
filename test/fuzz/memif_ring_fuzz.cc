// A hostile peer's memory under both memif ring walkers, in either role: descriptors, indices and
// data are what the input says, and change again between receiving, copying and giving back. The
// regions are heap blocks of exactly their size, for AddressSanitizer. What must hold:
//  - a received frame lies inside a region and within the limits, or has a drop reason;
//  - receiving writes nothing; giving back writes our index, and as a client our own descriptors;
//  - sending writes our index, descriptors of its ring, and buffers that these described (as a
//    client: our own buffers, whatever the peer wrote into the ring), nothing else;
//  - what the peer reads of our index is where we are; a quarantined ring is left alone.
//
// Input: role and ring size (2 bytes), then operations, see Link::Step.
#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "test/fuzz/byte_map.h"
#include "test/fuzz/input.h"
#include "vhost/memif/rx_ring.h"
#include "vhost/memif/tx_ring.h"
#include "vhost/test_frames.h"

namespace pollux::vhost::memif {
namespace {

using core::DropReason;
using fuzz::Input;

constexpr std::uint32_t kMaxFrame = 1514;
constexpr std::array<std::size_t, 2> kRegionBytes = {0x2000, 0x4000};
constexpr std::size_t kRingBytes = 0x1000;  // the rings begin at 0 and here, in region 0
constexpr std::size_t kHeadAt = offsetof(RingHeader, head);
constexpr std::size_t kTailAt = offsetof(RingHeader, tail);

struct Memory {
  std::array<std::vector<std::uint8_t>, 2> regions{std::vector<std::uint8_t>(kRegionBytes[0]),
                                                   std::vector<std::uint8_t>(kRegionBytes[1])};
};

// Which bytes may be written.
class Writable {
 public:
  void Mark(unsigned region, std::uint64_t offset, std::uint64_t length) {
    if (region < regions_.size()) {
      regions_[region].Mark(offset, length);
    }
  }
  [[nodiscard]] bool Any(unsigned region, std::size_t offset, std::size_t length) const {
    return regions_[region].Any(offset, length);
  }
  void Check(const Memory& before, const Memory& now) const {
    for (unsigned i = 0; i < regions_.size(); ++i) {
      regions_[i].Check(before.regions[i], now.regions[i]);
    }
  }

 private:
  std::array<fuzz::ByteMap, 2> regions_{fuzz::ByteMap(kRegionBytes[0]),
                                        fuzz::ByteMap(kRegionBytes[1])};
};

// A client's own buffers: the rings share region 1.
std::vector<Descriptor> OwnBuffers(Role role, unsigned ring, unsigned log2_size) {
  std::vector<Descriptor> buffers;
  const std::size_t each = kRegionBytes[1] / 2 >> log2_size;
  for (unsigned i = 0; role == Role::kClient && i < 1U << log2_size; ++i) {
    buffers.push_back(
        {.region = 1,
         .length = static_cast<std::uint32_t>(each),
         .offset = static_cast<std::uint32_t>(ring * kRegionBytes[1] / 2 + i * each)});
  }
  return buffers;
}

RegionTable TableOf(Memory& memory) {
  RegionTable table;
  for (unsigned i = 0; i < kRegionBytes.size(); ++i) {
    table.Set(i, memory.regions[i].data(), kRegionBytes[i]);
  }
  return table;
}

class Link {
 public:
  explicit Link(Input& input)
      : input_(input),
        role_(input.Take<std::uint8_t>() % 2 == 0 ? Role::kServer : Role::kClient),
        log2_size_(kMinLog2RingSize + input.Take<std::uint8_t>() % 5),
        table_(TableOf(memory_)),
        own_(OwnBuffers(role_, 1, log2_size_)),
        rx_(role_, RingOf(0), table_, kMaxFrame, OwnBuffers(role_, 0, log2_size_)),
        tx_(role_, RingOf(1), table_, own_) {
    rx_.Start();
    tx_.Start();
  }
  ~Link() { Release(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void Step() {
    switch (input_.Take<std::uint8_t>() % 9) {
      case 0:
      case 1:
        return WriteDescriptor();
      case 2:
        return MoveIndex();
      case 3:
        return Poke();
      case 4:
        return Receive();
      case 5:
        return Forward();
      case 6:
        return Release();
      case 7:
        return Send();
      default:
        rx_.MaskInterrupts(input_.Take<std::uint8_t>() % 2 != 0);
        (void)rx_.HasWork();
        (void)tx_.PeerWantsInterrupt();
    }
  }

 private:
  [[nodiscard]] Ring RingOf(unsigned ring) {
    return {&memory_.regions[0][ring * kRingBytes], log2_size_};
  }
  [[nodiscard]] std::uint16_t size() const { return static_cast<std::uint16_t>(1U << log2_size_); }
  [[nodiscard]] std::size_t OwnIndexAt() const {
    return role_ == Role::kServer ? kTailAt : kHeadAt;
  }
  [[nodiscard]] std::size_t PeerIndexAt() const {
    return role_ == Role::kServer ? kHeadAt : kTailAt;
  }
  [[nodiscard]] std::uint16_t OwnIndex(unsigned ring) const {
    std::uint16_t index = 0;
    std::memcpy(&index, &memory_.regions[0][ring * kRingBytes + OwnIndexAt()], sizeof index);
    return index;
  }

  // Ring, slot, flags and region, length, offset.
  void WriteDescriptor() {
    const auto where = input_.Take<std::uint8_t>();
    const auto what = input_.Take<std::uint8_t>();
    const auto length = input_.Take<std::uint16_t>();
    const auto offset = input_.Take<std::uint16_t>();
    RingOf(where & 1).Store(
        static_cast<std::uint16_t>(where >> 1),
        {.flags = static_cast<std::uint16_t>(what & 3),
         .region = static_cast<std::uint16_t>(what >> 2 & 3),
         .length = length < 0xff00 ? std::uint32_t{length} : ~std::uint32_t{0} - (length & 0xff),
         .offset = offset < 0xff00 ? std::uint32_t{offset} : ~std::uint32_t{0} - (offset & 0xff)});
  }
  void MoveIndex() {
    const unsigned ring = input_.Take<std::uint8_t>() % 2;
    const auto by = input_.Take<std::uint8_t>();
    std::uint8_t* at = &memory_.regions[0][ring * kRingBytes + PeerIndexAt()];
    std::uint16_t index = 0;
    std::memcpy(&index, at, sizeof index);
    index = static_cast<std::uint16_t>(index + by);
    std::memcpy(at, &index, sizeof index);
  }
  void Poke() {
    auto& region = memory_.regions[input_.Take<std::uint8_t>() % 2];
    const std::size_t offset = input_.Take<std::uint16_t>() % region.size();
    const auto bytes = input_.TakeBytes(input_.Take<std::uint8_t>());
    std::copy_n(bytes.begin(), std::min(bytes.size(), region.size() - offset),
                region.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  void Receive() {
    Release();
    const Memory before = memory_;
    const bool faulty = rx_.fault() != nullptr;
    rx_.Receive(batch_);
    holds_ = true;
    CHECK(!faulty || batch_.size() == 0) << "a quarantined ring was served";
    CHECK_LE(batch_.size(), core::kBurst);
    for (const core::Packet& packet : batch_.packets()) {
      CheckReceived(packet);
    }
    Writable().Check(before, memory_);
  }
  void CheckReceived(const core::Packet& packet) const {
    CHECK(packet.drop < DropReason::kCount);
    if (packet.drop != DropReason::kNone) {
      return;
    }
    std::uint64_t length = 0;
    CHECK_LE(packet.segment_count, core::kMaxSegmentsPerFrame);
    for (unsigned i = 0; i < packet.segment_count; ++i) {
      const core::Segment& segment = packet.segments[i];
      CHECK(InOneRegion(segment)) << "a segment outside the regions";
      length += segment.length;
    }
    CHECK_EQ(length, packet.payload_length);
    CHECK_GE(length, sizeof(net::EthernetHeader));
    CHECK_LE(length, kMaxFrame);
  }
  [[nodiscard]] bool InOneRegion(const core::Segment& segment) const {
    return std::any_of(memory_.regions.begin(), memory_.regions.end(), [&](const auto& region) {
      return segment.data >= region.data() &&
             segment.data + segment.length <= region.data() + region.size();
    });
  }
  void Forward() {
    if (holds_) {
      (void)ContentOf(batch_);
      Release();
    }
  }
  void Release() {
    holds_ = false;
    const Memory before = memory_;
    rx_.Release();
    batch_.Reset(net::PortId(1));
    Writable writable;
    writable.Mark(0, OwnIndexAt(), sizeof(std::uint16_t));
    if (role_ == Role::kClient) {
      writable.Mark(0, sizeof(RingHeader), sizeof(Descriptor) << log2_size_);
    }
    writable.Check(before, memory_);
  }

  void Send() {
    std::vector<TestPacket> packets;
    for (unsigned n = input_.Take<std::uint8_t>() % 6 + 1U; n > 0; --n) {
      const auto length = input_.Take<std::uint16_t>() % 4000U + 14U;
      packets.emplace_back(MakeFrame(length, n), TakeOffload(length));
    }
    const Memory before = memory_;
    Writable writable;
    const bool peer_rewrites_himself = MarkBuffers(writable);
    writable.Mark(0, kRingBytes + OwnIndexAt(), sizeof(std::uint16_t));
    writable.Mark(0, kRingBytes + sizeof(RingHeader), sizeof(Descriptor) << log2_size_);
    const bool faulty = tx_.fault() != nullptr;
    tx_.Send(Pointers(packets));
    peer_rewrote_himself_ |= peer_rewrites_himself;
    if (!peer_rewrote_himself_) {
      writable.Check(before, memory_);
      CheckSent(DropsOf(packets), faulty);
    }
  }
  core::Offload TakeOffload(unsigned length) {
    const auto kind = input_.Take<std::uint8_t>();
    const auto start = static_cast<std::uint16_t>(14 + kind % 64);
    const bool partial = (kind & 0x80) != 0 && length >= start + 20U;
    return {.needs_checksum = partial,
            .checksum_start = partial ? start : std::uint16_t{0},
            .checksum_offset = partial ? std::uint16_t{16} : std::uint16_t{0}};
  }
  // Where we may write by the descriptors as they are now. True if that covers the ring itself:
  // then they may be anything.
  bool MarkBuffers(Writable& writable) {
    for (std::uint16_t i = 0; i < size(); ++i) {
      const Descriptor buffer = own_.empty() ? RingOf(1).Load(i) : own_[i];
      writable.Mark(buffer.region, buffer.offset, buffer.length);
    }
    return writable.Any(0, kRingBytes, kRingBytes);
  }
  void CheckSent(const std::vector<DropReason>& drops, bool faulty) {
    // Only if we stored it; the peer may have written there meanwhile.
    const auto moved = static_cast<std::uint16_t>(OwnIndex(1) - sent_);
    const auto took = std::count_if(drops.begin(), drops.end(), [](DropReason drop) {
      return drop == DropReason::kNone || drop == DropReason::kDestinationBuffer;
    });
    if (tx_.fault() != nullptr) {
      CHECK(!faulty || std::all_of(drops.begin(), drops.end(), [](DropReason drop) {
        return drop == DropReason::kDestinationDown;
      })) << "a quarantined ring was served";
      return;
    }
    if (took > 0) {
      CHECK_GE(moved, took);
      CHECK_LE(moved, size());
      sent_ = OwnIndex(1);
    }
  }

  Input& input_;
  const Role role_;
  const unsigned log2_size_;
  Memory memory_;
  RegionTable table_;
  const std::vector<Descriptor> own_;
  RxRing rx_;
  TxRing tx_;
  core::Batch batch_;
  bool holds_ = false;
  std::uint16_t sent_ = 0;  // our index as last seen after a send
  // By a buffer that lies over his descriptors: from then on nothing can be said about them.
  bool peer_rewrote_himself_ = false;
};

}  // namespace
}  // namespace pollux::vhost::memif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollux::fuzz::Input input(data, size);
  const auto link = std::make_unique<pollux::vhost::memif::Link>(input);
  while (!input.empty()) {
    link->Step();
  }
  return 0;
}
