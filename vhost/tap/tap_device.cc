#include "vhost/tap/tap_device.h"

#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "vhost/tap/vnet_header.h"

namespace pollux::vhost {
namespace {

constexpr char kTunPath[] = "/dev/net/tun";
// Since Linux 6.2; absent from Debian 12's headers.
constexpr unsigned kTunUso4 = 0x20;
constexpr unsigned kTunUso6 = 0x40;
constexpr unsigned kOffloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

std::string AliasOf(std::string_view port) { return absl::StrFormat("pollux:%s", port); }

absl::Status TunPathError(int error) {
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: %s; TAP ports need the kernel's tun driver (modprobe tun) and, in a container, the "
      "device and CAP_NET_ADMIN",
      kTunPath, std::strerror(error)));
}

absl::Status AttachError(int error, const TapSettings& settings) {
  switch (error) {
    case EBUSY:
      return absl::FailedPreconditionError(absl::StrFormat(
          "ifname: '%s' is held by another process; is another switch running?", settings.ifname));
    case EINVAL:
      return absl::FailedPreconditionError(absl::StrFormat(
          "ifname: '%s' was made with another number of queues than %d; remove it first (ip link "
          "del %s)",
          settings.ifname, settings.queues, settings.ifname));
    case EPERM:
      return absl::PermissionDeniedError(absl::StrFormat(
          "ifname: '%s' cannot be made: CAP_NET_ADMIN is missing", settings.ifname));
    default:
      return absl::ErrnoToStatus(error, absl::StrFormat("ifname: '%s'", settings.ifname));
  }
}

// What an interface that is there already must be.
absl::Status CheckOurs(const Link& link, const TapSettings& settings) {
  if (link.kind == "tun" && link.alias == AliasOf(settings.port)) {
    return absl::OkStatus();
  }
  return absl::AlreadyExistsError(absl::StrFormat(
      "ifname: an interface '%s' exists that is not this port's TAP (kind '%s', alias '%s'); "
      "choose another name or remove it (ip link del %s)",
      settings.ifname, link.kind, link.alias, settings.ifname));
}

ifreq Request(const TapSettings& settings) {
  ifreq request{};
  settings.ifname.copy(request.ifr_name, IFNAMSIZ - 1);
  const int flags =
      IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (settings.queues > 1 ? IFF_MULTI_QUEUE : 0);
  request.ifr_flags = static_cast<short>(flags);
  return request;
}

}  // namespace

absl::StatusOr<TapDevice> TapDevice::Open(const TapSettings& settings) {
  TapDevice device;
  const absl::Status status =
      InNetworkNamespace(settings.netns, [&] { return device.OpenHere(settings); });
  if (!status.ok()) {
    return status;
  }
  return device;
}

absl::Status TapDevice::OpenHere(const TapSettings& settings) {
  auto existing = FindLink(settings.ifname);
  if (!existing.ok()) {
    return existing.status();
  }
  if (existing->has_value()) {
    if (absl::Status status = CheckOurs(**existing, settings); !status.ok()) {
      return status;
    }
  }
  for (unsigned i = 0; i < settings.queues; ++i) {
    if (absl::Status status = AddQueue(settings); !status.ok()) {
      return status;
    }
  }
  const auto link = FindLink(settings.ifname);
  if (!link.ok() || !link->has_value()) {
    return link.ok() ? absl::UnavailableError("ifname: the new interface vanished") : link.status();
  }
  const LinkSettings wanted{AliasOf(settings.port), settings.mac, settings.mtu,
                            settings.tx_queue_length};
  if (absl::Status status = ConfigureLink((*link)->index, wanted); !status.ok()) {
    return status;
  }
  // Last: whatever failed before takes a new device with it.
  return ioctl(fd(0), TUNSETPERSIST, 1) == 0 ? absl::OkStatus()
                                             : absl::ErrnoToStatus(errno, "TUNSETPERSIST");
}

absl::Status TapDevice::AddQueue(const TapSettings& settings) {
  UniqueFd queue(open(kTunPath, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!queue.valid()) {
    return TunPathError(errno);
  }
  ifreq request = Request(settings);
  if (ioctl(queue.get(), TUNSETIFF, &request) != 0) {
    return AttachError(errno, settings);
  }
  const int fd = queue.get();
  queues_.push_back(std::move(queue));
  return OfferOffloads(fd);
}

absl::Status TapDevice::OfferOffloads(int fd) {
  int header_bytes = sizeof(VnetHeader);
  int little_endian = 1;
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) != 0 ||
      ioctl(fd, TUNSETVNETLE, &little_endian) != 0) {
    return absl::ErrnoToStatus(errno, "the tun driver takes no 12-byte virtio-net headers");
  }
  udp_gso_ = ioctl(fd, TUNSETOFFLOAD, kOffloads | kTunUso4 | kTunUso6) == 0;
  if (!udp_gso_ && ioctl(fd, TUNSETOFFLOAD, kOffloads) != 0) {
    return absl::ErrnoToStatus(errno, "the tun driver offers no segmentation offload");
  }
  return absl::OkStatus();
}

absl::StatusOr<Link> TapDevice::Look() const {
  ifreq request{};
  const UniqueFd netns(ioctl(fd(0), TUNGETDEVNETNS));
  if (ioctl(fd(0), TUNGETIFF, &request) != 0 || !netns.valid()) {
    return absl::NotFoundError("the interface was deleted");
  }
  absl::StatusOr<std::optional<Link>> link;
  const absl::Status status = InNetworkNamespace(netns.get(), [&] {
    link = FindLink(request.ifr_name);
    return link.status();
  });
  if (!status.ok() || !link->has_value()) {
    return status.ok() ? absl::NotFoundError("the interface was deleted") : status;
  }
  return **link;
}

void TapDevice::RemoveOnClose() {
  // Fails only if the device is gone already.
  (void)ioctl(fd(0), TUNSETPERSIST, 0);
}

}  // namespace pollux::vhost
