#include "perf/pktgen/flow_set.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <string>
#include <utility>

namespace pollux::pktgen {
namespace {

template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  return error == std::errc{} && end == text.end() ? std::optional<T>(value) : std::nullopt;
}

// "BASE+COUNT" or "BASE"; a count of zero is none.
std::optional<std::pair<std::string_view, std::uint32_t>> SplitRange(std::string_view text) {
  const std::size_t plus = text.find('+');
  if (plus == std::string_view::npos) {
    return {{text, 1}};
  }
  const auto count = ParseNumber<std::uint32_t>(text.substr(plus + 1));
  if (!count || *count == 0) {
    return std::nullopt;
  }
  return {{text.substr(0, plus), *count}};
}

// Deals out the digits of a number written in mixed radix: each range turns before the next moves.
class Counter {
 public:
  explicit Counter(std::uint64_t value) : rest_(value) {}
  std::uint32_t Digit(std::uint32_t radix) {
    const auto digit = static_cast<std::uint32_t>(rest_ % radix);
    rest_ /= radix;
    return digit;
  }

 private:
  std::uint64_t rest_;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint32_t Digit(std::uint32_t radix) { return static_cast<std::uint32_t>(engine_() % radix); }

 private:
  std::mt19937_64 engine_;
};

template <typename Digits>
FrameSpec Pick(const FlowSpec& spec, Digits& digits) {
  FrameSpec flow{.source_mac = spec.source_mac,
                 .destination_mac = spec.destination_mac,
                 .protocol = spec.protocol};
  flow.source_port = spec.source_ports.At(digits.Digit(spec.source_ports.count));
  flow.source = spec.sources.At(digits.Digit(spec.sources.count));
  flow.destination = spec.destinations.At(digits.Digit(spec.destinations.count));
  flow.destination_port = spec.destination_ports.At(digits.Digit(spec.destination_ports.count));
  return flow;
}

}  // namespace

std::optional<AddressRange> AddressRange::Parse(std::string_view text) {
  const auto parts = SplitRange(text);
  const auto base = parts ? net::IpAddress::Parse(parts->first) : std::nullopt;
  return base ? std::optional<AddressRange>({*base, parts->second}) : std::nullopt;
}

net::IpAddress AddressRange::At(std::uint32_t index) const {
  if (base.is_v4()) {
    return net::Ipv4Address::FromHost(base.v4().host() + index);
  }
  net::Ipv6Address address = base.v6();
  auto& low = *reinterpret_cast<net::Be32*>(&address.bytes[12]);
  low.set(low.value() + index);
  return address;
}

std::optional<PortRange> PortRange::Parse(std::string_view text) {
  const auto parts = SplitRange(text);
  const auto base = parts ? ParseNumber<std::uint16_t>(parts->first) : std::nullopt;
  if (!base || parts->second > 65536U - *base) {
    return std::nullopt;
  }
  return {{*base, parts->second}};
}

std::vector<FrameSpec> EnumerateFlows(const FlowSpec& spec) {
  std::vector<FrameSpec> flows;
  flows.reserve(spec.flows);
  Dice dice(spec.seed.value_or(0));
  for (std::uint32_t i = 0; i < spec.flows; ++i) {
    Counter counter(i);
    flows.push_back(spec.seed ? Pick(spec, dice) : Pick(spec, counter));
  }
  return flows;
}

FlowSet::FlowSet(const FlowSpec& spec)
    : layout_(FrameLayout::Of(spec.sources.base.is_v6(), spec.protocol)),
      frame_bytes_(std::max(spec.frame_bytes, layout_.min_frame_bytes())),
      tag_(std::uint32_t{spec.tag} << 24) {
  std::vector<std::uint8_t> frame(frame_bytes_);
  for (const FrameSpec& flow_spec : EnumerateFlows(spec)) {
    Flow& flow = flows_.emplace_back();
    flow.sum = BuildFrame(flow_spec, frame);
    std::copy_n(frame.begin(), std::min(frame.size(), kHeadBytes), flow.head.begin());
  }
}

void FlowSet::WriteWhole(std::span<std::uint8_t> buffer) const {
  std::fill(buffer.begin(), buffer.end(), std::uint8_t{0});
  std::copy(flows_[0].head.begin(), flows_[0].head.end(), buffer.begin());
}

}  // namespace pollux::pktgen
