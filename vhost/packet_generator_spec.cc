#include "vhost/packet_generator_spec.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "dataplane/core/batch.h"
#include "dataplane/core/port_spec.h"
#include "vhost/packet_generator_frames.h"

namespace pollux::vhost {
namespace {

constexpr std::string_view kDevice = "pollux_generator";
constexpr unsigned kMaxFrame = core::kMaxMtu + sizeof(net::EthernetHeader);

template <typename T>
bool ParseNumber(const std::string& text, std::uint64_t least, std::uint64_t most, T& to) {
  std::uint64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < least || value > most) {
    return false;
  }
  to = static_cast<T>(value);
  return true;
}

// FIRST or FIRST-LAST.
std::pair<std::string, std::string> Ends(const std::string& text) {
  const std::size_t dash = text.find('-');
  return dash == std::string::npos ? std::pair{text, text}
                                   : std::pair{text.substr(0, dash), text.substr(dash + 1)};
}

bool ParsePorts(const std::string& text, GeneratorRange<std::uint16_t>& range) {
  const auto [first, last] = Ends(text);
  std::uint16_t end = 0;
  if (!ParseNumber(first, 1, 65535, range.first) || !ParseNumber(last, range.first, 65535, end)) {
    return false;
  }
  range.count = end - range.first + 1U;
  return true;
}

// The last 32 bits, in which a range of addresses runs, and what is in front of them.
std::uint32_t LowBits(const net::IpAddress& address) {
  const std::uint8_t* at = address.bytes().data() + address.bits() / 8 - 4;
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
         at[3];
}

bool ParseAddresses(const std::string& text, GeneratorRange<net::IpAddress>& range) {
  const auto [first, last] = Ends(text);
  const auto begin = net::IpAddress::Parse(first);
  const auto end = net::IpAddress::Parse(last);
  if (!begin || !end || begin->is_v6() != end->is_v6() || LowBits(*end) < LowBits(*begin) ||
      net::IpPrefix(*begin, begin->bits() - 32) != net::IpPrefix(*end, end->bits() - 32)) {
    return false;
  }
  range.first = *begin;
  range.count = LowBits(*end) - LowBits(*begin) + 1;
  return range.count != 0;
}

bool ParseMac(const std::string& text, net::MacAddress& mac) {
  const auto parsed = net::MacAddress::Parse(text);
  mac = parsed.value_or(net::MacAddress{});
  return parsed.has_value();
}

bool ParseProtocol(const std::string& text, net::IpProtocol& protocol) {
  protocol = text == "tcp" ? net::IpProtocol::kTcp : net::IpProtocol::kUdp;
  return text == "tcp" || text == "udp";
}

bool ParseSizes(const std::string& text, std::vector<std::uint16_t>& sizes) {
  sizes.clear();
  for (const auto part : absl::StrSplit(text, ':')) {
    std::uint16_t size = 0;
    if (!ParseNumber(std::string(part), 1, kMaxFrame, size)) {
      return false;
    }
    sizes.push_back(size);
  }
  return true;
}

bool ParseField(const std::string& key, const std::string& value, PacketGeneratorSpec& spec) {
  constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  const std::map<std::string, std::function<bool()>> fields = {
      {"size", [&] { return ParseSizes(value, spec.sizes); }},
      {"src", [&] { return ParseAddresses(value, spec.source); }},
      {"dst", [&] { return ParseAddresses(value, spec.destination); }},
      {"sport", [&] { return ParsePorts(value, spec.source_port); }},
      {"dport", [&] { return ParsePorts(value, spec.destination_port); }},
      {"proto", [&] { return ParseProtocol(value, spec.protocol); }},
      {"flows", [&] { return ParseNumber(value, 1, 1U << 24, spec.flows); }},
      {"seed", [&] { return ParseNumber(value, 0, kAny, spec.seed); }},
      {"smac", [&] { return ParseMac(value, spec.source_mac); }},
      {"dmac", [&] { return ParseMac(value, spec.destination_mac); }},
      {"count", [&] { return ParseNumber(value, 0, kAny, spec.count); }},
      {"burst", [&] { return ParseNumber(value, 1, core::kBurst, spec.burst); }},
  };
  const auto field = fields.find(key);
  return field != fields.end() && field->second();
}

absl::Status CheckWhole(PacketGeneratorSpec& spec, bool has_addresses) {
  if (!has_addresses || spec.source.first.is_v6() != spec.destination.first.is_v6()) {
    return absl::InvalidArgumentError("devargs: src and dst are needed, both IPv4 or both IPv6");
  }
  const double combinations = double{1} * spec.source.count * spec.destination.count *
                              spec.source_port.count * spec.destination_port.count;
  if (spec.flows == 0 && combinations <= (1U << 24)) {
    spec.flows = static_cast<std::uint32_t>(combinations);
  }
  if (spec.flows == 0 || (spec.seed == 0 && spec.flows > combinations)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "devargs: flows: the ranges have %.0f combinations, asked are %d (at most %d)",
        combinations, spec.flows, 1U << 24));
  }
  const unsigned least = GeneratorHeaderBytes(spec) + static_cast<unsigned>(sizeof(GeneratorStamp));
  for (const std::uint16_t size : spec.sizes) {
    if (size < least) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "devargs: size: %d is less than headers and sequence number, %d", size, least));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsPacketGenerator(std::string_view devargs) {
  return devargs.substr(0, devargs.find(',')) == kDevice;
}

absl::StatusOr<PacketGeneratorSpec> ParsePacketGenerator(const std::string& devargs) {
  PacketGeneratorSpec spec;
  std::map<std::string, std::string> given;
  const std::vector<std::string> parts = absl::StrSplit(devargs, ',');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::pair<std::string, std::string> field =
        absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
    if (!ParseField(field.first, field.second, spec) || !given.insert(field).second) {
      return absl::InvalidArgumentError(
          absl::StrFormat("devargs: %s: '%s' is no value for it, or it is unknown or given twice",
                          field.first, field.second));
    }
  }
  if (absl::Status status = CheckWhole(spec, given.contains("src") && given.contains("dst"));
      !status.ok()) {
    return status;
  }
  return spec;
}

unsigned GeneratorHeaderBytes(const PacketGeneratorSpec& spec) {
  const std::size_t l3 =
      spec.source.first.is_v6() ? sizeof(net::Ipv6Header) : sizeof(net::Ipv4Header);
  const std::size_t l4 =
      spec.protocol == net::IpProtocol::kTcp ? sizeof(net::TcpHeader) : sizeof(net::UdpHeader);
  return static_cast<unsigned>(sizeof(net::EthernetHeader) + l3 + l4);
}

}  // namespace pollux::vhost
