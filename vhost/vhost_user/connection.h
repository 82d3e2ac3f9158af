// One front-end's socket: bytes to whole messages, replies to bytes, and the clock.
//
// Never waits. A message that is half there and a reply that the peer does not read are states with
// a deadline, after which the connection ends. While a reply is unread nothing more is read, so a
// peer cannot make us buffer. A turn handles a few messages only, so peers share the thread.
// Threading: event loop thread only.
#pragma once

#include <absl/status/statusor.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "vhost/event_loop.h"
#include "vhost/unique_fd.h"
#include "vhost/vhost_user/message.h"

namespace pollux::vhost::vhost_user {

class Connection {
 public:
  // An error ends the connection.
  using OnMessage = std::function<absl::StatusOr<std::optional<Reply>>(const Message& message,
                                                                       std::vector<UniqueFd> fds)>;
  // The last call; the object may be destroyed within it.
  using OnEnd = std::function<void(const absl::Status& why)>;

  // `socket` is a non-blocking stream socket.
  Connection(EventLoop& events, UniqueFd socket, std::chrono::milliseconds deadline,
             OnMessage on_message, OnEnd on_end);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The peer is gone, though the event may not have been delivered yet.
  [[nodiscard]] bool PeerHungUp() const;

 private:
  void OnEvents(std::uint32_t epoll_events);
  absl::Status ReadMessages();
  // True if something was read, false if there is nothing now.
  absl::StatusOr<bool> ReadSome();
  absl::Status TakeFds(msghdr& received);
  [[nodiscard]] absl::StatusOr<std::size_t> WholeSize() const;
  absl::Status HandleMessage();
  absl::Status WriteReply();
  void UpdateDeadline();
  void StopTimer();
  void End(const absl::Status& why);

  EventLoop& events_;
  UniqueFd socket_;
  const std::chrono::milliseconds deadline_;
  const OnMessage on_message_;
  const OnEnd on_end_;

  std::array<std::uint8_t, sizeof(MessageHeader) + kMaxPayload> message_{};
  std::size_t received_ = 0;
  std::vector<UniqueFd> fds_;  // that came with it
  std::optional<Reply> reply_;
  std::size_t replied_ = 0;
  std::optional<EventLoop::TimerId> timer_;  // runs while a message or a reply is half done
};

}  // namespace pollux::vhost::vhost_user
