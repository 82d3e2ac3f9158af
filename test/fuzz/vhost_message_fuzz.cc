// A hostile front-end's bytes and descriptors over a real socket into Connection and Session, and
// what the session publishes under the real ring walkers. What must hold, whatever is sent:
//  - a ring that workers see can be walked: it lies in the memory that was announced;
//  - a ring is restarted or asked for its position only while no worker sees it;
//  - answers are whole replies, and no more than there were requests;
//  - when the front-end is gone, workers see nothing any more and no descriptor stays open.
//
// Input: a byte that the shared memory is filled with, then pieces: which descriptors (1), how many
// bytes (1), the bytes. Messages may be cut into pieces anywhere.
#include <glog/logging.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "test/fuzz/hostile_peer.h"
#include "test/fuzz/input.h"
#include "vhost/event_loop.h"
#include "vhost/test_frames.h"
#include "vhost/test_system.h"
#include "vhost/vhost_user/connection.h"
#include "vhost/vhost_user/rx_ring.h"
#include "vhost/vhost_user/session.h"
#include "vhost/vhost_user/test_guest.h"
#include "vhost/vhost_user/tx_ring.h"

namespace pollux::vhost::vhost_user {
namespace {

constexpr unsigned kQueuePairs = 2;
constexpr unsigned kMaxPieces = 64;  // fit the socket's buffer, so that sending never waits
constexpr std::size_t kMemoryBytes = 0x100000;
constexpr std::chrono::seconds kNever{600};

// Workers that look at everything as soon as they see it.
class WalkingHost final : public RingHost {
 public:
  void Publish(std::shared_ptr<const Device> device) override {
    visible_ = std::move(device);
    if (visible_ != nullptr) {
      CHECK_LE(visible_->open_count, kQueuePairs);
      for (unsigned pair = 0; pair < kQueuePairs; ++pair) {
        Walk(pair);
      }
    }
  }
  void RestartRing(unsigned index, std::uint16_t position) override {
    CHECK(!Visible(index)) << "restarted under the workers";
    if (index % 2 == 0) {
      pairs_[index / 2].tx.Restart(position);
    } else {
      pairs_[index / 2].rx.Restart(position);
    }
  }
  [[nodiscard]] std::uint16_t RingPosition(unsigned index) const override {
    CHECK(!Visible(index)) << "asked for its position while it runs";
    const Pair& pair = pairs_[index / 2];
    return index % 2 == 0 ? pair.tx.position() : pair.rx.position();
  }
  [[nodiscard]] bool sees_nothing() const { return visible_ == nullptr; }

 private:
  struct Pair {
    RxRing rx;
    TxRing tx;
  };

  [[nodiscard]] bool Visible(unsigned index) const {
    CHECK_LT(index, 2 * kQueuePairs);
    return visible_ != nullptr && visible_->queues[index].ring.running();
  }
  void Walk(unsigned pair) {
    const Queue& to_guest = visible_->queues[std::size_t{2} * pair];
    if (to_guest.ring.running()) {
      TestPacket packet(MakeFrame(60));
      const std::array<core::Packet*, 1> packets{&packet.packet()};
      pairs_[pair].tx.Send(*visible_, to_guest, packets);
    }
    const Queue& from_guest = visible_->queues[std::size_t{2} * pair + 1];
    if (from_guest.ring.running()) {
      batch_.Reset(net::PortId(1));
      pairs_[pair].rx.Receive(*visible_, from_guest, batch_);
      (void)ContentOf(batch_);
      pairs_[pair].rx.Release();
      (void)pairs_[pair].rx.Arm(*visible_, from_guest);
    }
  }

  std::shared_ptr<const Device> visible_;
  std::array<Pair, kQueuePairs> pairs_;
  core::Batch batch_;
};

// Lives on the event loop's thread.
class BackEnd {
 public:
  BackEnd(EventLoop& events, UniqueFd socket)
      : session_(std::in_place, host_, kQueuePairs, 1518),
        connection_(
            std::in_place, events, std::move(socket), kNever,
            [this](const Message& message, std::vector<UniqueFd> fds) {
              return session_->Handle(message, std::move(fds));
            },
            [this](const absl::Status&) {
              session_.reset();
              CHECK(host_.sees_nothing()) << "workers still see a guest that is gone";
              connection_.reset();
            }) {}

 private:
  WalkingHost host_;
  std::optional<Session> session_;
  std::optional<Connection> connection_;
};

void CheckReplies(std::span<const std::uint8_t> bytes, std::size_t sent) {
  constexpr std::size_t kReplyBytes = sizeof(MessageHeader) + sizeof(std::uint64_t);
  CHECK_EQ(bytes.size() % kReplyBytes, 0U) << "a reply was cut short";
  CHECK_LE(bytes.size() / kReplyBytes, sent / sizeof(MessageHeader));
  for (; !bytes.empty(); bytes = bytes.subspan(kReplyBytes)) {
    MessageHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    CHECK_EQ(header.flags, MessageHeader::kVersion | MessageHeader::kReply);
    CHECK_EQ(header.size, sizeof(std::uint64_t));
  }
}

void Converse(fuzz::Input& input) {
  static EventLoop events;
  static GuestMemory memory(kMemoryBytes);
  static GuestMemory small_memory(4096);
  static const fuzz::PassedFiles files(memory.fd(), small_memory.fd());
  std::memset(memory.At(0), input.Take<std::uint8_t>(), 0x10000);
  events.Run([] {});  // it has opened all that it needs
  const int free_before = fuzz::LowestFreeFd();
  {
    std::array<int, 2> ends{};
    PCHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    TestFrontEnd front_end{UniqueFd(ends[0])};
    PCHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    std::unique_ptr<BackEnd> back_end;
    events.Run([&] { back_end = std::make_unique<BackEnd>(events, UniqueFd(ends[1])); });
    std::size_t sent = 0;
    for (unsigned i = 0; i < kMaxPieces && !input.empty(); ++i) {
      const std::vector<int> fds = files.Select(input.Take<std::uint8_t>());
      const auto bytes = input.TakeBytes(input.Take<std::uint8_t>());
      sent += bytes.size();
      if (!bytes.empty() && !front_end.SendBytes(bytes, fds)) {
        break;
      }
    }
    CheckReplies(fuzz::FinishAndDrain(front_end.fd()), sent);
    events.Run([&] { back_end.reset(); });
  }
  // What peers sent is closed by a thread of its own, that of the input before as well.
  CHECK(WaitFor([&] { return fuzz::LowestFreeFd() <= free_before; }))
      << "a descriptor stayed open: " << fuzz::LowestFreeFd() << " after " << free_before;
}

}  // namespace
}  // namespace pollux::vhost::vhost_user

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollux::fuzz::Input input(data, size);
  pollux::vhost::vhost_user::Converse(input);
  return 0;
}
