// A hostile guest's memory under both ring walkers: descriptors, heads, indices and data are what
// the input says, and change again between receiving, copying and giving back. What must hold:
//  - a received frame lies inside the guest's regions and within the limits, or has a drop reason;
//  - receiving writes nothing, giving back writes the used ring alone;
//  - sending writes nothing but the used ring and buffers that the guest marked as writable, and
//    never a byte outside the regions;
//  - the used index is the position, and moves by exactly what was taken or given;
//  - a ring that was found wrong is left alone until it is restarted.
//
// Input: ring size, features (2 bytes), then operations, see Guest::Step.
#include <glog/logging.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "test/fuzz/byte_map.h"
#include "test/fuzz/input.h"
#include "vhost/test_frames.h"
#include "vhost/vhost_user/rx_ring.h"
#include "vhost/vhost_user/test_memory.h"
#include "vhost/vhost_user/tx_ring.h"

namespace pollux::vhost::vhost_user {
namespace {

using core::DropReason;
using fuzz::Input;

constexpr std::size_t kMemoryBytes = 0x10000;
constexpr std::uint64_t kGuest = GuestMemory::kGuestBase;
constexpr std::uint32_t kMaxFrame = 1518;
// Two regions that are neighbours for the guest and not in the file; between and behind them is
// memory that is nobody's.
struct Place {
  std::uint64_t guest;
  std::size_t offset;
  std::size_t size;
};
constexpr std::array<Place, 2> kRegions = {
    {{kGuest, 0, 0x6000}, {kGuest + 0x6000, 0x8000, 0x7000}}};
constexpr std::size_t kRingBytes = 0x1000;  // descriptors, then available and used at these offsets
constexpr std::size_t kAvailable = 0x800;
constexpr std::size_t kUsed = 0xa00;
constexpr std::size_t kTable = 0x3000;  // where operations write indirect tables

std::shared_ptr<const MemoryTable> MapRegions(const GuestMemory& memory) {
  std::vector<MemoryRegion> regions;
  std::vector<UniqueFd> fds;
  for (const Place& place : kRegions) {
    regions.push_back({.guest_address = place.guest,
                       .size = place.size,
                       .user_address = GuestMemory::kUserBase + place.offset,
                       .mmap_offset = place.offset});
    fds.emplace_back(dup(memory.fd()));
  }
  auto table = MemoryTable::Create(regions, fds);
  CHECK(table.ok()) << table.status();
  return *table;
}

void MarkGuest(fuzz::ByteMap& map, std::uint64_t address, std::uint64_t length) {
  for (const Place& place : kRegions) {
    const std::uint64_t begin = std::max(address, place.guest);
    const std::uint64_t end = std::min(length > ~address ? ~std::uint64_t{0} : address + length,
                                       place.guest + place.size);
    if (begin < end) {
      map.Mark(place.offset + (begin - place.guest), end - begin);
    }
  }
}

class Guest {
 public:
  explicit Guest(Input& input) : input_(input) {
    std::memset(memory().At(0), 0, kMemoryBytes);
    const auto size = 1U << input.Take<std::uint8_t>() % 7;
    const auto features = input.Take<std::uint16_t>();
    device_.memory = Regions();
    device_.from_guest = device_.to_guest = {
        .checksum = (features & 1) != 0, .tso4 = (features & 3) == 3, .tso6 = (features & 5) == 5};
    device_.mergeable = (features & 8) != 0;
    device_.event_index = (features & 16) != 0;
    device_.indirect = (features & 32) != 0;
    device_.max_frame = kMaxFrame;
    for (unsigned i = 0; i < queues_.size(); ++i) {
      std::uint8_t* at =
          device_.memory->TranslateUser(GuestMemory::kUserBase + i * kRingBytes, kRingBytes);
      queues_[i].ring = Vring(at, at + kAvailable, at + kUsed, size);
      queues_[i].enabled = (features & 64) == 0;
      queues_[i].call = (features & 128) != 0 ? Call() : nullptr;
    }
  }
  ~Guest() { Release(); }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  void Step() {
    switch (input_.Take<std::uint8_t>() % 10) {
      case 0:
      case 1:
        return WriteDescriptor();
      case 2:
      case 3:
        return Offer();
      case 4:
        return Poke();
      case 5:
        return Receive();
      case 6:
        return Forward();
      case 7:
        return Release();
      case 8:
        return Send();
      default:
        return ArmOrRestart();
    }
  }

 private:
  static GuestMemory& memory() {
    static GuestMemory memory(kMemoryBytes);
    return memory;
  }
  static const std::shared_ptr<const MemoryTable>& Regions() {
    static const auto regions = MapRegions(memory());
    return regions;
  }
  static const std::shared_ptr<const PeerEvent>& Call() {
    static const auto call = std::make_shared<const PeerEvent>(
        *PeerEvent::Adopt(UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))));
    return call;
  }
  static std::vector<std::uint8_t> Bytes() {
    return {memory().At(0), memory().At(0) + kMemoryBytes};
  }
  template <typename T>
  static T& At(std::size_t offset) {
    return *reinterpret_cast<T*>(memory().At(offset));
  }

