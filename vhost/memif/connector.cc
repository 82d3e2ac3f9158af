#include "vhost/memif/connector.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "vhost/unix_socket.h"

namespace pollux::vhost::memif {

Connector::Connector(EventLoop& events, std::string path, ClientHandshake::Config config,
                     Interface& interface, const Options& options)
    : events_(events),
      path_(std::move(path)),
      config_(std::move(config)),
      interface_(interface),
      options_(options),
      pause_(options.first_retry) {
  Connect();
}

Connector::~Connector() {
  if (retry_.has_value()) {
    events_.Cancel(*retry_);
  }
  if (attempt_ != nullptr) {
    attempt_->channel.SendDisconnect(absl::CancelledError("the interface was removed"));
  }
}

void Connector::Connect() {
  retry_.reset();
  absl::StatusOr<UniqueFd> socket = ConnectUnixSocket(path_, SOCK_SEQPACKET);
  if (!socket.ok()) {
    RetryLater(socket.status());
    return;
  }
  attempt_ = std::make_unique<Attempt>(*this, *std::move(socket));
  attempt_->channel.ExpectWithin(options_.step);
}

void Connector::OnClosed(const absl::Status& reason) {
  const std::unique_ptr<Attempt> keep = std::move(attempt_);
  RetryLater(reason);
}

void Connector::RetryLater(const absl::Status& reason) {
  interface_.OnDisconnected(reason);
  retry_ = events_.After(pause_, [this] { Connect(); });
  pause_ = std::min(pause_ * 2, options_.longest_retry);
}

Connector::Attempt::Attempt(Connector& owner, UniqueFd socket)
    : connector(owner),
      handshake(owner.config_),
      channel(
          owner.events_, std::move(socket),
          [this](Parcel parcel) { return OnMessage(std::move(parcel)); },
          [this](const absl::Status& reason) { connector.OnClosed(reason); }) {}

absl::Status Connector::Attempt::OnMessage(Parcel parcel) {
  absl::StatusOr<std::optional<Parcel>> next = handshake.Handle(std::move(parcel));
  if (!next.ok()) {
    return next.status();
  }
  if (next->has_value()) {
    channel.ExpectWithin(connector.options_.step);
    return channel.Send(**next);
  }
  connector.pause_ = connector.options_.first_retry;
  connector.interface_.OnConnected(handshake.TakeConnection(), handshake.peer_name());
  return absl::OkStatus();
}

}  // namespace pollux::vhost::memif
