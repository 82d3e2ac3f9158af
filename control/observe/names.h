// What an operator calls an address: a pod, an endpoint, a service.
// Threading: pure functions on a snapshot.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/state/controller.h"
#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace pollux::control {

// The addresses that `text` stands for: an IP address itself, those of a pod (NAMESPACE/NAME) or of
// an endpoint. Empty if nobody is called so.
std::vector<net::IpAddress> AddressesOf(const Snapshot& snapshot, const std::string& text);

// Those of a service, as NAMESPACE/NAME or with :PORT, that serve the protocol and port.
std::vector<net::IpAddress> AddressesOfService(const Snapshot& snapshot, const std::string& text,
                                               net::IpProtocol protocol, std::uint16_t port);

// Who has which address: a pod as NAMESPACE/NAME, an endpoint, or a service as NAMESPACE/NAME.
class AddressNames {
 public:
  explicit AddressNames(const Snapshot& snapshot);
  // Empty: nobody who is known.
  [[nodiscard]] std::string Of(const net::IpAddress& ip) const;

 private:
  std::unordered_map<net::IpAddress, std::string> names_;
};

}  // namespace pollux::control