  // Ring 0 or 1, or an indirect table; slot; address; length; flags; next.
  void WriteDescriptor() {
    const unsigned table = input_.Take<std::uint8_t>() % 3;
    const auto slot = input_.Take<std::uint8_t>() % 64U;
    const auto where = input_.Take<std::uint16_t>();
    const auto length = input_.Take<std::uint16_t>();
    const auto flags = input_.Take<std::uint8_t>();
    const auto next = input_.Take<std::uint8_t>();
    const std::size_t at = table == 2 ? kTable : table * kRingBytes;
    At<Descriptor>(at + slot * sizeof(Descriptor)) = {
        .address = where < 0xf000 ? kGuest + where : ~std::uint64_t{0} - (where & 0xff),
        .length = length < 0xff00 ? std::uint32_t{length} : ~std::uint32_t{0} - (length & 0xff),
        .flags = flags,
        .next = next};
  }
  void Offer() {
    const std::size_t available = input_.Take<std::uint8_t>() % 2 * kRingBytes + kAvailable;
    const std::uint16_t index = At<std::uint16_t>(available + 2)++;
    const std::uint32_t slot = index & (queues_[0].ring.size() - 1);
    At<std::uint16_t>(available + 4 + 2 * std::size_t{slot}) = input_.Take<std::uint8_t>();
  }
  void Poke() {
    const auto offset = input_.Take<std::uint16_t>();
    const auto bytes = input_.TakeBytes(input_.Take<std::uint8_t>());
    std::copy_n(bytes.begin(), std::min(bytes.size(), kMemoryBytes - offset), memory().At(offset));
  }

  void Receive() {
    Release();
    const auto before = Bytes();
    const bool faulty = rx_.fault() != RingFault::kNone;
    batch_.Reset(net::PortId(1));
    rx_.Receive(device_, queues_[0], batch_);
    holds_ = true;
    CHECK(!faulty || batch_.size() == 0) << "a ring that is wrong was served";
    CHECK_LE(batch_.size(), core::kBurst);
    for (const core::Packet& packet : batch_.packets()) {
      CheckReceived(packet);
    }
    CHECK(before == Bytes()) << "receiving wrote to the guest";
  }
  void CheckReceived(const core::Packet& packet) const {
    if (packet.drop != DropReason::kNone) {
      CHECK(packet.drop < DropReason::kCount);
      return;
    }
    std::uint64_t length = 0;
    CHECK_LE(packet.segment_count, core::kMaxSegmentsPerFrame);
    for (unsigned i = 0; i < packet.segment_count; ++i) {
      const core::Segment& segment = packet.segments[i];
      CHECK(InOneRegion(segment)) << "a segment outside the guest's memory";
      length += segment.length;
    }
    CHECK_EQ(length, packet.payload_length);
    CHECK_GE(length, sizeof(net::EthernetHeader));
    CHECK_LE(length, packet.offload.gso == core::Gso::kNone ? kMaxFrame : core::kMaxFrameBytes);
  }
  [[nodiscard]] bool InOneRegion(const core::Segment& segment) const {
    return std::any_of(kRegions.begin(), kRegions.end(), [&](const Place& place) {
      const std::uint8_t* begin = device_.memory->Piece(place.guest, place.size).data();
      return segment.data >= begin && segment.data + segment.length <= begin + place.size;
    });
  }
  void Forward() {
    if (holds_) {
      (void)ContentOf(batch_);
      holds_ = false;  // heads are loaded once
      Release();
    }
  }
  void Release() {
    holds_ = false;
    const auto before = Bytes();
    const std::uint16_t position = rx_.position();
    rx_.Release();
    const auto moved = static_cast<std::uint16_t>(rx_.position() - position);
    CHECK_EQ(moved, batch_.size()) << "not what was received";
    batch_.Reset(net::PortId(1));
    fuzz::ByteMap writable(kMemoryBytes);
    writable.Mark(kUsed, Vring::UsedBytes(queues_[0].ring.size()));
    CheckWritten(before, writable);
    CHECK(moved == 0 || At<std::uint16_t>(kUsed + 2) == rx_.position());
  }

