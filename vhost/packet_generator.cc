#include "vhost/packet_generator.h"

#include <absl/strings/str_format.h>
#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/core/copy.h"
#include "vhost/packet_generator_frames.h"

namespace pollux::vhost {
namespace {

using core::Counter;
using core::DropReason;

constexpr std::size_t kLine = 64;
constexpr std::uint64_t kMaxMemory = std::uint64_t{1} << 30;

// A number of 28 bits below the queue that it belongs to.
constexpr std::uint32_t kSequenceBits = 28;
constexpr std::uint32_t kSequenceMask = (1U << kSequenceBits) - 1;

// A number further behind than this belongs to a generator that began anew.
constexpr std::uint32_t kMostBehind = 1U << 16;

struct FreeMemory {
  void operator()(std::uint8_t* memory) const { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<std::uint8_t, FreeMemory>;

std::size_t RoundToLine(std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

AlignedMemory Allocate(std::size_t bytes) {
  AlignedMemory memory(static_cast<std::uint8_t*>(std::aligned_alloc(kLine, RoundToLine(bytes))));
  CHECK(memory != nullptr);
  return memory;
}

// Frames of one queue: the flows that fall to it, each size, and at least a burst of them, so that
// no frame is listed twice in a batch.
class GeneratorQueue final : public core::RxQueue {
 public:
  GeneratorQueue(const PacketGeneratorSpec& spec, unsigned queue, unsigned queues)
      : burst_(spec.burst),
        number_(queue << kSequenceBits),
        limit_(ShareOfCount(spec, queue, queues)) {
    const std::vector<GeneratorFlow> flows = FlowsOf(spec, queue, queues);
    std::size_t count = flows.size() * spec.sizes.size();
    count *= (core::kBurst + count - 1) / count;
    stride_ = RoundToLine(*std::max_element(spec.sizes.begin(), spec.sizes.end()));
    memory_ = Allocate(count * stride_);
    std::memset(memory_.get(), 0, count * stride_);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint16_t size = spec.sizes[(i + i / flows.size()) % spec.sizes.size()];
      frames_.push_back({memory_.get() + i * stride_, size});
      BuildFrame(spec, flows[i % flows.size()], {frames_.back().data, size});
    }
  }

  void Receive(core::Batch& batch) override {
    const std::uint64_t count = std::min<std::uint64_t>(burst_, limit_ - generated_.value());
    for (std::uint64_t i = 0; i < count; ++i) {
      const Frame& frame = frames_[next_];
      next_ = next_ + 1 == frames_.size() ? 0 : next_ + 1;
      const GeneratorStamp stamp{number_, ~number_};
      std::memcpy(frame.data + frame.length - sizeof(stamp), &stamp, sizeof(stamp));
      number_ = (number_ & ~kSequenceMask) | ((number_ + 1) & kSequenceMask);
      *batch.NextSegments() = {frame.data, frame.length};
      batch.Append(1, frame.length, {});
    }
    generated_.Add(count);
  }
  void Release(core::Batch& /*batch*/) override {}
  bool Arm() override { return generated_.value() < limit_; }

  [[nodiscard]] std::uint64_t generated() const { return generated_.value(); }

 private:
  struct Frame {
    std::uint8_t* data;
    std::uint32_t length;
  };

  static std::uint64_t ShareOfCount(const PacketGeneratorSpec& spec, unsigned queue,
                                    unsigned queues) {
    return spec.count == 0 ? std::numeric_limits<std::uint64_t>::max()
                           : spec.count / queues + (queue < spec.count % queues ? 1 : 0);
  }

  const unsigned burst_;
  std::uint32_t number_;
  const std::uint64_t limit_;
  std::size_t stride_ = 0;
  AlignedMemory memory_;
  std::vector<Frame> frames_;
  std::size_t next_ = 0;
  Counter generated_;
};

// Where one worker's frames end.
class alignas(kLine) Sink {
 public:
  Sink(std::size_t buffers, std::size_t buffer_bytes)
      : buffer_bytes_(RoundToLine(buffer_bytes)),
        buffers_(buffers),
        memory_(Allocate(buffers * buffer_bytes_)) {}

  void Take(const core::Packet& packet) {
    std::uint8_t* buffer = memory_.get() + next_ * buffer_bytes_;
    next_ = next_ + 1 == buffers_ ? 0 : next_ + 1;
    const std::uint32_t length = packet.frame_length();
    core::CopyFrame(packet, buffer);
    if (packet.offload.needs_checksum) {
      core::CompleteChecksum(packet.offload, buffer, length);
    }
    received_.Add(1);
    GeneratorStamp stamp;
    std::memcpy(&stamp, buffer + length - sizeof(stamp), sizeof(stamp));
    if (stamp.number == ~stamp.complement) [[likely]] {
      Check(packet.ingress, stamp.number);
    } else {
      foreign_.Add(1);
    }
  }

  [[nodiscard]] std::size_t buffer_bytes() const { return buffer_bytes_; }
  void AddTo(PacketGeneratorCounts& counts) const {
    counts.received += received_.value();
    counts.lost += lost_.value();
    counts.reordered += reordered_.value();
    counts.foreign += foreign_.value();
  }

 private:
  // What is expected next of one queue of one generator.
  struct Stream {
    std::uint32_t key = ~0U;
    std::uint32_t expected = 0;
  };

  void Check(net::PortId ingress, std::uint32_t number) {
    const std::uint32_t key = std::uint32_t{ingress.value()} << 4 | number >> kSequenceBits;
    const std::uint32_t sequence = number & kSequenceMask;
    Stream& stream = streams_[key % streams_.size()];
    if (stream.key != key) {
      stream = {key, sequence};
    }
    const std::uint32_t ahead = (sequence - stream.expected) & kSequenceMask;
    if (ahead <= kSequenceMask / 2) [[likely]] {
      lost_.Add(ahead);
      stream.expected = (sequence + 1) & kSequenceMask;
    } else if (kSequenceMask - ahead < kMostBehind) {
      reordered_.Add(1);
      lost_.Add(lost_.value() > 0 ? ~std::uint64_t{0} : 0);  // minus 1: it was only overtaken
    } else {
      stream.expected = (sequence + 1) & kSequenceMask;  // the generator began anew
    }
  }

  const std::size_t buffer_bytes_;
  const std::size_t buffers_;
  const AlignedMemory memory_;
  std::size_t next_ = 0;
  std::array<Stream, 256> streams_;
  Counter received_;
  Counter lost_;
  Counter reordered_;
  Counter foreign_;
};

class PacketGenerator final : public core::Port {
 public:
  PacketGenerator(net::PortId id, core::PortSpec spec, unsigned worker_count,
                  const PacketGeneratorSpec& traffic)
      : Port(id, std::move(spec), worker_count) {
    for (unsigned q = 0; q < this->spec().queues; ++q) {
      queues_.push_back(std::make_unique<GeneratorQueue>(traffic, q, this->spec().queues));
    }
    for (unsigned w = 0; w < worker_count; ++w) {
      sinks_.push_back(std::make_unique<Sink>(
          this->spec().ring_size,
          std::max<std::size_t>(2048, this->spec().mtu + sizeof(net::EthernetHeader))));
    }
  }

  [[nodiscard]] unsigned rx_queue_count() const override {
    return static_cast<unsigned>(queues_.size());
  }
  [[nodiscard]] core::RxQueue& rx_queue(unsigned index) override { return *queues_[index]; }

  void Send(net::WorkerId worker, std::span<core::Packet* const> packets) override {
    Sink& sink = *sinks_[worker.value()];
    for (core::Packet* packet : packets) {
      if (packet->frame_length() <= sink.buffer_bytes()) [[likely]] {
        sink.Take(*packet);
      } else {
        packet->drop = DropReason::kDestinationTooSmall;
      }
    }
  }

  [[nodiscard]] core::PortCapabilities capabilities() const override { return {}; }

  [[nodiscard]] core::PortStatus Status() const override {
    const PacketGeneratorCounts counts = Counts();
    return {true,
            "generating",
            {{"generated", std::to_string(counts.generated)},
             {"received", std::to_string(counts.received)},
             {"lost", std::to_string(counts.lost)},
             {"reordered", std::to_string(counts.reordered)},
             {"foreign", std::to_string(counts.foreign)},
             {"idle", "polled: frames come without end"}}};
  }

  [[nodiscard]] PacketGeneratorCounts Counts() const {
    PacketGeneratorCounts counts;
    for (const auto& queue : queues_) {
      counts.generated += queue->generated();
    }
    for (const auto& sink : sinks_) {
      sink->AddTo(counts);
    }
    return counts;
  }

 private:
  std::vector<std::unique_ptr<GeneratorQueue>> queues_;
  std::vector<std::unique_ptr<Sink>> sinks_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<core::Port>> MakePacketGenerator(net::PortId id, core::PortSpec spec,
                                                                PortContext& context) {
  auto traffic = ParsePacketGenerator(std::get<core::EthdevSpec>(spec.backend).devargs);
  if (!traffic.ok()) {
    return traffic.status();
  }
  const std::uint16_t largest = *std::max_element(traffic->sizes.begin(), traffic->sizes.end());
  if (largest > spec.mtu + sizeof(net::EthernetHeader)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("devargs: size: %d does not fit the MTU %d", largest, spec.mtu));
  }
  if (std::uint64_t{traffic->flows} * traffic->sizes.size() * RoundToLine(largest) > kMaxMemory) {
    return absl::InvalidArgumentError(
        "devargs: flows: the frames need more than 1 GiB; take fewer or smaller ones");
  }
  if (traffic->source_mac.is_zero()) {
    traffic->source_mac = spec.mac;
  }
  if (traffic->destination_mac.is_zero()) {
    traffic->destination_mac = context.gateway_mac;
  }
  return std::make_unique<PacketGenerator>(id, std::move(spec), context.worker_count, *traffic);
}

PacketGeneratorCounts CountsOf(const core::Port& generator) {
  return static_cast<const PacketGenerator&>(generator).Counts();
}

}  // namespace pollux::vhost
