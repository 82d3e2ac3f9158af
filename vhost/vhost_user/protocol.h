// The vhost-user protocol on the wire: numbers and structures as in QEMU's
// docs/interop/vhost-user.rst, and the feature bits of virtio 1.2 (sections 5.1.3 and 6) that we
// offer. Little endian, natural alignment.
// Threading: constants and plain values.
#pragma once

#include <cstdint>

namespace pollux::vhost::vhost_user {

enum class Request : std::uint32_t {
  kGetFeatures = 1,
  kSetFeatures = 2,
  kSetOwner = 3,
  kResetOwner = 4,
  kSetMemTable = 5,
  kSetVringNum = 8,
  kSetVringAddr = 9,
  kSetVringBase = 10,
  kGetVringBase = 11,
  kSetVringKick = 12,
  kSetVringCall = 13,
  kSetVringErr = 14,
  kGetProtocolFeatures = 15,
  kSetProtocolFeatures = 16,
  kGetQueueNum = 17,
  kSetVringEnable = 18,
  kNetSetMtu = 20,
};

struct MessageHeader {
  std::uint32_t request;
  std::uint32_t flags;
  std::uint32_t size;  // of the payload that follows

  static constexpr std::uint32_t kVersionMask = 3;
  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::uint32_t kReply = 1U << 2;
  static constexpr std::uint32_t kNeedReply = 1U << 3;
};
static_assert(sizeof(MessageHeader) == 12);

struct VringState {
  std::uint32_t index;
  std::uint32_t value;
};

// Addresses are the front-end's own (user addresses); they mean something only through the
// regions of SET_MEM_TABLE.
struct VringAddress {
  std::uint32_t index;
  std::uint32_t flags;
  std::uint64_t descriptors;
  std::uint64_t used;
  std::uint64_t available;
  std::uint64_t log;

  static constexpr std::uint32_t kLog = 1;
};
static_assert(sizeof(VringAddress) == 40);

struct MemoryRegion {
  std::uint64_t guest_address;
  std::uint64_t size;
  std::uint64_t user_address;
  std::uint64_t mmap_offset;
};
static_assert(sizeof(MemoryRegion) == 32);

inline constexpr unsigned kMaxFds = 8;
inline constexpr unsigned kMaxRegions = 8;
// The longest request that we know is SET_MEM_TABLE; unknown ones may be longer, within reason.
inline constexpr std::uint32_t kMaxPayload = 512;

// SET_VRING_{KICK,CALL,ERR}: the ring's index and whether a descriptor comes with the message.
inline constexpr std::uint64_t kVringIndexMask = 0xff;
inline constexpr std::uint64_t kVringNoFd = 1U << 8;

inline constexpr std::uint32_t kMaxRingSize = 32768;

// Feature bits.
struct Feature {
  static constexpr std::uint64_t kNetCsum = 1ULL << 0;
  static constexpr std::uint64_t kNetGuestCsum = 1ULL << 1;
  static constexpr std::uint64_t kNetMtu = 1ULL << 3;
  static constexpr std::uint64_t kNetGuestTso4 = 1ULL << 7;
  static constexpr std::uint64_t kNetGuestTso6 = 1ULL << 8;
  static constexpr std::uint64_t kNetHostTso4 = 1ULL << 11;
  static constexpr std::uint64_t kNetHostTso6 = 1ULL << 12;
  static constexpr std::uint64_t kNetMrgRxbuf = 1ULL << 15;
  static constexpr std::uint64_t kNetMq = 1ULL << 22;
  static constexpr std::uint64_t kRingIndirectDesc = 1ULL << 28;
  static constexpr std::uint64_t kRingEventIdx = 1ULL << 29;
  static constexpr std::uint64_t kProtocolFeatures = 1ULL << 30;  // VHOST_USER_F_PROTOCOL_FEATURES
  static constexpr std::uint64_t kVersion1 = 1ULL << 32;
};

// What we offer. Not packed rings, IOMMU_PLATFORM, LOG_ALL, nor the legacy layout (VERSION_1 is
// required): each is a second data path that a hostile guest could choose. Not the *_ECN bits: a
// guest then segments its rare CWR frames itself.
inline constexpr std::uint64_t kOfferedFeatures =
    Feature::kNetCsum | Feature::kNetGuestCsum | Feature::kNetMtu | Feature::kNetGuestTso4 |
    Feature::kNetGuestTso6 | Feature::kNetHostTso4 | Feature::kNetHostTso6 | Feature::kNetMrgRxbuf |
    Feature::kNetMq | Feature::kRingIndirectDesc | Feature::kRingEventIdx |
    Feature::kProtocolFeatures | Feature::kVersion1;

struct ProtocolFeature {
  static constexpr std::uint64_t kMq = 1ULL << 0;
  static constexpr std::uint64_t kReplyAck = 1ULL << 3;
  static constexpr std::uint64_t kNetMtu = 1ULL << 4;
};

inline constexpr std::uint64_t kOfferedProtocolFeatures =
    ProtocolFeature::kMq | ProtocolFeature::kReplyAck | ProtocolFeature::kNetMtu;

}  // namespace pollux::vhost::vhost_user
