#include "vhost/memif/channel.h"

#include <absl/strings/str_format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>
#include <vector>

#include "vhost/received_descriptors.h"

namespace pollux::vhost::memif {
namespace {

struct Datagram {
  std::array<std::uint8_t, kMessageBytes> bytes;
  std::size_t size = 0;
  std::vector<UniqueFd> fds;
  bool truncated = false;
};

absl::StatusOr<Datagram> Receive(int socket) {
  Datagram datagram;
  alignas(cmsghdr) std::array<char, kControlBytes> control;
  iovec data{datagram.bytes.data(), datagram.bytes.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0) {
    return absl::UnavailableError(std::strerror(errno));
  }
  if (absl::Status status = TakeDescriptors(header, datagram.fds); !status.ok()) {
    return status;
  }
  datagram.size = static_cast<std::size_t>(n);
  datagram.truncated = (header.msg_flags & MSG_TRUNC) != 0;
  return datagram;
}

absl::StatusOr<Parcel> Unpack(Datagram datagram) {
  if (datagram.size == 0 && datagram.fds.empty()) {
    return absl::CancelledError("the peer closed the connection");
  }
  if (datagram.truncated) {
    return absl::InvalidArgumentError("a message with too many bytes");
  }
  absl::StatusOr<Message> message = ParseMessage(std::span(datagram.bytes).first(datagram.size));
  if (!message.ok()) {
    return message.status();
  }
  if (datagram.fds.size() != DescriptorsOf(*message)) {
    return absl::InvalidArgumentError(absl::StrFormat("%s with %d descriptors instead of %d",
                                                      NameOf(*message), datagram.fds.size(),
                                                      DescriptorsOf(*message)));
  }
  Parcel parcel{*std::move(message), UniqueFd()};
  if (!datagram.fds.empty()) {
    parcel.fd = std::move(datagram.fds.front());
  }
  return parcel;
}

}  // namespace

Channel::Channel(EventLoop& events, UniqueFd socket, OnMessage on_message, OnClosed on_closed)
    : events_(events),
      socket_(std::move(socket)),
      on_message_(std::move(on_message)),
      on_closed_(std::move(on_closed)) {
  events_.Watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { OnReadable(); });
}

Channel::~Channel() {
  StopDeadline();
  events_.Unwatch(socket_.get());
  CloseConnection(std::move(socket_));
}

absl::Status Channel::Send(const Parcel& parcel) {
  std::array<std::uint8_t, kMessageBytes> bytes = EncodeMessage(parcel.message);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec data{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (parcel.fd.valid()) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = parcel.fd.get();
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  // The socket's buffer holds every answer of a handshake; a peer that fills it is not reading.
  if (sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    return absl::UnavailableError(
        absl::StrFormat("cannot send %s: %s", NameOf(parcel.message), std::strerror(errno)));
  }
  return absl::OkStatus();
}

void Channel::SendDisconnect(const absl::Status& reason) {
  (void)Send({Disconnect{.reason = std::string(reason.message())}, UniqueFd()});
}

void Channel::ExpectWithin(EventLoop::Clock::duration time) {
  StopDeadline();
  deadline_ = events_.After(time, [this] {
    deadline_.reset();
    Close(absl::DeadlineExceededError("the peer did not send its next message in time"));
  });
}

void Channel::StopDeadline() {
  if (deadline_.has_value()) {
    events_.Cancel(*deadline_);
    deadline_.reset();
  }
}

void Channel::OnReadable() {
  if (absl::Status status = ReceiveOne(); !status.ok()) {
    Close(status);
  }
}

absl::Status Channel::ReceiveOne() {
  absl::StatusOr<Datagram> datagram = Receive(socket_.get());
  if (!datagram.ok()) {
    return datagram.status();
  }
  absl::StatusOr<Parcel> parcel = Unpack(*std::move(datagram));
  if (!parcel.ok()) {
    return parcel.status();
  }
  StopDeadline();
  return on_message_(*std::move(parcel));
}

void Channel::Close(const absl::Status& reason) {
  if (!absl::IsCancelled(reason)) {  // else it was the peer who left
    SendDisconnect(reason);
  }
  const OnClosed on_closed = std::move(on_closed_);
  on_closed(reason);
}

}  // namespace pollux::vhost::memif
