#include "vhost/vhost_user/session.h"

#include <absl/strings/str_format.h>
#include <absl/strings/string_view.h>

#include <bit>
#include <utility>

namespace pollux::vhost::vhost_user {
namespace {

// A front-end that is refused this often is not confused but hostile.
constexpr unsigned kMaxRefusals = 64;
constexpr std::uint64_t kMinPeerMtu = 68;  // RFC 791

absl::Status Refuse(absl::string_view why) { return absl::FailedPreconditionError(why); }

Offloads FromGuest(std::uint64_t features) {
  return {.checksum = (features & Feature::kNetCsum) != 0,
          .tso4 = (features & Feature::kNetHostTso4) != 0,
          .tso6 = (features & Feature::kNetHostTso6) != 0};
}

Offloads ToGuest(std::uint64_t features) {
  return {.checksum = (features & Feature::kNetGuestCsum) != 0,
          .tso4 = (features & Feature::kNetGuestTso4) != 0,
          .tso6 = (features & Feature::kNetGuestTso6) != 0};
}

// TSO without checksum offload is no valid choice (virtio 1.2 section 5.1.3.1).
bool Consistent(const Offloads& offloads) {
  return offloads.checksum || (!offloads.tso4 && !offloads.tso6);
}

bool Aligned(const std::uint8_t* at, std::uintptr_t alignment) {
  return reinterpret_cast<std::uintptr_t>(at) % alignment == 0;
}

template <typename T>
std::optional<Reply> Answered(Request request, T value) {
  return Reply(request, value);
}

}  // namespace

Session::Session(RingHost& host, unsigned queue_pairs, std::uint32_t max_frame)
    : host_(host), queue_pairs_(queue_pairs), max_frame_(max_frame) {}

Session::~Session() {
  if (device_ != nullptr) {
    host_.Publish(nullptr);
  }
}

Session::Answer Session::Handle(const Message& message, std::vector<UniqueFd> fds) {
  Answer answer = Dispatch(message, fds);
  const bool acks = (protocol_features_ & ProtocolFeature::kReplyAck) != 0 && message.wants_ack;
  if (answer.ok()) {
    return *answer || !acks ? std::move(answer) : Answered(message.request, std::uint64_t{0});
  }
  last_refusal_ = absl::StrFormat("request %d: %s", static_cast<unsigned>(message.request),
                                  answer.status().message());
  if (acks && ++refusals_ < kMaxRefusals) {
    return Answered(message.request, std::uint64_t{1});
  }
  return Refuse(last_refusal_);
}

Session::Answer Session::Dispatch(const Message& message, std::vector<UniqueFd>& fds) {
  switch (message.request) {
    case Request::kGetFeatures:
      return Answered(message.request, kOfferedFeatures);
    case Request::kGetProtocolFeatures:
      return Answered(message.request, kOfferedProtocolFeatures);
    case Request::kGetQueueNum:
      return Answered(message.request, std::uint64_t{queue_pairs_});
    case Request::kGetVringBase:
      return GetVringBase(std::get<VringState>(message.payload));
    default:
      break;
  }
  if (absl::Status status = Set(message.request, message.payload, fds); !status.ok()) {
    return status;
  }
  return std::optional<Reply>();
}

absl::Status Session::Set(Request request, const Payload& payload, std::vector<UniqueFd>& fds) {
  switch (request) {
    case Request::kSetOwner:
    case Request::kResetOwner:  // the specification advises to ignore it
      return absl::OkStatus();
    case Request::kSetFeatures:
      return SetFeatures(std::get<std::uint64_t>(payload));
    case Request::kSetProtocolFeatures:
      return SetProtocolFeatures(std::get<std::uint64_t>(payload));
    case Request::kNetSetMtu:
      return SetMtu(std::get<std::uint64_t>(payload));
    case Request::kSetMemTable:
      return SetMemTable(std::get<RegionList>(payload), fds);
    case Request::kSetVringNum:
      return SetVringNum(std::get<VringState>(payload));
    case Request::kSetVringBase:
      return SetVringBase(std::get<VringState>(payload));
    case Request::kSetVringAddr:
      return SetVringAddr(std::get<VringAddress>(payload));
    case Request::kSetVringKick:
    case Request::kSetVringCall:
    case Request::kSetVringErr:
      return SetVringFile(request, std::get<VringFile>(payload), fds);
    case Request::kSetVringEnable:
      return SetVringEnable(std::get<VringState>(payload));
    default:
      return Refuse("not offered");
  }
}

absl::Status Session::SetFeatures(std::uint64_t features) {
  if ((features & ~kOfferedFeatures) != 0) {
    return Refuse(absl::StrFormat("features %#x were not offered", features & ~kOfferedFeatures));
  }
  if ((features & Feature::kVersion1) == 0) {
    return Refuse("the guest's driver is a legacy one (no VIRTIO_F_VERSION_1)");
  }
  if (!Consistent(FromGuest(features)) || !Consistent(ToGuest(features))) {
    return Refuse("segmentation offload without checksum offload");
  }
  if (device_ != nullptr && features != features_) {
    return Refuse("features change while a ring runs");
  }
  features_ = features;
  return absl::OkStatus();
}

absl::Status Session::SetProtocolFeatures(std::uint64_t features) {
  if ((features & ~kOfferedProtocolFeatures) != 0) {
    return Refuse(absl::StrFormat("protocol features %#x were not offered",
                                  features & ~kOfferedProtocolFeatures));
  }
  protocol_features_ = features;
  return absl::OkStatus();
}

absl::Status Session::SetMtu(std::uint64_t mtu) {
  if ((protocol_features_ & ProtocolFeature::kNetMtu) == 0 || mtu < kMinPeerMtu || mtu > 0xffff) {
    return Refuse(absl::StrFormat("MTU %d", mtu));
  }
  peer_mtu_ = static_cast<std::uint16_t>(mtu);
  return absl::OkStatus();
}

absl::StatusOr<Session::RingState*> Session::AnyRing(std::uint32_t index) {
  if (index >= 2 * queue_pairs_) {
    return Refuse(absl::StrFormat("ring %d of %d", index, 2 * queue_pairs_));
  }
  return &rings_[index];
}

absl::StatusOr<Session::RingState*> Session::StoppedRing(std::uint32_t index, const char* what) {
  auto ring = AnyRing(index);
  if (ring.ok() && (*ring)->running) {
    return Refuse(absl::StrFormat("%s of ring %d while it runs", what, index));
  }
  return ring;
}

absl::Status Session::SetVringNum(const VringState& state) {
  const auto ring = StoppedRing(state.index, "size");
  if (!ring.ok()) {
    return ring.status();
  }
  if (state.value > kMaxRingSize || !std::has_single_bit(state.value)) {
    return Refuse(absl::StrFormat("ring size %d, a power of two up to %d allowed", state.value,
                                  kMaxRingSize));
  }
  (*ring)->size = state.value;
  return StartIfComplete(state.index);
}

absl::Status Session::SetVringBase(const VringState& state) {
  const auto ring = StoppedRing(state.index, "base");
  if (!ring.ok()) {
    return ring.status();
  }
  if (state.value > 0xffff) {
    return Refuse(absl::StrFormat("ring base %d", state.value));
  }
  // Only to be told again: completion is in order, so the used index says where to go on, also to a
  // front-end that has forgotten (after our restart).
  (*ring)->base = static_cast<std::uint16_t>(state.value);
  return absl::OkStatus();
}

absl::StatusOr<Vring> Session::Resolve(const RingState& ring, const MemoryTable& memory) const {
  const VringAddress& at = *ring.address;
  std::uint8_t* descriptors =
      memory.TranslateUser(at.descriptors, Vring::DescriptorBytes(ring.size));
  std::uint8_t* available = memory.TranslateUser(at.available, Vring::AvailableBytes(ring.size));
  std::uint8_t* used = memory.TranslateUser(at.used, Vring::UsedBytes(ring.size));
  if (descriptors == nullptr || available == nullptr || used == nullptr) {
    return Refuse(absl::StrFormat("ring %d lies outside the memory table", at.index));
  }
  // As it lies here: a region need not begin at an aligned address or offset.
  if (!Aligned(descriptors, 16) || !Aligned(available, 2) || !Aligned(used, 4)) {
    return Refuse(absl::StrFormat("ring %d is not aligned", at.index));
  }
  return Vring(descriptors, available, used, ring.size);
}

absl::Status Session::SetVringAddr(const VringAddress& address) {
  const auto ring = AnyRing(address.index);
  if (!ring.ok()) {
    return ring.status();
  }
  if (address.flags != 0) {
    return Refuse("logging of ring writes was not offered");
  }
  if ((*ring)->size == 0 || memory_ == nullptr) {
    return Refuse(
        absl::StrFormat("address of ring %d before its size or the memory table", address.index));
  }
  const auto former = std::exchange((*ring)->address, address);
  if (const auto resolved = Resolve(**ring, *memory_); !resolved.ok()) {
    (*ring)->address = former;
    return resolved.status();
  }
  PublishIfRunning();
  return StartIfComplete(address.index);
}

absl::Status Session::SetMemTable(const RegionList& list, std::span<const UniqueFd> fds) {
  auto memory = MemoryTable::Create(list.list(), fds);
  if (!memory.ok()) {
    return memory.status();
  }
  for (const RingState& ring : rings_) {
    if (ring.running) {
      if (const auto resolved = Resolve(ring, **memory); !resolved.ok()) {
        return resolved.status();
      }
    }
  }
  const auto former = std::exchange(memory_, *std::move(memory));
  PublishIfRunning();  // `former` is unmapped after this
  return absl::OkStatus();
}

absl::Status Session::SetVringFile(Request request, const VringFile& file,
                                   std::vector<UniqueFd>& fds) {
  const auto ring = AnyRing(file.index);
  if (!ring.ok()) {
    return ring.status();
  }
  std::shared_ptr<const PeerEvent> event;
  if (file.has_fd) {
    auto adopted = PeerEvent::Adopt(std::move(fds.front()));
    if (!adopted.ok()) {
      return adopted.status();
    }
    event = std::make_shared<const PeerEvent>(*std::move(adopted));
  }
  switch (request) {
    case Request::kSetVringKick:
      (*ring)->kick.swap(event);
      (*ring)->kicked = true;
      break;
    case Request::kSetVringCall:
      (*ring)->call.swap(event);
      break;
    default:  // SET_VRING_ERR: faults are told by the port's status
      return absl::OkStatus();
  }
  PublishIfRunning();  // the former event is closed after this
  return StartIfComplete(file.index);
}

absl::Status Session::SetVringEnable(const VringState& state) {
  const auto ring = AnyRing(state.index);
  if (!ring.ok()) {
    return ring.status();
  }
  if (state.value > 1) {
    return Refuse(absl::StrFormat("enable %d", state.value));
  }
  // Before features are chosen, any may come: QEMU enables rings while its device is made, long
  // before the guest's driver is there.
  if (features_ != 0 && (features_ & Feature::kProtocolFeatures) == 0) {
    return Refuse("SET_VRING_ENABLE without VHOST_USER_F_PROTOCOL_FEATURES");
  }
  (*ring)->enabled = state.value == 1;
  PublishIfRunning();
  return absl::OkStatus();
}

Session::Answer Session::GetVringBase(const VringState& state) {
  const auto found = AnyRing(state.index);
  if (!found.ok()) {
    return found.status();
  }
  RingState& ring = **found;
  const auto kick = std::exchange(ring.kick, nullptr);
  const auto call = std::exchange(ring.call, nullptr);
  ring.kicked = false;
  ring.address.reset();
  if (std::exchange(ring.running, false)) {
    PublishIfRunning();
    ring.base = host_.RingPosition(state.index);
  }
  return Answered(Request::kGetVringBase, VringState{.index = state.index, .value = ring.base});
}

absl::Status Session::StartIfComplete(unsigned index) {
  RingState& ring = rings_[index];
  if (ring.running || !ring.kicked || ring.size == 0 || !ring.address || memory_ == nullptr) {
    return absl::OkStatus();
  }
  const auto resolved = Resolve(ring, *memory_);
  if (!resolved.ok()) {
    return resolved.status();
  }
  if ((features_ & Feature::kVersion1) == 0) {
    return Refuse("a ring starts before SET_FEATURES");
  }
  // Until somebody sleeps, nobody needs to be woken.
  resolved->SetUsedFlags((features_ & Feature::kRingEventIdx) != 0 ? 0 : kNoNotification);
  host_.RestartRing(index, resolved->UsedIndex());
  ring.running = true;
  PublishIfRunning();
  return absl::OkStatus();
}

void Session::PublishIfRunning() {
  auto next = BuildDevice();
  if (next == nullptr && device_ == nullptr) {
    return;
  }
  const auto former = std::exchange(device_, next);
  host_.Publish(std::move(next));
}

std::shared_ptr<const Device> Session::BuildDevice() const {
  auto device = std::make_shared<Device>();
  const bool explicit_enable = (features_ & Feature::kProtocolFeatures) != 0;
  bool any = false;
  for (unsigned i = 0; i < 2 * queue_pairs_; ++i) {
    const RingState& ring = rings_[i];
    if (!ring.running) {
      continue;
    }
    any = true;
    Queue& queue = device->queues[i];
    queue.ring = *Resolve(ring, *memory_);
    queue.enabled = !explicit_enable || ring.enabled.value_or(false);
    queue.undecided = explicit_enable && !ring.enabled.has_value();
    queue.kick = ring.kick;
    queue.call = ring.call;
    if (i % 2 == 0 && queue.enabled) {
      device->open[device->open_count++] = static_cast<std::uint8_t>(i / 2);
    }
  }
  if (!any) {
    return nullptr;
  }
  device->memory = memory_;
  device->from_guest = FromGuest(features_);
  device->to_guest = ToGuest(features_);
  device->mergeable = (features_ & Feature::kNetMrgRxbuf) != 0;
  device->event_index = (features_ & Feature::kRingEventIdx) != 0;
  device->indirect = (features_ & Feature::kRingIndirectDesc) != 0;
  device->max_frame = max_frame_;
  return device;
}

}  // namespace pollux::vhost::vhost_user
