// A memif peer for tests that can say and write anything: messages with any descriptors, rings with
// any content. It takes nothing from the port's own walkers.
// Threading: one thread per object. Calls that wait fail the test after some seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vhost/memif/message.h"
#include "vhost/memif/ring.h"
#include "vhost/test_frames.h"
#include "vhost/unique_fd.h"

namespace pollux::vhost::memif {

// A memfd that is mapped here, and can be passed on.
class TestRegion {
 public:
  enum class Seal { kShrink, kNone };

  TestRegion() = default;
  explicit TestRegion(std::uint64_t size, Seal seal = Seal::kShrink);
  // What a peer sent.
  TestRegion(UniqueFd fd, std::uint64_t size);
  TestRegion(TestRegion&& other) noexcept { *this = std::move(other); }
  TestRegion& operator=(TestRegion&& other) noexcept;
  ~TestRegion();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint8_t* data() const { return data_; }
  // The ring's fields are written by hand; the view only names their places.
  [[nodiscard]] Ring RingAt(std::uint32_t offset, unsigned log2_size) const {
    return {data_ + offset, log2_size};
  }

 private:
  void Map();

  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint8_t* data_ = nullptr;
};

// One end of a control channel.
class TestPeer {
 public:
  static TestPeer ConnectTo(const std::string& path);
  explicit TestPeer(UniqueFd socket);

  void Send(const Message& message, const std::vector<int>& fds = {});
  void SendBytes(std::span<const std::uint8_t> bytes, const std::vector<int>& fds = {});
  // The next message, with its descriptor; nothing once the port has closed the channel.
  std::optional<Message> Receive(UniqueFd* fd = nullptr);
  // Skips to the end: the reason of the port's DISCONNECT, or "" if it just closed.
  std::string ReasonOfDisconnect();
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
};

// A memif server that accepts by hand.
class TestServer {
 public:
  explicit TestServer(const std::string& path);
  TestPeer Accept();

 private:
  UniqueFd socket_;
};

// The two ends' memory after a handshake, as the peer sees it. The peer is a client (its region, it
// owns the heads) or a server (the port's region, it owns the tails).
struct TestLink {
  TestPeer peer;
  TestRegion region = {};
  std::vector<Ring> to_server = {};
  std::vector<Ring> to_client = {};
  std::vector<UniqueFd> events_to_server = {};
  std::vector<UniqueFd> events_to_client = {};
};

// What a well-behaved client offers.
struct ClientOffer {
  std::uint32_t id = 0;
  unsigned queues = 1;
  unsigned log2_ring_size = 4;
  std::uint32_t buffer_bytes = 2048;
  TestRegion::Seal seal = TestRegion::Seal::kShrink;
};

// Where the rings and buffers lie in a client's region: rings first, those to the server before
// those to the client, then one buffer per descriptor in the same order.
[[nodiscard]] std::uint32_t RingOffset(const ClientOffer& offer, unsigned ring);
[[nodiscard]] std::uint32_t BufferOffset(const ClientOffer& offer, unsigned ring, unsigned slot);
[[nodiscard]] std::uint64_t RegionBytes(const ClientOffer& offer);
// A region with its rings' cookies and all buffers described, ready to be offered.
[[nodiscard]] TestRegion MakeRegion(const ClientOffer& offer);

// Whole handshakes. As a client, all buffers to the client are lent at the end.
TestLink ConnectAsClient(const std::string& path, const ClientOffer& offer = {});
TestLink AcceptAsServer(TestServer& server, const Hello& hello);

// A well-behaved peer's frames. As a client it writes to the ring to the server, as a server to the
// ring to the client; frames longer than a buffer are chained.
void WriteFrame(TestLink& link, Role role, const Bytes& frame, unsigned queue = 0);
// The frames that the port has published since `from`, which moves on.
std::vector<Bytes> ReadFrames(TestLink& link, Role role, std::uint16_t& from, unsigned queue = 0);

}  // namespace pollux::vhost::memif
