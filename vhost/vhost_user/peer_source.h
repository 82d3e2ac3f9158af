// Where front-ends come from: a socket that we listen on, or one that we keep connecting to.
// Threading: event loop thread only.
#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/core/port_spec.h"
#include "vhost/event_loop.h"
#include "vhost/unique_fd.h"
#include "vhost/unix_socket.h"

namespace pollux::vhost::vhost_user {

class PeerSource {
 public:
  using OnPeer = std::function<void(UniqueFd socket)>;
  virtual ~PeerSource() = default;
  // The peer handed out last is gone.
  virtual void PeerGone() = 0;
  // "listening", "connecting: why not yet": what goes on while there is no peer.
  [[nodiscard]] virtual std::string State() const = 0;
};

class Listener final : public PeerSource {
 public:
  // Every peer that connects is handed out, whoever is there already.
  Listener(EventLoop& events, ListeningSocket socket, OnPeer on_peer);
  ~Listener() override;
  void PeerGone() override {}
  [[nodiscard]] std::string State() const override { return "listening"; }

 private:
  void AcceptSome();
  void PauseAccepting();

  EventLoop& events_;
  const ListeningSocket socket_;
  const OnPeer on_peer_;
  std::optional<EventLoop::TimerId> pause_;
};

class Connector final : public PeerSource {
 public:
  struct Backoff {
    std::chrono::milliseconds first{100};
    std::chrono::milliseconds longest{1000};
  };
  // Tries at once, and again after PeerGone().
  Connector(EventLoop& events, std::string path, Backoff backoff, OnPeer on_peer);
  ~Connector() override;
  void PeerGone() override;
  [[nodiscard]] std::string State() const override { return "connecting: " + last_error_; }

 private:
  void Try();
  void TryAfter(std::chrono::milliseconds delay);

  EventLoop& events_;
  const std::string path_;
  const Backoff backoff_;
  const OnPeer on_peer_;
  std::chrono::milliseconds delay_;
  std::optional<EventLoop::TimerId> timer_;
  std::string last_error_ = "not tried yet";
};

}  // namespace pollux::vhost::vhost_user
