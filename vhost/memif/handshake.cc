#include "vhost/memif/handshake.h"

#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace pollux::vhost::memif {
namespace {

constexpr const char* kOurName = "Pollux";

absl::Status Unexpected(const Message& message) {
  return absl::InvalidArgumentError(absl::StrFormat("%s out of order", NameOf(message)));
}

// Both sides may say so at any time.
absl::Status CheckForDisconnect(const Message& message) {
  if (const auto* disconnect = std::get_if<Disconnect>(&message)) {
    return absl::CancelledError(absl::StrFormat("the peer disconnected: %s", disconnect->reason));
  }
  return absl::OkStatus();
}

UniqueFd Duplicate(const UniqueFd& fd) { return UniqueFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)); }

std::uint16_t HighestIndex(unsigned count) {
  return static_cast<std::uint16_t>(std::max(count, 1U) - 1);
}

}  // namespace

Message ServerHandshake::Greeting(const Limits& limits) {
  return Hello{.name = kOurName,
               .max_region = kMaxRegions - 1,
               .max_ring_to_client = HighestIndex(limits.tx_rings),
               .max_ring_to_server = HighestIndex(limits.rx_rings),
               .max_log2_ring_size = kMaxLog2RingSize};
}

absl::StatusOr<Message> ServerHandshake::Handle(Parcel parcel) {
  const Message& message = parcel.message;
  if (absl::Status status = CheckForDisconnect(message); !status.ok()) {
    return status;
  }
  if (state_ == State::kAwaitInit) {
    const auto* init = std::get_if<Init>(&message);
    return init == nullptr ? Unexpected(message) : OnInit(*init);
  }
  if (state_ != State::kBuilding) {
    return Unexpected(message);
  }
  absl::Status status = Unexpected(message);
  if (const auto* region = std::get_if<AddRegion>(&message)) {
    status = connection_->MapRegion(*region, std::move(parcel.fd));
  } else if (const auto* ring = std::get_if<AddRing>(&message)) {
    status = connection_->SetUpRing(*ring, std::move(parcel.fd));
  } else if (std::holds_alternative<Connect>(message)) {
    return OnConnect();
  }
  return status.ok() ? absl::StatusOr<Message>(Ack{}) : status;
}

absl::StatusOr<Message> ServerHandshake::OnInit(const Init& init) {
  if (init.version != kVersion) {
    return absl::InvalidArgumentError("this is protocol version 2.0");
  }
  if (init.mode != Mode::kEthernet) {
    return absl::InvalidArgumentError("only Ethernet mode is supported");
  }
  absl::StatusOr<Limits> limits = admit_(init);
  if (!limits.ok()) {
    return limits.status();
  }
  connection_ = std::make_unique<Connection>(Role::kServer, *limits);
  peer_name_ = init.name;
  state_ = State::kBuilding;
  return Message(Ack{});
}

absl::StatusOr<Message> ServerHandshake::OnConnect() {
  if (absl::Status status = connection_->Start(); !status.ok()) {
    return status;
  }
  state_ = State::kConnected;
  return Message(Connected{.interface_name = kOurName});
}

absl::StatusOr<std::optional<Parcel>> ClientHandshake::Handle(Parcel parcel) {
  const Message& message = parcel.message;
  if (absl::Status status = CheckForDisconnect(message); !status.ok()) {
    return status;
  }
  const auto* hello = std::get_if<Hello>(&message);
  if (state_ == State::kAwaitHello && hello != nullptr) {
    return OnHello(*hello);
  }
  if (state_ == State::kOffering && std::holds_alternative<Ack>(message)) {
    return NextOffer();
  }
  if (state_ == State::kAwaitConnected && std::holds_alternative<Connected>(message)) {
    state_ = State::kConnected;
    if (absl::Status status = connection_->Start(); !status.ok()) {
      return status;
    }
    return std::optional<Parcel>();
  }
  return Unexpected(message);
}

absl::StatusOr<std::optional<Parcel>> ClientHandshake::OnHello(const Hello& hello) {
  if (hello.min_version > kVersion || hello.max_version < kVersion) {
    return absl::InvalidArgumentError("this is protocol version 2.0");
  }
  if (hello.max_log2_ring_size < kMinLog2RingSize) {
    return absl::InvalidArgumentError("the server wants rings that are too small");
  }
  peer_name_ = hello.name;
  if (absl::Status status = LayOut(hello); !status.ok()) {
    return status;
  }
  state_ = State::kOffering;
  return NextOffer();
}

std::optional<Parcel> ClientHandshake::NextOffer() {
  Parcel next = std::move(offers_[next_offer_++]);
  if (next_offer_ == offers_.size()) {
    state_ = State::kAwaitConnected;
  }
  return next;
}

absl::Status ClientHandshake::LayOut(const Hello& hello) {
  const auto rings = [&](std::uint16_t highest_index) {
    return std::min(config_.queues, unsigned{highest_index} + 1);
  };
  const Limits limits{.rx_rings = rings(hello.max_ring_to_client),
                      .tx_rings = rings(hello.max_ring_to_server),
                      .max_frame = config_.max_frame};
  absl::StatusOr<ClientRegion> region =
      MakeClientRegion(limits.tx_rings, limits.rx_rings,
                       std::min<unsigned>(config_.log2_ring_size, hello.max_log2_ring_size));
  if (!region.ok()) {
    return region.status();
  }
  connection_ = std::make_unique<Connection>(Role::kClient, limits);
  const AddRegion announcement{.index = 0, .size = region->size};
  if (absl::Status status = connection_->MapRegion(announcement, Duplicate(region->memory));
      !status.ok()) {
    return status;
  }
  offers_.push_back({Init{.id = config_.id, .secret = "", .name = kOurName}, UniqueFd()});
  offers_.push_back({announcement, std::move(region->memory)});
  for (ClientRegion::LaidOutRing& ring : region->rings) {
    if (absl::Status status = OfferRing(std::move(ring)); !status.ok()) {
      return status;
    }
  }
  offers_.push_back({Connect{.interface_name = config_.name}, UniqueFd()});
  return absl::OkStatus();
}

absl::Status ClientHandshake::OfferRing(ClientRegion::LaidOutRing ring) {
  UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (absl::Status status =
          connection_->SetUpRing(ring.announcement, Duplicate(event), std::move(ring.buffers));
      !status.ok()) {
    return status;
  }
  offers_.push_back({ring.announcement, std::move(event)});
  return absl::OkStatus();
}

}  // namespace pollux::vhost::memif
