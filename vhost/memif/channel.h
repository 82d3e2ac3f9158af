// A control channel: whole messages over a socket, with a deadline for the peer's next one.
//
// Whatever goes wrong (a malformed message, descriptors that do not belong to it, a peer that does
// not read or not speak in time, end of file) closes the channel with a reason; the peer is told
// where it can be. Descriptors that come where none belong are closed.
// Threading: the event loop's thread.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <functional>
#include <optional>

#include "vhost/event_loop.h"
#include "vhost/memif/handshake.h"
#include "vhost/memif/message.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost::memif {

class Channel {
 public:
  // An error closes the channel with that reason.
  using OnMessage = std::function<absl::Status(Parcel)>;
  // The last call from the channel, which may be destroyed in it.
  using OnClosed = std::function<void(const absl::Status& reason)>;

  // `socket` is a connected, non-blocking SOCK_SEQPACKET socket.
  Channel(EventLoop& events, UniqueFd socket, OnMessage on_message, OnClosed on_closed);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  // Silent: on_closed is not called.
  ~Channel();

  // An error closes nothing; on_message and those who open a channel pass it on.
  absl::Status Send(const Parcel& parcel);
  // The peer must send something by then. Each message that comes takes the deadline back.
  void ExpectWithin(EventLoop::Clock::duration time);
  // Tells the peer why, as far as it listens.
  void SendDisconnect(const absl::Status& reason);

 private:
  void OnReadable();
  absl::Status ReceiveOne();
  void Close(const absl::Status& reason);
  void StopDeadline();

  EventLoop& events_;
  UniqueFd socket_;
  OnMessage on_message_;
  OnClosed on_closed_;
  std::optional<EventLoop::TimerId> deadline_;
};

}  // namespace pollux::vhost::memif
