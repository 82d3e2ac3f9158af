// The client's side of the control channel: connects, and connects again, for one interface.
//
// Attempts follow each other with growing pauses; a connection that worked resets them.
// Threading: the event loop's thread.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "vhost/event_loop.h"
#include "vhost/memif/channel.h"
#include "vhost/memif/handshake.h"
#include "vhost/memif/interface.h"

namespace pollux::vhost::memif {

class Connector {
 public:
  // Makes the first attempt at once.
  Connector(EventLoop& events, std::string path, ClientHandshake::Config config,
            Interface& interface, const Options& options);
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;
  // Leaves the server; the interface is not told.
  ~Connector();

 private:
  struct Attempt {
    Attempt(Connector& connector, UniqueFd socket);
    absl::Status OnMessage(Parcel parcel);

    Connector& connector;
    ClientHandshake handshake;
    Channel channel;
  };

  void Connect();
  void OnClosed(const absl::Status& reason);
  void RetryLater(const absl::Status& reason);

  EventLoop& events_;
  const std::string path_;
  const ClientHandshake::Config config_;
  Interface& interface_;
  const Options options_;
  std::chrono::milliseconds pause_;
  std::optional<EventLoop::TimerId> retry_;
  std::unique_ptr<Attempt> attempt_;
};

}  // namespace pollux::vhost::memif
