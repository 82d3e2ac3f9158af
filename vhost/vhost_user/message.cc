#include "vhost/vhost_user/message.h"

#include <absl/strings/str_format.h>

#include <cstring>

namespace pollux::vhost::vhost_user {
namespace {

template <typename T>
T Load(std::span<const std::uint8_t> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

template <typename T>
absl::StatusOr<Payload> Exactly(std::span<const std::uint8_t> payload) {
  if (payload.size() != sizeof(T)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("payload of %d bytes instead of %d", payload.size(), sizeof(T)));
  }
  return Payload(Load<T>(payload));
}

absl::StatusOr<Payload> Nothing(std::span<const std::uint8_t> payload) {
  if (!payload.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("payload of %d bytes instead of none", payload.size()));
  }
  return Payload();
}

absl::StatusOr<Payload> DecodeRegions(std::span<const std::uint8_t> payload) {
  constexpr std::size_t kPrefix = 8;  // the count and its padding
  if (payload.size() < kPrefix) {
    return absl::InvalidArgumentError("memory table without a region count");
  }
  RegionList list;
  list.count = Load<std::uint32_t>(payload);
  if (list.count == 0 || list.count > kMaxRegions) {
    return absl::InvalidArgumentError(
        absl::StrFormat("memory table of %d regions, 1 to %d allowed", list.count, kMaxRegions));
  }
  if (payload.size() != kPrefix + list.count * sizeof(MemoryRegion)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("memory table of %d regions in %d bytes", list.count, payload.size()));
  }
  std::memcpy(list.regions.data(), payload.data() + kPrefix, payload.size() - kPrefix);
  return Payload(list);
}

absl::StatusOr<Payload> DecodeVringFile(std::span<const std::uint8_t> payload) {
  if (payload.size() != sizeof(std::uint64_t)) {
    return Exactly<std::uint64_t>(payload);
  }
  const auto value = Load<std::uint64_t>(payload);
  if ((value & ~(kVringIndexMask | kVringNoFd)) != 0) {
    return absl::InvalidArgumentError(absl::StrFormat("reserved bits in %#x", value));
  }
  return Payload(VringFile{.index = static_cast<std::uint32_t>(value & kVringIndexMask),
                           .has_fd = (value & kVringNoFd) == 0});
}

absl::StatusOr<Payload> DecodePayload(Request request, std::span<const std::uint8_t> payload) {
  switch (request) {
    case Request::kGetFeatures:
    case Request::kSetOwner:
    case Request::kResetOwner:
    case Request::kGetProtocolFeatures:
    case Request::kGetQueueNum:
      return Nothing(payload);
    case Request::kSetFeatures:
    case Request::kSetProtocolFeatures:
    case Request::kNetSetMtu:
      return Exactly<std::uint64_t>(payload);
    case Request::kSetVringNum:
    case Request::kSetVringBase:
    case Request::kGetVringBase:
    case Request::kSetVringEnable:
      return Exactly<VringState>(payload);
    case Request::kSetVringAddr:
      return Exactly<VringAddress>(payload);
    case Request::kSetVringKick:
    case Request::kSetVringCall:
    case Request::kSetVringErr:
      return DecodeVringFile(payload);
    case Request::kSetMemTable:
      return DecodeRegions(payload);
  }
  return Payload(UnknownRequest{});
}

std::size_t FdsThatBelongTo(const Payload& payload) {
  if (const auto* file = std::get_if<VringFile>(&payload)) {
    return file->has_fd ? 1 : 0;
  }
  if (const auto* list = std::get_if<RegionList>(&payload)) {
    return list->count;
  }
  return 0;
}

absl::Status About(std::uint32_t request, const absl::Status& status) {
  return absl::InvalidArgumentError(
      absl::StrFormat("vhost-user request %d: %s", request, status.message()));
}

}  // namespace

absl::StatusOr<std::size_t> PayloadSize(
    std::span<const std::uint8_t, sizeof(MessageHeader)> bytes) {
  const auto header = Load<MessageHeader>(bytes);
  if ((header.flags & MessageHeader::kVersionMask) != MessageHeader::kVersion) {
    return About(header.request, absl::InvalidArgumentError(
                                     absl::StrFormat("flags %#x, not version 1", header.flags)));
  }
  if ((header.flags & MessageHeader::kReply) != 0) {
    return About(header.request, absl::InvalidArgumentError("a reply to nothing"));
  }
  if (header.size > kMaxPayload) {
    return About(header.request,
                 absl::InvalidArgumentError(absl::StrFormat("payload of %d bytes", header.size)));
  }
  return header.size;
}

absl::StatusOr<Message> DecodeMessage(std::span<const std::uint8_t> bytes, std::size_t fd_count) {
  if (bytes.size() < sizeof(MessageHeader)) {
    return absl::InvalidArgumentError("vhost-user message shorter than its header");
  }
  const auto size = PayloadSize(bytes.first<sizeof(MessageHeader)>());
  if (!size.ok()) {
    return size.status();
  }
  const auto header = Load<MessageHeader>(bytes);
  const auto payload = bytes.subspan(sizeof(MessageHeader));
  if (payload.size() != *size) {
    return About(header.request, absl::InvalidArgumentError("payload cut short"));
  }
  Message message;
  message.request = static_cast<Request>(header.request);
  message.wants_ack = (header.flags & MessageHeader::kNeedReply) != 0;
  auto decoded = DecodePayload(message.request, payload);
  if (!decoded.ok()) {
    return About(header.request, decoded.status());
  }
  message.payload = *std::move(decoded);
  // An unknown request may bring whatever it likes: it is refused, its descriptors are closed.
  if (!std::holds_alternative<UnknownRequest>(message.payload) &&
      fd_count != FdsThatBelongTo(message.payload)) {
    return About(header.request,
                 absl::InvalidArgumentError(absl::StrFormat(
                     "%d descriptors instead of %d", fd_count, FdsThatBelongTo(message.payload))));
  }
  return message;
}

Reply::Reply(Request request, const void* payload, std::uint32_t size)
    : size_(sizeof(MessageHeader) + size) {
  const MessageHeader header{.request = static_cast<std::uint32_t>(request),
                             .flags = MessageHeader::kVersion | MessageHeader::kReply,
                             .size = size};
  std::memcpy(bytes_.data(), &header, sizeof header);
  std::memcpy(bytes_.data() + sizeof header, payload, size);
}

}  // namespace pollux::vhost::vhost_user
