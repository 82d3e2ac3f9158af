#include "vhost/memif/message.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace pollux::vhost::memif {
namespace {

constexpr std::size_t kNameBytes = 32;
constexpr std::size_t kSecretBytes = 24;
constexpr std::size_t kReasonBytes = 96;
constexpr std::uint16_t kRingToServerFlag = 1;

// Takes the fields front to back. The longest message has 106 bytes, so 128 never run out.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  template <typename T>
  void Take(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(&value, left_.data(), sizeof value);
    left_ = left_.subspan(sizeof value);
  }

  void TakeText(std::string& text, std::size_t bytes) {
    const auto field = left_.first(bytes);
    text.assign(field.begin(), std::find(field.begin(), field.end(), std::uint8_t{0}));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    left_ = left_.subspan(bytes);
  }

 private:
  std::span<const std::uint8_t> left_;
};

class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> bytes) : left_(bytes) {}

  template <typename T>
  void Put(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(left_.data(), &value, sizeof value);
    left_ = left_.subspan(sizeof value);
  }

  // The last byte stays zero.
  void PutText(std::string_view text, std::size_t bytes) {
    std::memcpy(left_.data(), text.data(), std::min(text.size(), bytes - 1));
    left_ = left_.subspan(bytes);
  }

 private:
  std::span<std::uint8_t> left_;
};

absl::Status Read(Reader&, Ack&) { return absl::OkStatus(); }

absl::Status Read(Reader& in, Hello& hello) {
  in.TakeText(hello.name, kNameBytes);
  in.Take(hello.min_version);
  in.Take(hello.max_version);
  in.Take(hello.max_region);
  in.Take(hello.max_ring_to_client);
  in.Take(hello.max_ring_to_server);
  in.Take(hello.max_log2_ring_size);
  return absl::OkStatus();
}

absl::Status Read(Reader& in, Init& init) {
  std::uint8_t mode = 0;
  in.Take(init.version);
  in.Take(init.id);
  in.Take(mode);
  in.TakeText(init.secret, kSecretBytes);
  in.TakeText(init.name, kNameBytes);
  if (mode > static_cast<std::uint8_t>(Mode::kPuntInject)) {
    return absl::InvalidArgumentError(absl::StrFormat("INIT: there is no mode %d", mode));
  }
  init.mode = static_cast<Mode>(mode);
  return absl::OkStatus();
}

absl::Status Read(Reader& in, AddRegion& region) {
  in.Take(region.index);
  in.Take(region.size);
  return absl::OkStatus();
}

absl::Status Read(Reader& in, AddRing& ring) {
  std::uint16_t flags = 0;
  in.Take(flags);
  in.Take(ring.index);
  in.Take(ring.region);
  in.Take(ring.offset);
  in.Take(ring.log2_ring_size);
  in.Take(ring.private_header_size);
  if ((flags & ~kRingToServerFlag) != 0) {
    return absl::InvalidArgumentError(absl::StrFormat("ADD_RING: unknown flags %#x", flags));
  }
  ring.direction = flags == 0 ? Direction::kToClient : Direction::kToServer;
  return absl::OkStatus();
}

absl::Status Read(Reader& in, Connect& connect) {
  in.TakeText(connect.interface_name, kNameBytes);
  return absl::OkStatus();
}

absl::Status Read(Reader& in, Connected& connected) {
  in.TakeText(connected.interface_name, kNameBytes);
  return absl::OkStatus();
}

absl::Status Read(Reader& in, Disconnect& disconnect) {
  in.Take(disconnect.code);
  in.TakeText(disconnect.reason, kReasonBytes);
  return absl::OkStatus();
}

void Write(Writer&, const Ack&) {}

void Write(Writer& out, const Hello& hello) {
  out.PutText(hello.name, kNameBytes);
  out.Put(hello.min_version);
  out.Put(hello.max_version);
  out.Put(hello.max_region);
  out.Put(hello.max_ring_to_client);
  out.Put(hello.max_ring_to_server);
  out.Put(hello.max_log2_ring_size);
}

void Write(Writer& out, const Init& init) {
  out.Put(init.version);
  out.Put(init.id);
  out.Put(init.mode);
  out.PutText(init.secret, kSecretBytes);
  out.PutText(init.name, kNameBytes);
}

void Write(Writer& out, const AddRegion& region) {
  out.Put(region.index);
  out.Put(region.size);
}

void Write(Writer& out, const AddRing& ring) {
  out.Put(ring.direction == Direction::kToServer ? kRingToServerFlag : std::uint16_t{0});
  out.Put(ring.index);
  out.Put(ring.region);
  out.Put(ring.offset);
  out.Put(ring.log2_ring_size);
  out.Put(ring.private_header_size);
}

void Write(Writer& out, const Connect& connect) { out.PutText(connect.interface_name, kNameBytes); }

void Write(Writer& out, const Connected& connected) {
  out.PutText(connected.interface_name, kNameBytes);
}

void Write(Writer& out, const Disconnect& disconnect) {
  out.Put(disconnect.code);
  out.PutText(disconnect.reason, kReasonBytes);
}

template <typename T>
absl::StatusOr<Message> ReadAs(Reader& in) {
  T message;
  if (absl::Status status = Read(in, message); !status.ok()) {
    return status;
  }
  return Message(std::move(message));
}

}  // namespace

absl::StatusOr<Message> ParseMessage(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != kMessageBytes) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a message of %d bytes instead of %d", bytes.size(), kMessageBytes));
  }
  Reader in(bytes);
  std::uint16_t type = 0;
  in.Take(type);
  switch (type) {
    case 1:
      return ReadAs<Ack>(in);
    case 2:
      return ReadAs<Hello>(in);
    case 3:
      return ReadAs<Init>(in);
    case 4:
      return ReadAs<AddRegion>(in);
    case 5:
      return ReadAs<AddRing>(in);
    case 6:
      return ReadAs<Connect>(in);
    case 7:
      return ReadAs<Connected>(in);
    case 8:
      return ReadAs<Disconnect>(in);
    default:
      return absl::InvalidArgumentError(absl::StrFormat("unknown message type %d", type));
  }
}

std::array<std::uint8_t, kMessageBytes> EncodeMessage(const Message& message) {
  std::array<std::uint8_t, kMessageBytes> bytes{};
  Writer out(bytes);
  out.Put(static_cast<std::uint16_t>(message.index() + 1));
  std::visit([&](const auto& m) { Write(out, m); }, message);
  return bytes;
}

unsigned DescriptorsOf(const Message& message) {
  return std::holds_alternative<AddRegion>(message) || std::holds_alternative<AddRing>(message) ? 1
                                                                                                : 0;
}

const char* NameOf(const Message& message) {
  constexpr std::array<const char*, std::variant_size_v<Message>> kNames = {
      "ACK", "HELLO", "INIT", "ADD_REGION", "ADD_RING", "CONNECT", "CONNECTED", "DISCONNECT"};
  return kNames[message.index()];
}

}  // namespace pollux::vhost::memif
