// The flows that a port sends, and the packets made from them.
//
// Flows differ in addresses and ports, counted up (every combination is visited before one repeats)
// or drawn from a seed. Packets take the flows in turn. Writing one is a copy of the flow's first
// bytes and a stamp: the rest of the frame is the same for all packets of a port, and lies in the
// buffers already (WriteWhole).
// Threading: one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/net/address.h"
#include "perf/pktgen/frame.h"

namespace pollux::pktgen {

// `count` addresses from `base` on; the last 32 bits count, without carry into the others.
struct AddressRange {
  net::IpAddress base{};
  std::uint32_t count = 1;

  // "10.0.0.1", or "10.0.0.1+16" for 16 addresses.
  static std::optional<AddressRange> Parse(std::string_view text);
  [[nodiscard]] net::IpAddress At(std::uint32_t index) const;
};

struct PortRange {
  std::uint16_t base = 0;
  std::uint32_t count = 1;

  // "5001", or "1024+1000". The whole range lies within 16 bits.
  static std::optional<PortRange> Parse(std::string_view text);
  [[nodiscard]] std::uint16_t At(std::uint32_t index) const {
    return static_cast<std::uint16_t>(base + index % count);
  }
};

struct FlowSpec {
  net::MacAddress source_mac{};
  net::MacAddress destination_mac{};
  AddressRange sources{};
  AddressRange destinations{};
  PortRange source_ports{1024, 60000};
  PortRange destination_ports{5001, 1};
  net::IpProtocol protocol = net::IpProtocol::kUdp;
  std::uint32_t flows = 1;
  std::optional<std::uint64_t> seed{};  // absent: count up
  std::size_t frame_bytes = 64;
  std::uint8_t tag = 0;
};

class FlowSet {
 public:
  explicit FlowSet(const FlowSpec& spec);

  [[nodiscard]] const FrameLayout& layout() const { return layout_; }
  [[nodiscard]] std::size_t frame_bytes() const { return frame_bytes_; }

  // Bytes that WriteNext may write, whatever the frame's length.
  static constexpr std::size_t kHeadBytes = 96;

  // A whole frame, so that WriteNext needs to touch its head only. Buffers have room for
  // max(frame_bytes(), kHeadBytes).
  void WriteWhole(std::span<std::uint8_t> buffer) const;

  // The next flow's next packet, into a buffer that WriteWhole has filled once.
  void WriteNext(std::uint64_t now, std::uint8_t* buffer) {
    Flow& flow = flows_[next_];
    __builtin_memcpy(buffer, flow.head.data(), kHeadBytes);
    FinishFrame(layout_, flow.sum,
                {net::Be32{tag_ | next_}, net::Be32{flow.sequence++}, net::Be64{now}}, buffer);
    next_ = next_ + 1 == flows_.size() ? 0 : next_ + 1;
  }

 private:
  struct alignas(128) Flow {
    std::array<std::uint8_t, kHeadBytes> head{};
    std::uint32_t sum = 0;
    std::uint32_t sequence = 0;
  };

  FrameLayout layout_;
  std::size_t frame_bytes_;
  std::uint32_t tag_;
  std::uint32_t next_ = 0;
  std::vector<Flow> flows_;
};

// The addresses and ports of each flow, in their order.
std::vector<FrameSpec> EnumerateFlows(const FlowSpec& spec);

}  // namespace pollux::pktgen
