// Work inside another network namespace, and the little rtnetlink that a TAP device needs there.
//
// setns() moves a thread, and a thread that has moved makes every later socket in the wrong place.
// So the work runs on a thread of its own that ends with it; neither workers nor the control thread
// ever change their namespace. Threading: control side, any thread; each call waits for its helper.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/net/address.h"

namespace pollux::vhost {

// Runs `work` in the namespace at `path` (empty: the caller's) and returns its status. NotFound or
// InvalidArgument, beginning with "netns", if the path leads nowhere or to something else.
absl::Status InNetworkNamespace(const std::string& path, absl::FunctionRef<absl::Status()> work);
// The same with a descriptor of the namespace, which stays the caller's.
absl::Status InNetworkNamespace(int fd, absl::FunctionRef<absl::Status()> work);

// A network interface of the calling thread's namespace.
struct Link {
  int index = 0;
  std::string kind;   // "tun", "veth", ...; empty for physical ones
  std::string alias;  // `ip link set dev X alias ...`
  net::MacAddress mac;
  std::uint32_t mtu = 0;
  bool up = false;       // by administration
  bool running = false;  // and by carrier
};

// nullopt: there is no interface of that name.
absl::StatusOr<std::optional<Link>> FindLink(const std::string& ifname);

struct LinkSettings {
  std::string alias;
  net::MacAddress mac;  // zero: as it is
  std::uint16_t mtu = 1500;
  std::uint16_t tx_queue_length = 1000;
};

// Sets all of it and brings the interface up.
absl::Status ConfigureLink(int index, const LinkSettings& settings);

}  // namespace pollux::vhost
