// A TAP device of ours: one descriptor per queue, frames with 12-byte virtio-net headers.
//
// The kernel keeps the device when the switch goes away (persistent), with its MAC address, and
// with the addresses and routes that the pod has on it, so that a restart is only a pause. Whose it
// is says its alias, "pollux:PORT". It goes when RemoveOnClose() was called, or with its namespace.
// An open descriptor keeps the namespace alive.
// Threading: Open and Look by the control side; the descriptors may be used by anybody.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/net/address.h"
#include "vhost/tap/network_namespace.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost {

struct TapSettings {
  std::string netns;  // path; empty: the caller's namespace
  std::string ifname;
  std::string port;     // the owner's name
  net::MacAddress mac;  // zero: the kernel's random one, or what a kept device has
  std::uint16_t mtu = 1500;
  std::uint16_t queues = 1;
  std::uint16_t tx_queue_length = 1000;  // frames that wait for us, per queue
};

class TapDevice {
 public:
  // Makes the device, or takes a kept one of the same port again. Errors say what is in the way
  // and what to do; a device that was made by a failed call is gone again.
  static absl::StatusOr<TapDevice> Open(const TapSettings& settings);

  [[nodiscard]] unsigned queue_count() const { return static_cast<unsigned>(queues_.size()); }
  [[nodiscard]] int fd(unsigned queue) const { return queues_[queue].get(); }
  // Whether the kernel takes and gives UDP segmentation offload (Linux 6.2).
  [[nodiscard]] bool udp_gso() const { return udp_gso_; }

  // The interface as it is now, wherever the pod moved or renamed it. NotFound: deleted.
  [[nodiscard]] absl::StatusOr<Link> Look() const;
  // From here on the device lives no longer than its descriptors.
  void RemoveOnClose();

 private:
  absl::Status OpenHere(const TapSettings& settings);
  absl::Status AddQueue(const TapSettings& settings);
  absl::Status OfferOffloads(int fd);

  std::vector<UniqueFd> queues_;
  bool udp_gso_ = false;
};

}  // namespace pollux::vhost
