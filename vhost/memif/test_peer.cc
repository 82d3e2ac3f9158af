#include "vhost/memif/test_peer.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <utility>

#include "vhost/test_system.h"

namespace pollux::vhost::memif {
namespace {

constexpr timeval kReceiveTimeout{.tv_sec = kPatience.count(), .tv_usec = 0};

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CHECK_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  return address;
}

UniqueFd NewSocket() { return UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }

void Expect(TestPeer& peer, std::size_t message_index) {
  const std::optional<Message> message = peer.Receive();
  CHECK(message.has_value()) << "the port closed the channel";
  const auto* disconnect = std::get_if<Disconnect>(&*message);
  CHECK_EQ(message->index(), message_index)
      << NameOf(*message) << (disconnect != nullptr ? disconnect->reason : "");
}

constexpr std::size_t kAckIndex = Message(Ack{}).index();

}  // namespace

TestRegion::TestRegion(std::uint64_t size, Seal seal) : size_(size) {
  fd_.reset(memfd_create("test-region", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  PCHECK(ftruncate(fd_.get(), static_cast<off_t>(size)) == 0);
  if (seal == Seal::kShrink) {
    PCHECK(fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0);
  }
  Map();
}

TestRegion::TestRegion(UniqueFd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) { Map(); }

TestRegion& TestRegion::operator=(TestRegion&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(data_, other.data_);
  return *this;
}

TestRegion::~TestRegion() {
  if (data_ != nullptr) {
    munmap(data_, size_);
  }
}

void TestRegion::Map() {
  void* mapping = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  PCHECK(mapping != MAP_FAILED);
  data_ = static_cast<std::uint8_t*>(mapping);
}

TestPeer TestPeer::ConnectTo(const std::string& path) {
  UniqueFd socket = NewSocket();
  const sockaddr_un address = AddressOf(path);
  PCHECK(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      << path;
  return TestPeer(std::move(socket));
}

TestPeer::TestPeer(UniqueFd socket) : socket_(std::move(socket)) {
  PCHECK(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout,
                    sizeof kReceiveTimeout) == 0);
}

void TestPeer::Send(const Message& message, const std::vector<int>& fds) {
  SendBytes(EncodeMessage(message), fds);
}

// An error is no concern here: the port may have closed the channel already.
void TestPeer::SendBytes(std::span<const std::uint8_t> bytes, const std::vector<int>& fds) {
  (void)SendWithDescriptors(socket_.get(), bytes, fds);
}

std::optional<Message> TestPeer::Receive(UniqueFd* fd) {
  std::array<std::uint8_t, kMessageBytes> bytes;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control;
  iovec data{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t n = recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
  PCHECK(n >= 0 || errno == ECONNRESET) << "the port sent nothing";
  if (n <= 0) {
    return std::nullopt;
  }
  if (const cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr) {
    int received = -1;
    std::memcpy(&received, CMSG_DATA(rights), sizeof received);
    UniqueFd owned(received);
    if (fd != nullptr) {
      *fd = std::move(owned);
    }
  }
  absl::StatusOr<Message> message = ParseMessage(std::span(bytes).first(static_cast<size_t>(n)));
  CHECK(message.ok()) << message.status();
  return *std::move(message);
}

std::string TestPeer::ReasonOfDisconnect() {
  std::string reason;
  while (const std::optional<Message> message = Receive()) {
    if (const auto* disconnect = std::get_if<Disconnect>(&*message)) {
      reason = disconnect->reason;
    }
  }
  return reason;
}

TestServer::TestServer(const std::string& path) : socket_(NewSocket()) {
  const sockaddr_un address = AddressOf(path);
  unlink(path.c_str());
  PCHECK(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  PCHECK(listen(socket_.get(), 8) == 0);
  PCHECK(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout,
                    sizeof kReceiveTimeout) == 0);
}

TestPeer TestServer::Accept() {
  UniqueFd client(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  PCHECK(client.valid()) << "the port did not connect";
  return TestPeer(std::move(client));
}

std::uint32_t RingOffset(const ClientOffer& offer, unsigned ring) {
  return static_cast<std::uint32_t>(ring * RingBytes(offer.log2_ring_size));
}

std::uint32_t BufferOffset(const ClientOffer& offer, unsigned ring, unsigned slot) {
  return RingOffset(offer, 2 * offer.queues) +
         ((ring << offer.log2_ring_size) + slot) * offer.buffer_bytes;
}

std::uint64_t RegionBytes(const ClientOffer& offer) {
  return BufferOffset(offer, 2 * offer.queues, 0);
}

TestRegion MakeRegion(const ClientOffer& offer) {
  TestRegion region(RegionBytes(offer), offer.seal);
  for (unsigned i = 0; i < 2 * offer.queues; ++i) {
    const Ring ring = region.RingAt(RingOffset(offer, i), offer.log2_ring_size);
    ring.cookie() = kRingCookie;
    for (std::uint16_t slot = 0; slot < ring.size(); ++slot) {
      ring.Store(slot, {.length = offer.buffer_bytes, .offset = BufferOffset(offer, i, slot)});
    }
  }
  return region;
}

TestLink ConnectAsClient(const std::string& path, const ClientOffer& offer) {
  TestLink link{.peer = TestPeer::ConnectTo(path), .region = MakeRegion(offer)};
  CHECK(link.peer.Receive().has_value());  // HELLO
  link.peer.Send(Init{.id = offer.id, .secret = "", .name = "test client"});
  Expect(link.peer, kAckIndex);
  link.peer.Send(AddRegion{.index = 0, .size = link.region.size()}, {link.region.fd()});
  Expect(link.peer, kAckIndex);
  for (unsigned i = 0; i < 2 * offer.queues; ++i) {
    const bool to_server = i < offer.queues;
    UniqueFd event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    link.peer.Send(AddRing{.direction = to_server ? Direction::kToServer : Direction::kToClient,
                           .index = static_cast<std::uint16_t>(to_server ? i : i - offer.queues),
                           .region = 0,
                           .offset = RingOffset(offer, i),
                           .log2_ring_size = static_cast<std::uint8_t>(offer.log2_ring_size),
                           .private_header_size = 0},
                   {event.get()});
    Expect(link.peer, kAckIndex);
    const Ring ring = link.region.RingAt(RingOffset(offer, i), offer.log2_ring_size);
    (to_server ? link.to_server : link.to_client).push_back(ring);
    (to_server ? link.events_to_server : link.events_to_client).push_back(std::move(event));
  }
  link.peer.Send(Connect{.interface_name = "test0"});
  Expect(link.peer, Message(Connected{}).index());
  for (const Ring& ring : link.to_client) {
    ring.head() = ring.size();
  }
  return link;
}

TestLink AcceptAsServer(TestServer& server, const Hello& hello) {
  TestLink link{.peer = server.Accept()};
  link.peer.Send(hello);
  for (;;) {
    UniqueFd fd;
    const std::optional<Message> message = link.peer.Receive(&fd);
    CHECK(message.has_value()) << "the port closed the channel";
    if (const auto* region = std::get_if<AddRegion>(&*message)) {
      link.region = TestRegion(std::move(fd), region->size);
    } else if (const auto* ring = std::get_if<AddRing>(&*message)) {
      const bool to_server = ring->direction == Direction::kToServer;
      (to_server ? link.to_server : link.to_client)
          .push_back(link.region.RingAt(ring->offset, ring->log2_ring_size));
      (to_server ? link.events_to_server : link.events_to_client).push_back(std::move(fd));
    } else if (std::holds_alternative<Connect>(*message)) {
      link.peer.Send(Connected{.interface_name = "test server"});
      return link;
    }
    link.peer.Send(Ack{});
  }
}

void WriteFrame(TestLink& link, Role role, const Bytes& frame, unsigned queue) {
  const Ring& ring = role == Role::kClient ? link.to_server[queue] : link.to_client[queue];
  const auto index = role == Role::kClient ? ring.head() : ring.tail();
  std::uint16_t slot = index;
  for (std::size_t done = 0; done < frame.size(); ++slot) {
    Descriptor descriptor = ring.Load(slot);
    const std::size_t n = std::min<std::size_t>(frame.size() - done, descriptor.length);
    std::memcpy(link.region.data() + descriptor.offset, frame.data() + done, n);
    done += n;
    descriptor.length = static_cast<std::uint32_t>(n);
    descriptor.flags = done < frame.size() ? kNextDescriptor : 0;
    ring.Store(slot, descriptor);
  }
  index.store(slot);
}

std::vector<Bytes> ReadFrames(TestLink& link, Role role, std::uint16_t& from, unsigned queue) {
  const Ring& ring = role == Role::kClient ? link.to_client[queue] : link.to_server[queue];
  const std::uint16_t end = role == Role::kClient ? ring.tail() : ring.head();
  std::vector<Bytes> frames;
  bool continues = false;
  for (; from != end; ++from) {
    const Descriptor descriptor = ring.Load(from);
    if (!continues) {
      frames.emplace_back();
    }
    const std::uint8_t* data = link.region.data() + descriptor.offset;
    frames.back().insert(frames.back().end(), data, data + descriptor.length);
    continues = (descriptor.flags & kNextDescriptor) != 0;
  }
  CHECK(!continues) << "the last frame is not whole";
  return frames;
}

}  // namespace pollux::vhost::memif
