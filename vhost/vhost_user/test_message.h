// Requests as bytes, as a front-end (or whoever pretends to be one) would send them. For tests.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "vhost/vhost_user/protocol.h"

namespace pollux::vhost::vhost_user {

inline std::vector<std::uint8_t> RawMessage(std::uint32_t request, std::uint32_t flags,
                                            std::uint32_t announced_size,
                                            std::span<const std::uint8_t> payload) {
  const MessageHeader header{.request = request, .flags = flags, .size = announced_size};
  std::vector<std::uint8_t> bytes(sizeof header + payload.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  std::copy(payload.begin(), payload.end(), bytes.begin() + sizeof header);
  return bytes;
}

inline std::vector<std::uint8_t> RequestBytes(Request request,
                                              std::span<const std::uint8_t> payload = {},
                                              bool need_reply = false) {
  return RawMessage(static_cast<std::uint32_t>(request),
                    MessageHeader::kVersion | (need_reply ? MessageHeader::kNeedReply : 0U),
                    static_cast<std::uint32_t>(payload.size()), payload);
}

template <typename T>
std::vector<std::uint8_t> PayloadOf(const T& value) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  return {bytes, bytes + sizeof value};
}

inline std::vector<std::uint8_t> RegionsPayload(std::span<const MemoryRegion> regions) {
  std::vector<std::uint8_t> bytes = PayloadOf(std::uint64_t{regions.size()});
  for (const MemoryRegion& region : regions) {
    const auto part = PayloadOf(region);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

}  // namespace pollux::vhost::vhost_user
