#include "vhost/port_spec_check.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_format.h>
#include <net/if.h>
#include <sys/un.h>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <variant>

namespace pollux::vhost {
namespace {

constexpr std::size_t kMaxNameBytes = 127;
constexpr std::size_t kMaxSocketPathBytes = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kMaxIfnameBytes = IFNAMSIZ - 1;
constexpr std::uint16_t kMinRingSize = 64;
constexpr std::uint16_t kMaxRingSize = 16384;
constexpr std::uint16_t kMaxVlan = 4094;
constexpr std::uint32_t kPermissionBits = 0777;

template <typename... Args>
absl::Status Invalid(const absl::FormatSpec<Args...>& format, const Args&... args) {
  return absl::InvalidArgumentError(absl::StrFormat(format, args...));
}

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A value from outside as it may stand in a message: bounded, without control characters.
std::string Shown(std::string_view text) {
  constexpr std::size_t kMaxBytes = 128;
  const std::string escaped =
      absl::Utf8SafeCEscape({text.data(), std::min(text.size(), kMaxBytes)});
  return escaped + (text.size() > kMaxBytes ? "..." : "");
}

bool IsPrintable(char c) { return c > ' ' && c < 0x7f; }

// Letters and digits first; then also what Kubernetes puts into names, and separators.
bool IsNameOfPort(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && IsAlphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return IsAlphanumeric(c) || std::string_view("._-:/@").find(c) != std::string_view::npos;
         });
}

// The kernel's dev_valid_name(), and plain ASCII.
bool IsNameOfInterface(std::string_view name) {
  return !name.empty() && name.size() <= kMaxIfnameBytes && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return IsPrintable(c) && c != '/' && c != ':' && c != '%'; });
}

bool IsAbsolutePath(std::string_view path) {
  return path.starts_with('/') && path.find('\0') == std::string_view::npos;
}

absl::Status CheckSocket(const std::string& path, std::uint32_t mode) {
  if (!IsAbsolutePath(path) || path.size() > kMaxSocketPathBytes) {
    return Invalid("socket: '%s' is not an absolute path of at most %d bytes", Shown(path),
                   kMaxSocketPathBytes);
  }
  if ((mode & ~kPermissionBits) != 0) {
    return Invalid("socket_mode: 0%o has bits other than 0777", mode);
  }
  return absl::OkStatus();
}

struct BackendCheck {
  absl::Status operator()(const core::TapSpec& tap) const {
    if (!IsNameOfInterface(tap.ifname)) {
      return Invalid("ifname: '%s' is not 1 to %d characters without '/', ':', '%%' and spaces",
                     Shown(tap.ifname), kMaxIfnameBytes);
    }
    if (!tap.netns.empty() && !IsAbsolutePath(tap.netns)) {
      return Invalid("netns: '%s' is not an absolute path (such as /run/netns/NAME)",
                     Shown(tap.netns));
    }
    return absl::OkStatus();
  }
  absl::Status operator()(const core::VhostUserSpec& vhost) const {
    return CheckSocket(vhost.socket, vhost.socket_mode);
  }
  absl::Status operator()(const core::MemifSpec& memif) const {
    return CheckSocket(memif.socket, memif.socket_mode);
  }
  absl::Status operator()(const core::EthdevSpec& ethdev) const {
    if (ethdev.devargs.empty() ||
        !std::all_of(ethdev.devargs.begin(), ethdev.devargs.end(), IsPrintable)) {
      return Invalid("devargs: '%s' is no DPDK device (such as 0000:01:00.0 or net_null0)",
                     Shown(ethdev.devargs));
    }
    return absl::OkStatus();
  }
};

}  // namespace

absl::Status CheckPortSpec(const core::PortSpec& spec) {
  if (!IsNameOfPort(spec.name)) {
    return Invalid(
        "name: '%s' is not 1 to %d letters, digits or '._-:/@' that begin with a letter or digit",
        Shown(spec.name), kMaxNameBytes);
  }
  if (spec.mtu < core::kMinMtu || spec.mtu > core::kMaxMtu) {
    return Invalid("mtu: %d is outside %d..%d", spec.mtu, core::kMinMtu, core::kMaxMtu);
  }
  if (spec.queues < 1 || spec.queues > core::kMaxQueues) {
    return Invalid("queues: %d is outside 1..%d", spec.queues, core::kMaxQueues);
  }
  if (!std::has_single_bit(spec.ring_size) || spec.ring_size < kMinRingSize ||
      spec.ring_size > kMaxRingSize) {
    return Invalid("ring_size: %d is no power of two in %d..%d", spec.ring_size, kMinRingSize,
                   kMaxRingSize);
  }
  if (spec.vlan > kMaxVlan) {
    return Invalid("vlan: %d is outside 0..%d", spec.vlan, kMaxVlan);
  }
  if (spec.mac.is_group()) {
    return Invalid("mac: %s is a group address", spec.mac.ToString());
  }
  return std::visit(BackendCheck{}, spec.backend);
}

}  // namespace pollux::vhost
