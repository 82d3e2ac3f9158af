// Bytes to typed messages and back; knows no socket, no state, no meaning.
//
// Everything that can be said about a message by looking at it alone is checked here: version,
// sizes, the number of descriptors that came with it, reserved bits, counts. What follows (order,
// indices, addresses) is the session's.
// Threading: pure functions.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "vhost/vhost_user/protocol.h"

namespace pollux::vhost::vhost_user {

struct RegionList {
  std::uint32_t count = 0;
  std::array<MemoryRegion, kMaxRegions> regions{};
  [[nodiscard]] std::span<const MemoryRegion> list() const { return {regions.data(), count}; }
};

struct VringFile {
  std::uint32_t index = 0;
  bool has_fd = false;
};

// A request that we do not know or did not offer.
struct UnknownRequest {};

using Payload = std::variant<std::monostate, std::uint64_t, VringState, VringAddress, VringFile,
                             RegionList, UnknownRequest>;

struct Message {
  Request request{};
  bool wants_ack = false;  // REPLY_ACK's need_reply bit
  Payload payload;
};

// The payload's size that the header announces. InvalidArgument: nobody could go on from here (a
// wrong version, a reply, more than kMaxPayload).
absl::StatusOr<std::size_t> PayloadSize(
    std::span<const std::uint8_t, sizeof(MessageHeader)> header);

// A whole message, header and payload, with the number of descriptors that came with it.
// InvalidArgument says what is wrong with it.
absl::StatusOr<Message> DecodeMessage(std::span<const std::uint8_t> bytes, std::size_t fd_count);

// The answer to `request`.
class Reply {
 public:
  Reply(Request request, std::uint64_t value) : Reply(request, &value, sizeof value) {}
  Reply(Request request, const VringState& state) : Reply(request, &state, sizeof state) {}
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }

 private:
  Reply(Request request, const void* payload, std::uint32_t size);

  std::size_t size_;
  std::array<std::uint8_t, sizeof(MessageHeader) + sizeof(std::uint64_t)> bytes_{};
};

}  // namespace pollux::vhost::vhost_user
