// A whole guest for tests: speaks the protocol over a real socket and moves frames through real
// rings. Reused by tests of everything that has vhost-user ports.
// Threading: one owner; waits for what the back-end owes it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vhost/unique_fd.h"
#include "vhost/vhost_user/test_memory.h"
#include "vhost/vhost_user/test_message.h"

namespace pollux::vhost::vhost_user {

// A front-end's socket; blocking.
class TestFrontEnd {
 public:
  explicit TestFrontEnd(UniqueFd socket);
  // Waits until somebody listens there.
  static TestFrontEnd ConnectTo(const std::string& path);

  [[nodiscard]] int fd() const { return socket_.get(); }
  // False if the peer is gone.
  bool SendBytes(std::span<const std::uint8_t> bytes, std::span<const int> fds = {});
  bool Send(Request request, std::span<const std::uint8_t> payload = {},
            std::span<const int> fds = {}) {
    return SendBytes(RequestBytes(request, payload), fds);
  }
  // The payload of the next reply; null if the connection ends.
  std::optional<std::uint64_t> Reply();
  std::optional<std::uint64_t> Ask(Request request, std::span<const std::uint8_t> payload = {});
  // With need_reply, once REPLY_ACK is negotiated: 0 is yes; null if the connection ends.
  std::optional<std::uint64_t> Ack(Request request, std::span<const std::uint8_t> payload = {},
                                   std::span<const int> fds = {});
  // Waits for the back-end to close.
  bool Closed();

 private:
  UniqueFd socket_;
};

// Where a front-end waits for a back-end in client mode.
class TestListener {
 public:
  explicit TestListener(const std::string& path);
  // Waits for one.
  TestFrontEnd Accept();

 private:
  UniqueFd socket_;
};

class TestGuest {
 public:
  struct Options {
    std::uint64_t features = Feature::kVersion1 | Feature::kProtocolFeatures;
    unsigned queue_pairs = 1;
    std::uint16_t ring_size = 256;
    bool kicks = true;  // false: the back-end must poll
  };

  explicit TestGuest(const Options& options);
  TestGuest() : TestGuest(Options{}) {}

  // The whole negotiation over a fresh connection, up to enabled rings. The rings start empty.
  // False if the back-end refuses.
  bool Start(TestFrontEnd socket);
  // The same with the rings as they stand: the back-end was away, the guest was not.
  bool Resume(TestFrontEnd socket);
  void Disconnect() { socket_.reset(); }
  [[nodiscard]] TestFrontEnd& socket() { return *socket_; }
  [[nodiscard]] GuestMemory& memory() { return *memory_; }
  [[nodiscard]] GuestRing& receive_ring(unsigned pair = 0) { return rings_[std::size_t{2} * pair]; }
  [[nodiscard]] GuestRing& transmit_ring(unsigned pair = 0) { return rings_[2 * pair + 1]; }
  [[nodiscard]] int kick_fd(unsigned ring) const { return kicks_[ring].get(); }
  [[nodiscard]] int call_fd(unsigned ring) const { return calls_[ring].get(); }

  // Puts a frame into the transmit ring; false if it is full of frames not yet taken.
  bool Transmit(std::span<const std::uint8_t> frame, unsigned pair = 0);
  void Kick(unsigned pair = 0);
  // A frame that has arrived, if any; its buffer is posted again.
  std::optional<std::vector<std::uint8_t>> Poll(unsigned pair = 0);
  // Waits for one.
  std::optional<std::vector<std::uint8_t>> Receive(unsigned pair = 0);

  // Steps of Start(), for tests that leave some out.
  bool Negotiate();
  bool SetMemory();
  bool StartRing(unsigned ring);   // from empty
  bool ResumeRing(unsigned ring);  // from where it stands
  bool EnableRing(unsigned ring, bool enabled = true);
  std::optional<std::uint16_t> StopRing(unsigned ring);

 private:
  static constexpr std::uint32_t kBufferBytes = 2048;

  void EmptyRing(unsigned ring);

  Options options_;
  std::unique_ptr<GuestMemory> memory_;
  std::vector<GuestRing> rings_;
  std::vector<std::size_t> buffers_;  // per ring, ring_size of kBufferBytes
  std::vector<UniqueFd> kicks_;
  std::vector<UniqueFd> calls_;
  std::vector<unsigned> in_flight_;  // per ring
  std::optional<TestFrontEnd> socket_;
};

}  // namespace pollux::vhost::vhost_user
