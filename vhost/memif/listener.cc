#include "vhost/memif/listener.h"

#include <absl/strings/str_format.h>
#include <glog/logging.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include "vhost/received_descriptors.h"

namespace pollux::vhost::memif {
namespace {

// Clients that may be in their handshake at once, beyond one per interface.
constexpr std::size_t kMaxStrangers = 16;
constexpr auto kPauseWithoutDescriptors = std::chrono::milliseconds(100);

// Every listener of the process. One loop's entries are touched by its thread only, so an entry
// can't expire between being found and being locked.
struct Registry {
  using Key = std::pair<const EventLoop*, std::string>;
  std::mutex mutex;
  std::map<Key, std::weak_ptr<Listener>> listeners;
};

Registry& TheRegistry() {
  static Registry& registry = *new Registry;  // never destroyed: ports may outlive main()
  return registry;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Listener>> Listener::Acquire(EventLoop& events,
                                                            const std::string& path,
                                                            const SocketAccess& access,
                                                            const Options& options) {
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  std::erase_if(registry.listeners, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Listener>& entry = registry.listeners[{&events, path}];
  if (std::shared_ptr<Listener> listener = entry.lock()) {
    if (listener->access_ != access) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "socket_owner: another port listens on %s with another owner or mode", path));
    }
    return listener;
  }
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::Open(path, SOCK_SEQPACKET, access);
  if (!socket.ok()) {
    return socket.status();
  }
  std::shared_ptr<Listener> listener(new Listener(events, *std::move(socket), access, options));
  entry = listener;
  return listener;
}

Listener::Listener(EventLoop& events, ListeningSocket socket, SocketAccess access,
                   const Options& options)
    : events_(events), socket_(std::move(socket)), access_(std::move(access)), options_(options) {
  Watch();
}

Listener::~Listener() {
  if (pause_.has_value()) {
    events_.Cancel(*pause_);
  }
  events_.Unwatch(socket_.fd());
}

void Listener::Watch() {
  pause_.reset();
  events_.Watch(socket_.fd(), EPOLLIN, [this](std::uint32_t) { OnConnectionRequest(); });
}

absl::Status Listener::Add(std::uint32_t id, Interface& interface) {
  if (!interfaces_.emplace(id, &interface).second) {
    return absl::AlreadyExistsError(
        absl::StrFormat("id: another port listens on this socket with id %d", id));
  }
  return absl::OkStatus();
}

void Listener::Remove(std::uint32_t id) {
  const auto gone = interfaces_.find(id);
  std::erase_if(sessions_, [&](const auto& entry) {
    Session& session = *entry.second;
    if (session.interface != gone->second) {
      return false;
    }
    session.channel.SendDisconnect(absl::CancelledError("the interface was removed"));
    return true;
  });
  interfaces_.erase(gone);
}

void Listener::OnConnectionRequest() {
  UniqueFd client(accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client.valid()) {
    // A stranger too many is let go at once: he may come back.
    if (sessions_.size() < interfaces_.size() + kMaxStrangers) {
      Greet(std::move(client));
    } else {
      CloseConnection(std::move(client));
    }
    return;
  }
  if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
    // No descriptors or memory: the request stays in the queue, and would be reported for ever.
    events_.Unwatch(socket_.fd());
    pause_ = events_.After(kPauseWithoutDescriptors, [this] { Watch(); });
  }
}

void Listener::Greet(UniqueFd socket) {
  auto session = std::make_unique<Session>(*this, std::move(socket));
  if (session->channel.Send({ServerHandshake::Greeting(LimitsOfAll()), UniqueFd()}).ok()) {
    session->channel.ExpectWithin(options_.step);
    sessions_.emplace(session.get(), std::move(session));
  }
}

Limits Listener::LimitsOfAll() const {
  Limits all{.rx_rings = 0, .tx_rings = 0};
  for (const auto& [id, interface] : interfaces_) {
    const Limits limits = interface->limits();
    all.rx_rings = std::max(all.rx_rings, limits.rx_rings);
    all.tx_rings = std::max(all.tx_rings, limits.tx_rings);
  }
  return all;
}

absl::StatusOr<Limits> Listener::Admit(Session& session, const Init& init) {
  const auto found = interfaces_.find(init.id);
  if (found == interfaces_.end()) {
    return absl::NotFoundError(absl::StrFormat("there is no interface with id %d", init.id));
  }
  for (const auto& [other, owned] : sessions_) {
    if (other->interface == found->second) {
      return absl::AlreadyExistsError("the interface is connected already");
    }
  }
  session.interface = found->second;
  return found->second->limits();
}

void Listener::OnClosed(Session& session, const absl::Status& reason) {
  const auto keep = sessions_.extract(&session);
  if (session.interface != nullptr) {
    session.interface->OnDisconnected(reason);
  } else {
    VLOG(1) << "memif: a client that named no interface: " << reason.message();
  }
}

Listener::Session::Session(Listener& owner, UniqueFd socket)
    : listener(owner),
      handshake([this](const Init& init) { return listener.Admit(*this, init); }),
      channel(
          owner.events_, std::move(socket),
          [this](Parcel parcel) { return OnMessage(std::move(parcel)); },
          [this](const absl::Status& reason) { listener.OnClosed(*this, reason); }) {}

absl::Status Listener::Session::OnMessage(Parcel parcel) {
  absl::StatusOr<Message> answer = handshake.Handle(std::move(parcel));
  if (!answer.ok()) {
    return answer.status();
  }
  if (handshake.connected()) {
    interface->OnConnected(handshake.TakeConnection(), handshake.peer_name());
  } else {
    channel.ExpectWithin(listener.options_.step);
  }
  return channel.Send({*std::move(answer), UniqueFd()});
}

}  // namespace pollux::vhost::memif