  void Send() {
    std::vector<TestPacket> packets;
    for (unsigned n = input_.Take<std::uint8_t>() % 6 + 1U; n > 0; --n) {
      const auto length = input_.Take<std::uint16_t>() % 9000U + 14U;
      packets.emplace_back(MakeFrame(length, n), TakeOffload(length));
    }
    const auto before = Bytes();
    const std::uint16_t position = tx_.position();
    fuzz::ByteMap writable(kMemoryBytes);
    writable.Mark(kRingBytes + kUsed, Vring::UsedBytes(queues_[1].ring.size()));
    const bool guest_rewrites_itself = MarkBuffers(writable);
    const auto pointers = Pointers(packets);
    tx_.Send(device_, queues_[1], pointers);
    if (guest_rewrites_itself) {
      MarkGuest(writable, kRegions[0].guest, kRegions[0].size);
      MarkGuest(writable, kRegions[1].guest, kRegions[1].size);
    }
    CheckWritten(before, writable);
    CheckUsed(static_cast<std::uint16_t>(tx_.position() - position), DropsOf(packets),
              guest_rewrites_itself);
  }
  core::Offload TakeOffload(unsigned length) {
    const auto kind = input_.Take<std::uint8_t>();
    if ((kind & 0x80) == 0) {
      return {};
    }
    // As parse leaves it: the checksum lies in the frame's head.
    const auto start = static_cast<std::uint16_t>(14 + kind % 32);
    const bool fits = length >= start + 20U;
    return {.needs_checksum = fits,
            .gso = fits ? static_cast<core::Gso>(kind >> 5 & 3) : core::Gso::kNone,
            .gso_size = 1000,
            .checksum_start = start,
            .checksum_offset = 16};
  }
  // What the guest allows the device to write, by its descriptors as they are now. True if that
  // covers these descriptors: then it may be anything.
  static bool MarkBuffers(fuzz::ByteMap& writable) {
    fuzz::ByteMap buffers(kMemoryBytes);
    std::vector<std::size_t> tables;
    for (unsigned i = 0; i < 64; ++i) {
      const auto descriptor = At<Descriptor>(kRingBytes + i * sizeof(Descriptor));
      if ((descriptor.flags & Descriptor::kIndirect) != 0) {
        MarkTable(descriptor, writable, buffers, tables);
      } else if ((descriptor.flags & Descriptor::kWrite) != 0) {
        MarkGuest(writable, descriptor.address, descriptor.length);
        MarkGuest(buffers, descriptor.address, descriptor.length);
      }
    }
    return buffers.Any(kRingBytes, kRingBytes) ||
           std::any_of(tables.begin(), tables.end(),
                       [&](std::size_t at) { return buffers.Any(at, sizeof(Descriptor)); });
  }
  static void MarkTable(const Descriptor& table, fuzz::ByteMap& writable, fuzz::ByteMap& buffers,
                        std::vector<std::size_t>& tables) {
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(table.length / sizeof(Descriptor), 64);
         ++i) {
      const std::uint64_t address = table.address + i * sizeof(Descriptor);
      for (const Place& place : kRegions) {
        if (address - place.guest >= place.size ||
            place.size - (address - place.guest) < sizeof(Descriptor)) {
          continue;
        }
        const std::size_t at = place.offset + (address - place.guest);
        const auto entry = CopyOnce<Descriptor>(memory().At(at));
        tables.push_back(at);
        if ((entry.flags & Descriptor::kWrite) != 0) {
          MarkGuest(writable, entry.address, entry.length);
          MarkGuest(buffers, entry.address, entry.length);
        }
      }
    }
  }
  void CheckUsed(std::uint16_t moved, const std::vector<DropReason>& drops, bool rewritten) const {
    // Each frame took a buffer, and so did each that met a bad one.
    const auto took = std::count_if(drops.begin(), drops.end(), [](DropReason drop) {
      return drop == DropReason::kNone || drop == DropReason::kDestinationBuffer;
    });
    CHECK_GE(moved, took);
    CHECK_LE(moved, queues_[1].ring.size());
    if (!device_.mergeable) {
      CHECK_EQ(moved, took);
    }
    CHECK(rewritten || moved == 0 || At<std::uint16_t>(kRingBytes + kUsed + 2) == tx_.position());
  }
  static void CheckWritten(const std::vector<std::uint8_t>& before, const fuzz::ByteMap& writable) {
    writable.Check(before, {memory().At(0), kMemoryBytes});
  }

  void ArmOrRestart() {
    switch (input_.Take<std::uint8_t>() % 4) {
      case 0:
        (void)rx_.Arm(device_, queues_[0]);
        break;
      case 1:
        rx_.Disarm(device_, queues_[0]);
        break;
      case 2:
        Release();
        rx_.Restart(queues_[0].ring.UsedIndex());
        break;
      default:
        tx_.Restart(queues_[1].ring.UsedIndex());
        break;
    }
  }

  Input& input_;
  Device device_;
  std::array<Queue, 2> queues_;  // 0: the guest sends, 1: it receives
  RxRing rx_;
  TxRing tx_;
  core::Batch batch_;
  bool holds_ = false;  // a batch that was not looked at yet
};

}  // namespace
}  // namespace pollux::vhost::vhost_user

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollux::fuzz::Input input(data, size);
  pollux::vhost::vhost_user::Guest guest(input);
  while (!input.empty()) {
    guest.Step();
  }
  return 0;
}
