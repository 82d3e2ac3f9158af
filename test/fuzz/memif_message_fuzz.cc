// A hostile memif peer's datagrams and descriptors over a real socket: as a client to Listener, as
// a server to Connector; and what their handshakes build under the real ring walkers. What must
// hold, whatever is sent:
//  - a message that was read, written and read again is written as before (texts may be cut once);
//  - a connection that is handed over can be walked at once;
//  - an interface is connected and disconnected in turns, and in the end it is disconnected;
//  - when the peer is gone, no descriptor stays open.
//
// Input: the peer's role (1 byte), then datagrams: which descriptors (1), how many bytes (1), the
// bytes, filled up with zeros to a message's size unless the number is odd.
#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "test/fuzz/hostile_peer.h"
#include "test/fuzz/input.h"
#include "vhost/event_loop.h"
#include "vhost/memif/connector.h"
#include "vhost/memif/listener.h"
#include "vhost/memif/test_peer.h"
#include "vhost/test_frames.h"
#include "vhost/test_system.h"

namespace pollux::vhost::memif {
namespace {

constexpr std::uint32_t kId = 7;
constexpr unsigned kMaxDatagrams = 48;  // fit the socket's buffer, so that sending never waits
constexpr std::chrono::hours kNever{1};

// An interface whose workers look at everything as soon as they see it.
class WalkingInterface final : public Interface {
 public:
  [[nodiscard]] Limits limits() const override { return {.rx_rings = 2, .tx_rings = 2}; }
  void OnConnected(std::unique_ptr<Connection> connection, const std::string&) override {
    CHECK(connection_ == nullptr) << "connected twice";
    CHECK(connection != nullptr);
    connection_ = std::move(connection);
    for (const auto& queue : connection_->rx()) {
      batch_.Reset(net::PortId(1));
      queue->ring.Receive(batch_);
      (void)ContentOf(batch_);
      queue->ring.Release();
      queue->wake.Signal();
    }
    for (const auto& queue : connection_->tx()) {
      TestPacket packet(MakeFrame(3000));
      const std::array<core::Packet*, 1> packets{&packet.packet()};
      queue->ring.Send(packets);
    }
  }
  void OnDisconnected(const absl::Status&) override { connection_.reset(); }
  [[nodiscard]] bool connected() const { return connection_ != nullptr; }

 private:
  std::unique_ptr<Connection> connection_;
  core::Batch batch_;
};

// Both ends' fixtures, for the life of the process.
class Fixture {
 public:
  Fixture() : path_("/tmp/plxt-" + std::to_string(getpid()) + "-memif-fuzz") {
    events.Run([this] {
      auto listener = Listener::Acquire(events, path_ + ".listener", {}, options);
      CHECK(listener.ok()) << listener.status();
      listener_ = *listener;
      CHECK(listener_->Add(kId, interface).ok());
    });
    server_.emplace(path_ + ".server");
    std::memcpy(pristine_.data(), memory_.data(), pristine_.size());
  }
  ~Fixture() {
    events.Run([this] {
      listener_->Remove(kId);
      listener_.reset();
    });
    unlink((path_ + ".server").c_str());
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  void RestoreMemory() { std::memcpy(memory_.data(), pristine_.data(), pristine_.size()); }

  TestPeer Client() { return TestPeer::ConnectTo(path_ + ".listener"); }
  TestPeer Server(std::unique_ptr<Connector>& connector) {
    events.Run([&] {
      const ClientHandshake::Config config{.id = kId, .name = "fuzz", .log2_ring_size = 4};
      connector =
          std::make_unique<Connector>(events, path_ + ".server", config, interface, options);
    });
    return server_->Accept();
  }

  WalkingInterface interface;  // on the loop's thread
  const Options options{.step = kNever, .first_retry = kNever, .longest_retry = kNever};

 private:
  const std::string path_;
  TestRegion memory_ = MakeRegion({.queues = 2});
  TestRegion unsealed_{4096, TestRegion::Seal::kNone};
  std::vector<std::uint8_t> pristine_ = std::vector<std::uint8_t>(memory_.size());
  std::shared_ptr<Listener> listener_;
  std::optional<TestServer> server_;

 public:
  const fuzz::PassedFiles files{memory_.fd(), unsealed_.fd()};
  EventLoop events;  // ends first
};

void CheckCodec(const Bytes& bytes) {
  const auto message = ParseMessage(bytes);
  if (message.ok()) {
    const auto again = ParseMessage(EncodeMessage(*message));
    CHECK(again.ok() && EncodeMessage(*again) == EncodeMessage(*message)) << NameOf(*message);
  }
}

void SendDatagrams(fuzz::Input& input, const fuzz::PassedFiles& files, TestPeer& peer) {
  for (unsigned i = 0; i < kMaxDatagrams && !input.empty(); ++i) {
    const std::vector<int> fds = files.Select(input.Take<std::uint8_t>());
    const auto count = input.Take<std::uint8_t>();
    const auto taken = input.TakeBytes(count);
    Bytes bytes(taken.begin(), taken.end());
    if (count % 2 == 0) {
      bytes.resize(kMessageBytes);
    }
    CheckCodec(bytes);
    if (!bytes.empty()) {
      peer.SendBytes(bytes, fds);
    }
  }
}

void Converse(fuzz::Input& input) {
  static Fixture fixture;
  fixture.RestoreMemory();
  fixture.events.Run([] {});
  const int free_before = fuzz::LowestFreeFd();
  {
    std::unique_ptr<Connector> connector;
    TestPeer peer =
        input.Take<std::uint8_t>() % 2 == 0 ? fixture.Client() : fixture.Server(connector);
    SendDatagrams(input, fixture.files, peer);
    (void)fuzz::FinishAndDrain(peer.fd());
    fixture.events.Run([&] {
      connector.reset();
      CHECK(!fixture.interface.connected()) << "the peer is gone and still connected";
    });
  }
  // What peers sent is closed by a thread of its own, that of the input before as well.
  CHECK(WaitFor([&] { return fuzz::LowestFreeFd() <= free_before; }))
      << "a descriptor stayed open: " << fuzz::LowestFreeFd() << " after " << free_before;
}

}  // namespace
}  // namespace pollux::vhost::memif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollux::fuzz::Input input(data, size);
  pollux::vhost::memif::Converse(input);
  return 0;
}
