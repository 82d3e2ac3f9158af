// What a port is to those who find peers for it (listener.h, connector.h).
// Threading: the event loop's thread.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <memory>
#include <string>

#include "vhost/memif/connection.h"

namespace pollux::vhost::memif {

class Interface {
 public:
  [[nodiscard]] virtual Limits limits() const = 0;
  // A peer finished its handshake: its connection is for the workers now.
  virtual void OnConnected(std::unique_ptr<Connection> connection, const std::string& peer) = 0;
  // There is no peer (any more). Waits for the workers to let go of the connection.
  virtual void OnDisconnected(const absl::Status& reason) = 0;

 protected:
  ~Interface() = default;
};

// What tests choose otherwise.
struct Options {
  std::chrono::milliseconds step{2000};       // for the peer's next message of a handshake
  std::chrono::milliseconds first_retry{50};  // client: doubled after each failure
  std::chrono::milliseconds longest_retry{1000};
  SealPolicy seals = SealPolicy::kRequireShrinkSeal;
};

}  // namespace pollux::vhost::memif
