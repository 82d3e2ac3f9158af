#include "vhost/vhost_user/connection.h"

#include <absl/strings/str_format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "vhost/received_descriptors.h"

namespace pollux::vhost::vhost_user {
namespace {

constexpr int kMessagesPerTurn = 8;

absl::Status SocketError(const char* what) {
  return absl::UnavailableError(absl::StrFormat("%s: %s", what, std::strerror(errno)));
}

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Connection::Connection(EventLoop& events, UniqueFd socket, std::chrono::milliseconds deadline,
                       OnMessage on_message, OnEnd on_end)
    : events_(events),
      socket_(std::move(socket)),
      deadline_(deadline),
      on_message_(std::move(on_message)),
      on_end_(std::move(on_end)) {
  events_.Watch(socket_.get(), EPOLLIN, [this](std::uint32_t e) { OnEvents(e); });
}

Connection::~Connection() {
  StopTimer();
  events_.Unwatch(socket_.get());
  CloseConnection(std::move(socket_));
}

bool Connection::PeerHungUp() const {
  pollfd probe{.fd = socket_.get(), .events = POLLRDHUP, .revents = 0};
  return poll(&probe, 1, 0) > 0;
}

void Connection::OnEvents(std::uint32_t epoll_events) {
  absl::Status status;
  if (reply_) {
    status = (epoll_events & (EPOLLHUP | EPOLLERR)) != 0
                 ? absl::UnavailableError("the peer closed the connection")
                 : WriteReply();
  }
  if (status.ok() && !reply_) {
    status = ReadMessages();
  }
  if (!status.ok()) {
    End(status);
    return;
  }
  UpdateDeadline();
}

absl::Status Connection::ReadMessages() {
  for (int handled = 0; handled < kMessagesPerTurn && !reply_;) {
    const auto whole = WholeSize();
    if (!whole.ok()) {
      return whole.status();
    }
    if (received_ == *whole) {
      ++handled;
      if (absl::Status status = HandleMessage(); !status.ok()) {
        return status;
      }
      continue;
    }
    const auto read = ReadSome();
    if (!read.ok() || !*read) {
      return read.status();
    }
  }
  return absl::OkStatus();
}

// Of the message that is coming in, as far as is known.
absl::StatusOr<std::size_t> Connection::WholeSize() const {
  constexpr std::size_t kHeader = sizeof(MessageHeader);
  if (received_ < kHeader) {
    return kHeader;
  }
  const auto payload = PayloadSize(std::span(message_).first<kHeader>());
  if (!payload.ok()) {
    return payload.status();
  }
  return kHeader + *payload;
}

absl::StatusOr<bool> Connection::ReadSome() {
  const auto whole = WholeSize();
  iovec into{.iov_base = message_.data() + received_, .iov_len = *whole - received_};
  alignas(cmsghdr) std::array<char, kControlBytes> control;
  msghdr received{};
  received.msg_iov = &into;
  received.msg_iovlen = 1;
  received.msg_control = control.data();
  received.msg_controllen = control.size();
  const ssize_t n = recvmsg(socket_.get(), &received, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0) {
    return WouldBlock() ? absl::StatusOr<bool>(false) : SocketError("receiving");
  }
  if (absl::Status status = TakeFds(received); !status.ok()) {
    return status;
  }
  if (n == 0) {
    return absl::UnavailableError("the peer closed the connection");
  }
  received_ += static_cast<std::size_t>(n);
  return true;
}

// Owns them first, judges then: none is left open.
absl::Status Connection::TakeFds(msghdr& received) {
  if (absl::Status status = TakeDescriptors(received, fds_); !status.ok()) {
    return status;
  }
  if (fds_.size() > kMaxFds) {
    return absl::InvalidArgumentError(
        absl::StrFormat("more than %d descriptors with one message", kMaxFds));
  }
  return absl::OkStatus();
}

absl::Status Connection::HandleMessage() {
  const auto bytes = std::span(message_).first(std::exchange(received_, 0));
  std::vector<UniqueFd> fds = std::exchange(fds_, {});
  StopTimer();
  const auto message = DecodeMessage(bytes, fds.size());
  if (!message.ok()) {
    return message.status();
  }
  auto reply = on_message_(*message, std::move(fds));
  if (!reply.ok()) {
    return reply.status();
  }
  reply_ = *reply;
  replied_ = 0;
  return reply_ ? WriteReply() : absl::OkStatus();
}

// Sends what the socket takes; the rest waits for its next event.
absl::Status Connection::WriteReply() {
  const auto rest = reply_->bytes().subspan(replied_);
  const ssize_t n = send(socket_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0 && !WouldBlock()) {
    return SocketError("sending");
  }
  replied_ += n > 0 ? static_cast<std::size_t>(n) : 0;
  const bool done = replied_ == reply_->bytes().size();
  if (done) {
    reply_.reset();
  }
  events_.Modify(socket_.get(), done ? EPOLLIN : EPOLLOUT);
  return absl::OkStatus();
}

// Counts from where the message or reply began: a trickle of bytes gains no time.
void Connection::UpdateDeadline() {
  const bool half_done = received_ > 0 || reply_;
  if (half_done && !timer_) {
    timer_ = events_.After(deadline_, [this] {
      timer_.reset();
      End(absl::DeadlineExceededError(reply_ ? "the peer does not read its replies"
                                             : "a message was begun and not finished"));
    });
  } else if (!half_done) {
    StopTimer();
  }
}

void Connection::StopTimer() {
  if (timer_) {
    events_.Cancel(*timer_);
    timer_.reset();
  }
}

void Connection::End(const absl::Status& why) {
  const OnEnd on_end = on_end_;  // `this` may be gone when it returns
  on_end(why);
}

}  // namespace pollux::vhost::vhost_user
