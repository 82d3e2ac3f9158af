// The two sides of memif's handshake as state machines that know no socket.
//
//   server                     client
//   HELLO              ->              on accept
//                      <-      INIT    which interface; then ACK after each of
//                      <-      ADD_REGION ..., ADD_RING ...
//                      <-      CONNECT
//   CONNECTED          ->
//
// Both build the connection as they go; whatever is out of order or refused by the connection is an
// error, which ends the handshake: its text is the reason that the peer is told.
// Threading: one thread per object.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vhost/memif/client_region.h"
#include "vhost/memif/connection.h"
#include "vhost/memif/message.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost::memif {

// A message with the descriptor that belongs to it, if any.
struct Parcel {
  Message message;
  UniqueFd fd;
};

class ServerHandshake {
 public:
  // Decides about a client by its INIT: the limits of the interface that it named, or the reason
  // why it can't have it.
  using Admit = std::function<absl::StatusOr<Limits>(const Init&)>;

  explicit ServerHandshake(Admit admit) : admit_(std::move(admit)) {}

  static Message Greeting(const Limits& limits);

  // The answer to the client's message. After CONNECTED the connection is there to take.
  absl::StatusOr<Message> Handle(Parcel parcel);
  [[nodiscard]] bool connected() const { return state_ == State::kConnected; }
  std::unique_ptr<Connection> TakeConnection() { return std::move(connection_); }
  [[nodiscard]] const std::string& peer_name() const { return peer_name_; }

 private:
  enum class State { kAwaitInit, kBuilding, kConnected };

  absl::StatusOr<Message> OnInit(const Init& init);
  absl::StatusOr<Message> OnConnect();

  Admit admit_;
  State state_ = State::kAwaitInit;
  std::unique_ptr<Connection> connection_;
  std::string peer_name_;
};

class ClientHandshake {
 public:
  struct Config {
    std::uint32_t id = 0;          // of the server's interface
    std::string name;              // of ours, for the server's operator
    unsigned queues = 1;           // at most, each way
    unsigned log2_ring_size = 10;  // at most
    std::uint32_t max_frame = 1514;
  };

  explicit ClientHandshake(Config config) : config_(std::move(config)) {}

  // What to send next; nothing once the server said CONNECTED: then the connection is there to
  // take.
  absl::StatusOr<std::optional<Parcel>> Handle(Parcel parcel);
  [[nodiscard]] bool connected() const { return state_ == State::kConnected; }
  std::unique_ptr<Connection> TakeConnection() { return std::move(connection_); }
  [[nodiscard]] const std::string& peer_name() const { return peer_name_; }

 private:
  enum class State { kAwaitHello, kOffering, kAwaitConnected, kConnected };

  absl::StatusOr<std::optional<Parcel>> OnHello(const Hello& hello);
  std::optional<Parcel> NextOffer();
  // Fills offers_ and connection_ from memory of our own.
  absl::Status LayOut(const Hello& hello);
  absl::Status OfferRing(ClientRegion::LaidOutRing ring);

  const Config config_;
  State state_ = State::kAwaitHello;
  std::vector<Parcel> offers_;  // in order, each sent when the one before was acknowledged
  std::size_t next_offer_ = 0;
  std::unique_ptr<Connection> connection_;
  std::string peer_name_;
};

}  // namespace pollux::vhost::memif
