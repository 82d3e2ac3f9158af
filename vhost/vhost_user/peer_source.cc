#include "vhost/vhost_user/peer_source.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pollux::vhost::vhost_user {
namespace {

constexpr int kAcceptsPerTurn = 16;
// When descriptors have run out, asking again at once would only burn the thread.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

Listener::Listener(EventLoop& events, ListeningSocket socket, OnPeer on_peer)
    : events_(events), socket_(std::move(socket)), on_peer_(std::move(on_peer)) {
  events_.Watch(socket_.fd(), EPOLLIN, [this](std::uint32_t) { AcceptSome(); });
}

Listener::~Listener() {
  if (pause_) {
    events_.Cancel(*pause_);
  }
  events_.Unwatch(socket_.fd());
}

void Listener::AcceptSome() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    UniqueFd peer(accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (peer.valid()) {
      on_peer_(std::move(peer));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      PauseAccepting();
      return;
    }
  }
}

void Listener::PauseAccepting() {
  events_.Modify(socket_.fd(), 0);
  pause_ = events_.After(kAcceptPause, [this] {
    pause_.reset();
    events_.Modify(socket_.fd(), EPOLLIN);
  });
}

Connector::Connector(EventLoop& events, std::string path, Backoff backoff, OnPeer on_peer)
    : events_(events),
      path_(std::move(path)),
      backoff_(backoff),
      on_peer_(std::move(on_peer)),
      delay_(backoff.first) {
  TryAfter(std::chrono::milliseconds{0});
}

Connector::~Connector() {
  if (timer_) {
    events_.Cancel(*timer_);
  }
}

void Connector::PeerGone() {
  delay_ = backoff_.first;
  TryAfter(delay_);
}

void Connector::TryAfter(std::chrono::milliseconds delay) {
  timer_ = events_.After(delay, [this] {
    timer_.reset();
    Try();
  });
}

void Connector::Try() {
  auto socket = ConnectUnixSocket(path_, SOCK_STREAM);
  if (socket.ok()) {
    on_peer_(*std::move(socket));
    return;
  }
  last_error_ = std::string(socket.status().message());
  TryAfter(delay_);
  delay_ = std::min(2 * delay_, backoff_.longest);
}

}  // namespace pollux::vhost::vhost_user
