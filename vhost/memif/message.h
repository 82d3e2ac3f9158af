// The messages of memif's control channel, protocol version 2.0, as values.
//
// Each message is one packet of exactly 128 bytes on a SOCK_SEQPACKET socket, in host byte order:
// a 16-bit type, then the fields without padding. HELLO, ACK and CONNECTED go from server to
// client, INIT, ADD_REGION, ADD_RING and CONNECT from client to server, DISCONNECT either way.
// ADD_REGION and ADD_RING carry exactly one file descriptor, the others none. The rings of
// direction "client to server" are called S2M in VPP and C2S in DPDK.
// Threading: pure functions on values.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

namespace pollux::vhost::memif {

inline constexpr std::size_t kMessageBytes = 128;
inline constexpr std::uint16_t kVersion = 0x0200;  // 2.0

enum class Direction : std::uint8_t { kToServer, kToClient };
enum class Mode : std::uint8_t { kEthernet = 0, kIp = 1, kPuntInject = 2 };

struct Ack {
  friend bool operator==(const Ack&, const Ack&) = default;
};

// What the server can take. The maxima are the highest valid indices, not counts.
struct Hello {
  std::string name;  // at most 31 bytes, as all names here
  std::uint16_t min_version = kVersion;
  std::uint16_t max_version = kVersion;
  std::uint16_t max_region = 0;
  std::uint16_t max_ring_to_client = 0;
  std::uint16_t max_ring_to_server = 0;
  std::uint8_t max_log2_ring_size = 0;
  friend bool operator==(const Hello&, const Hello&) = default;
};

// Which of the server's interfaces the client wants.
struct Init {
  std::uint16_t version = kVersion;
  std::uint32_t id = 0;
  Mode mode = Mode::kEthernet;
  std::string secret;  // at most 23 bytes
  std::string name;
  friend bool operator==(const Init&, const Init&) = default;
};

struct AddRegion {
  std::uint16_t index = 0;
  std::uint64_t size = 0;  // bytes
  friend bool operator==(const AddRegion&, const AddRegion&) = default;
};

struct AddRing {
  Direction direction = Direction::kToServer;
  std::uint16_t index = 0;
  std::uint16_t region = 0;
  std::uint32_t offset = 0;  // of the ring's header, from the region's first byte
  std::uint8_t log2_ring_size = 0;
  std::uint16_t private_header_size = 0;
  friend bool operator==(const AddRing&, const AddRing&) = default;
};

struct Connect {
  std::string interface_name;
  friend bool operator==(const Connect&, const Connect&) = default;
};

struct Connected {
  std::string interface_name;
  friend bool operator==(const Connected&, const Connected&) = default;
};

struct Disconnect {
  std::uint32_t code = 0;
  std::string reason;  // at most 95 bytes
  friend bool operator==(const Disconnect&, const Disconnect&) = default;
};

// In the order of the type's values, from 1.
using Message = std::variant<Ack, Hello, Init, AddRegion, AddRing, Connect, Connected, Disconnect>;

// InvalidArgument: a wrong size, an unknown type, a mode or flag that does not exist. Texts end at
// their first zero byte; what is not printable ASCII in them becomes '?'.
absl::StatusOr<Message> ParseMessage(std::span<const std::uint8_t> bytes);
// Texts that are too long are cut.
std::array<std::uint8_t, kMessageBytes> EncodeMessage(const Message& message);

// How many file descriptors must come with it.
[[nodiscard]] unsigned DescriptorsOf(const Message& message);
[[nodiscard]] const char* NameOf(const Message& message);

}  // namespace pollux::vhost::memif
