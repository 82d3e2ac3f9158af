// One conversation with a front-end: what it negotiated, its memory, its rings. Knows no socket and
// no thread: messages in, replies out, and a RingHost that makes the result visible.
//
// Every message is checked against the state before it changes anything. What workers see is an
// immutable Device; a message that changes a running ring ends with a new one being published, and
// publishing returns only when no worker sees the former any more. So an answer, and the closing of
// descriptors and mappings that were replaced, always comes after the last use.
// A ring runs from its kick until GET_VRING_BASE, in whatever order its parts came; it is then
// enabled or not (reference: docs/interop/vhost-user.rst, "Ring states").
// Threading: one owner (the event loop's thread).
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vhost/unique_fd.h"
#include "vhost/vhost_user/memory_table.h"
#include "vhost/vhost_user/message.h"
#include "vhost/vhost_user/vring.h"

namespace pollux::vhost::vhost_user {

// Where the rings are walked.
class RingHost {
 public:
  virtual ~RingHost() = default;
  // Workers see `device` from now on (null: none); returns when none sees the former.
  virtual void Publish(std::shared_ptr<const Device> device) = 0;
  // Ring `index`, which no worker sees, is about to run from `position` on, without a fault.
  virtual void RestartRing(unsigned index, std::uint16_t position) = 0;
  // Where ring `index`, which no worker sees any more, stopped.
  [[nodiscard]] virtual std::uint16_t RingPosition(unsigned index) const = 0;
};

class Session {
 public:
  // `queue_pairs` <= core::kMaxQueues. `max_frame` in bytes, without segmentation offload.
  Session(RingHost& host, unsigned queue_pairs, std::uint32_t max_frame);
  // The workers' view is withdrawn before anything is released.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Descriptors that nobody keeps are closed. An error ends the conversation; what can be refused
  // with a reply (REPLY_ACK) is not an error.
  absl::StatusOr<std::optional<Reply>> Handle(const Message& message, std::vector<UniqueFd> fds);

  [[nodiscard]] std::uint64_t features() const { return features_; }
  [[nodiscard]] const Device* device() const { return device_.get(); }
  // The last refusal, for a person; empty: none.
  [[nodiscard]] const std::string& last_refusal() const { return last_refusal_; }
  [[nodiscard]] std::uint16_t peer_mtu() const { return peer_mtu_; }

 private:
  struct RingState {
    std::uint32_t size = 0;
    std::uint16_t base = 0;  // as last told or stopped at, for a ring that never ran since
    std::optional<VringAddress> address;
    bool kicked = false;
    std::optional<bool> enabled;  // as last told
    bool running = false;
    std::shared_ptr<const PeerEvent> kick;
    std::shared_ptr<const PeerEvent> call;
  };
  using Answer = absl::StatusOr<std::optional<Reply>>;

  Answer Dispatch(const Message& message, std::vector<UniqueFd>& fds);
  absl::Status Set(Request request, const Payload& payload, std::vector<UniqueFd>& fds);
  absl::Status SetFeatures(std::uint64_t features);
  absl::Status SetProtocolFeatures(std::uint64_t features);
  absl::Status SetMemTable(const RegionList& list, std::span<const UniqueFd> fds);
  absl::Status SetVringNum(const VringState& state);
  absl::Status SetVringBase(const VringState& state);
  absl::Status SetVringAddr(const VringAddress& address);
  absl::Status SetVringFile(Request request, const VringFile& file, std::vector<UniqueFd>& fds);
  absl::Status SetVringEnable(const VringState& state);
  absl::Status SetMtu(std::uint64_t mtu);
  Answer GetVringBase(const VringState& state);

  absl::StatusOr<RingState*> StoppedRing(std::uint32_t index, const char* what);
  absl::StatusOr<RingState*> AnyRing(std::uint32_t index);
  [[nodiscard]] absl::StatusOr<Vring> Resolve(const RingState& ring,
                                              const MemoryTable& memory) const;
  absl::Status StartIfComplete(unsigned index);
  void PublishIfRunning();
  [[nodiscard]] std::shared_ptr<const Device> BuildDevice() const;

  RingHost& host_;
  const unsigned queue_pairs_;
  const std::uint32_t max_frame_;
  std::uint64_t features_ = 0;
  std::uint64_t protocol_features_ = 0;
  std::uint16_t peer_mtu_ = 0;
  unsigned refusals_ = 0;
  std::string last_refusal_;
  std::shared_ptr<const MemoryTable> memory_;
  std::array<RingState, kMaxVrings> rings_;
  std::shared_ptr<const Device> device_;  // what workers see
};

}  // namespace pollux::vhost::vhost_user
