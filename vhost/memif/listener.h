// The servers' side of the control channel: one listening socket for all interfaces at its path.
//
// A client says in its INIT which interface it wants. Until then it is nobody's, and there is a
// bound to how many of these are kept. Each interface has at most one client, from INIT on.
// Threading: the event loop's thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "vhost/event_loop.h"
#include "vhost/memif/channel.h"
#include "vhost/memif/handshake.h"
#include "vhost/memif/interface.h"
#include "vhost/unix_socket.h"

namespace pollux::vhost::memif {

class Listener {
 public:
  // The listener at this path, made if there is none. One path has one owner and mode
  // (InvalidArgument otherwise). Other errors are those of ListeningSocket::Open.
  static absl::StatusOr<std::shared_ptr<Listener>> Acquire(EventLoop& events,
                                                           const std::string& path,
                                                           const SocketAccess& access,
                                                           const Options& options);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // AlreadyExists if the path has an interface of this id.
  absl::Status Add(std::uint32_t id, Interface& interface);
  // Its client is cut off; the interface is not told.
  void Remove(std::uint32_t id);

 private:
  // One client's socket and how far it got.
  struct Session {
    Session(Listener& listener, UniqueFd socket);
    absl::Status OnMessage(Parcel parcel);

    Listener& listener;
    Interface* interface = nullptr;  // since INIT
    ServerHandshake handshake;
    Channel channel;
  };

  Listener(EventLoop& events, ListeningSocket socket, SocketAccess access, const Options& options);
  void Watch();
  void OnConnectionRequest();
  void Greet(UniqueFd socket);
  absl::StatusOr<Limits> Admit(Session& session, const Init& init);
  void OnClosed(Session& session, const absl::Status& reason);
  // What HELLO promises: the most that any interface here can take.
  [[nodiscard]] Limits LimitsOfAll() const;

  EventLoop& events_;
  ListeningSocket socket_;
  const SocketAccess access_;
  const Options options_;
  std::map<std::uint32_t, Interface*> interfaces_;
  std::map<Session*, std::unique_ptr<Session>> sessions_;
  // Set while accept() fails for want of descriptors.
  std::optional<EventLoop::TimerId> pause_;
};

}  // namespace pollux::vhost::memif
