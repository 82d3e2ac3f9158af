#include "vhost/vhost_user/test_guest.h"

#include <glog/logging.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "vhost/test_system.h"

namespace pollux::vhost::vhost_user {

TestFrontEnd::TestFrontEnd(UniqueFd socket) : socket_(std::move(socket)) {
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  PCHECK(setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
}

TestFrontEnd TestFrontEnd::ConnectTo(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(WaitFor([&] {
    return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  })) << path;
  return TestFrontEnd(std::move(fd));
}

TestListener::TestListener(const std::string& path)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  PCHECK(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  PCHECK(listen(socket_.get(), 8) == 0);
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  PCHECK(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
}

TestFrontEnd TestListener::Accept() {
  UniqueFd peer(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  PCHECK(peer.valid()) << "the back-end did not connect";
  return TestFrontEnd(std::move(peer));
}

bool TestFrontEnd::SendBytes(std::span<const std::uint8_t> bytes, std::span<const int> fds) {
  return SendWithDescriptors(fd(), bytes, fds);
}

std::optional<std::uint64_t> TestFrontEnd::Reply() {
  std::array<std::uint8_t, sizeof(MessageHeader) + sizeof(std::uint64_t)> bytes;
  if (recv(fd(), bytes.data(), bytes.size(), MSG_WAITALL) != static_cast<ssize_t>(bytes.size())) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + sizeof(MessageHeader), sizeof value);
  return value;
}

std::optional<std::uint64_t> TestFrontEnd::Ask(Request request,
                                               std::span<const std::uint8_t> payload) {
  return Send(request, payload) ? Reply() : std::nullopt;
}

std::optional<std::uint64_t> TestFrontEnd::Ack(Request request,
                                               std::span<const std::uint8_t> payload,
                                               std::span<const int> fds) {
  return SendBytes(RequestBytes(request, payload, true), fds) ? Reply() : std::nullopt;
}

bool TestFrontEnd::Closed() {
  std::array<std::uint8_t, 4096> ignored;
  ssize_t n = 1;
  while (n > 0) {
    n = recv(fd(), ignored.data(), ignored.size(), 0);
  }
  return n == 0 || errno == ECONNRESET;
}

TestGuest::TestGuest(const Options& options) : options_(options) {
  const unsigned count = 2 * options.queue_pairs;
  memory_ = std::make_unique<GuestMemory>((std::size_t{1} << 20) +
                                          count * std::size_t{options.ring_size} * kBufferBytes);
  for (unsigned i = 0; i < count; ++i) {
    rings_.emplace_back(*memory_, options.ring_size);
    buffers_.push_back(memory_->Allocate(std::size_t{options.ring_size} * kBufferBytes));
    kicks_.emplace_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    calls_.emplace_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    in_flight_.push_back(0);
  }
}

bool TestGuest::Start(TestFrontEnd socket) {
  for (unsigned ring = 0; ring < rings_.size(); ++ring) {
    EmptyRing(ring);
  }
  return Resume(std::move(socket));
}

bool TestGuest::Resume(TestFrontEnd socket) {
  socket_.emplace(std::move(socket));
  if (!Negotiate() || !SetMemory()) {
    return false;
  }
  for (unsigned ring = 0; ring < rings_.size(); ++ring) {
    if (!ResumeRing(ring) || !EnableRing(ring)) {
      return false;
    }
  }
  return true;
}

bool TestGuest::Negotiate() {
  const auto offered = socket_->Ask(Request::kGetFeatures);
  const auto protocol = socket_->Ask(Request::kGetProtocolFeatures);
  return offered && (options_.features & ~*offered) == 0 && protocol &&
         socket_->Send(Request::kSetProtocolFeatures, PayloadOf(*protocol)) &&
         socket_->Ack(Request::kSetOwner) == 0U &&
         socket_->Ack(Request::kSetFeatures, PayloadOf(options_.features)) == 0U;
}

bool TestGuest::SetMemory() {
  const std::array regions{memory_->Region()};
  const std::array fds{memory_->fd()};
  return socket_->Ack(Request::kSetMemTable, RegionsPayload(regions), fds) == 0U;
}

bool TestGuest::StartRing(unsigned ring) {
  EmptyRing(ring);
  return ResumeRing(ring);
}

// A driver that begins anew: an empty ring, every receive buffer posted.
void TestGuest::EmptyRing(unsigned ring) {
  GuestRing& guest = rings_[ring];
  guest.Reset();
  in_flight_[ring] = 0;
  for (unsigned i = 0; ring % 2 == 0 && i < options_.ring_size; ++i) {
    const Piece buffer{buffers_[ring] + std::size_t{i} * kBufferBytes, kBufferBytes, true};
    guest.Offer(guest.Chain({&buffer, 1}));
  }
}

bool TestGuest::ResumeRing(unsigned ring) {
  const GuestRing& guest = rings_[ring];
  const std::array kick{kicks_[ring].get()};
  const std::array call{calls_[ring].get()};
  const bool kicked =
      options_.kicks
          ? socket_->Ack(Request::kSetVringKick, PayloadOf(std::uint64_t{ring}), kick) == 0U
          : socket_->Ack(Request::kSetVringKick, PayloadOf(ring | kVringNoFd)) == 0U;
  return kicked &&
         socket_->Ack(Request::kSetVringNum, PayloadOf(VringState{ring, options_.ring_size})) ==
             0U &&
         socket_->Ack(Request::kSetVringBase, PayloadOf(VringState{ring, 0})) == 0U &&
         socket_->Ack(Request::kSetVringCall, PayloadOf(std::uint64_t{ring}), call) == 0U &&
         socket_->Ack(Request::kSetVringAddr, PayloadOf(guest.Address(ring))) == 0U;
}

bool TestGuest::EnableRing(unsigned ring, bool enabled) {
  return socket_->Ack(Request::kSetVringEnable, PayloadOf(VringState{ring, enabled ? 1U : 0U})) ==
         0U;
}

std::optional<std::uint16_t> TestGuest::StopRing(unsigned ring) {
  const auto reply = socket_->Ask(Request::kGetVringBase, PayloadOf(VringState{ring, 0}));
  if (!reply) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(*reply >> 32);
}

bool TestGuest::Transmit(std::span<const std::uint8_t> frame, unsigned pair) {
  const unsigned ring = 2 * pair + 1;
  while (rings_[ring].TakeUsed()) {
    --in_flight_[ring];
  }
  if (in_flight_[ring] == options_.ring_size) {
    return false;
  }
  constexpr std::size_t kHeader = sizeof(VirtioNetHeader);
  const std::size_t slot = rings_[ring].available(1) & (options_.ring_size - 1U);
  const std::size_t at = buffers_[ring] + slot * kBufferBytes;
  std::memset(memory_->At(at), 0, kHeader);
  std::memcpy(memory_->At(at + kHeader), frame.data(), frame.size());
  const Piece piece{at, static_cast<std::uint32_t>(kHeader + frame.size())};
  rings_[ring].Offer(rings_[ring].Chain({&piece, 1}));
  ++in_flight_[ring];
  return true;
}

void TestGuest::Kick(unsigned pair) { eventfd_write(kicks_[2 * pair + 1].get(), 1); }

std::optional<std::vector<std::uint8_t>> TestGuest::Poll(unsigned pair) {
  GuestRing& ring = receive_ring(pair);
  const auto used = ring.TakeUsed();
  if (!used) {
    return std::nullopt;
  }
  CHECK_LT(used->id, options_.ring_size);
  CHECK_LE(used->length, kBufferBytes);
  constexpr std::uint32_t kHeader = sizeof(VirtioNetHeader);
  const std::uint8_t* buffer =
      memory_->At(ring.descriptor(used->id).address - GuestMemory::kGuestBase);
  std::vector<std::uint8_t> frame(buffer + std::min(used->length, kHeader), buffer + used->length);
  ring.Offer(static_cast<std::uint16_t>(used->id));
  return frame;
}

std::optional<std::vector<std::uint8_t>> TestGuest::Receive(unsigned pair) {
  std::optional<std::vector<std::uint8_t>> frame;
  WaitFor([&] { return (frame = Poll(pair)).has_value(); });
  return frame;
}

}  // namespace pollux::vhost::vhost_user
