#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "control/observe/dissect_l4.h"

namespace pollux::control {
namespace {

using net::IcmpType;
using net::Icmpv6Type;

// Names by code; a code beyond them is a number.
std::string CodeWord(std::span<const std::string_view> names, std::uint8_t code) {
  return code < names.size() ? std::string(names[code]) : absl::StrCat("code ", code);
}

std::size_t Beyond(std::size_t header, std::size_t length) {
  return length - std::min(length, header);
}

std::string EchoWords(const char* name, const net::IcmpHeader& icmp, std::size_t length) {
  return absl::StrFormat("%s id %d seq %d len %d", name, icmp.id_or_unused.value(),
                         icmp.sequence_or_mtu.value(), Beyond(sizeof icmp, length));
}

// " about 10.0.0.1 > 10.0.0.2": what an error quotes.
template <typename IpHeader>
std::string About(ByteCursor quoted) {
  const auto* ip = quoted.Take<IpHeader>();
  return ip == nullptr
             ? absl::StrCat(" ", Truncated("quoted packet"))
             : absl::StrCat(" about ", ip->source.ToString(), " > ", ip->destination.ToString());
}

std::string UnreachableWords(const net::IcmpHeader& icmp) {
  constexpr std::uint8_t kFragmentationNeeded = 4;
  constexpr std::string_view kCodes[] = {"network", "host", "protocol", "port"};
  return icmp.code == kFragmentationNeeded
             ? absl::StrCat("fragmentation needed, mtu ", icmp.sequence_or_mtu.value())
             : CodeWord(kCodes, icmp.code) + " unreachable";
}

std::string IcmpWords(const net::IcmpHeader& icmp, ByteCursor rest, std::size_t length) {
  switch (icmp.type) {
    case IcmpType::kEchoRequest:
      return EchoWords("echo request", icmp, length);
    case IcmpType::kEchoReply:
      return EchoWords("echo reply", icmp, length);
    case IcmpType::kDestinationUnreachable:
      return UnreachableWords(icmp) + About<net::Ipv4Header>(rest);
    case IcmpType::kTimeExceeded:
      return absl::StrCat("time exceeded", About<net::Ipv4Header>(rest));
    case IcmpType::kParameterProblem:
      return absl::StrCat("parameter problem", About<net::Ipv4Header>(rest));
    case IcmpType::kRedirect:
      return absl::StrCat("redirect", About<net::Ipv4Header>(rest));
    default:
      return absl::StrFormat("type %d code %d", icmp.type, icmp.code);
  }
}

// The first source or target link-layer address of the options, " from 02:..." (RFC 4861 4.6.1).
// `length`: of the options, not all of which may be there.
std::string LinkAddressWords(ByteCursor options, std::size_t length) {
  while (length > 0) {
    const auto* option = options.Peek<net::LinkLayerOption>();
    if (option == nullptr) {
      return absl::StrCat(" ", Truncated("option"));
    }
    if (option->length == 0) {
      return absl::StrCat(" ", Malformed("option of length 0"));
    }
    if (option->type == net::LinkLayerOption::kSource ||
        option->type == net::LinkLayerOption::kTarget) {
      return absl::StrCat(" at ", option->mac.ToString());
    }
    const std::size_t bytes = option->length * sizeof *option;
    options.Skip(bytes);
    length -= std::min(length, bytes);
  }
  return "";
}

std::string AdvertisementFlags(std::uint32_t flags) {
  std::string text;
  for (const auto& [bit, name] : {std::pair(net::NeighborMessage::kRouter, " router"),
                                  std::pair(net::NeighborMessage::kSolicited, " solicited"),
                                  std::pair(net::NeighborMessage::kOverride, " override")}) {
    text += (flags & bit) != 0 ? name : "";
  }
  return text;
}

// `message` is at the ICMPv6 header.
std::string NeighbourWords(ByteCursor message, std::size_t length, bool advertisement) {
  const char* name = advertisement ? "neighbour advertisement" : "neighbour solicitation";
  const auto* neighbour = message.Take<net::NeighborMessage>();
  if (neighbour == nullptr) {
    return absl::StrCat(name, " ", Truncated("message"));
  }
  return absl::StrCat(name, " for ", neighbour->target.ToString(),
                      advertisement ? AdvertisementFlags(neighbour->flags.value()) : "",
                      LinkAddressWords(message, Beyond(sizeof *neighbour, length)));
}

std::string Icmpv6Words(const net::IcmpHeader& icmp, ByteCursor message, std::size_t length) {
  ByteCursor rest = message;
  rest.Skip(sizeof icmp);
  constexpr std::string_view kUnreachable[] = {
      "no route",         "administratively prohibited",  "beyond scope",  "address unreachable",
      "port unreachable", "source address failed policy", "route rejected"};
  switch (icmp.type) {
    case Icmpv6Type::kDestinationUnreachable:
      return CodeWord(kUnreachable, icmp.code) + About<net::Ipv6Header>(rest);
    case Icmpv6Type::kPacketTooBig: {
      const auto mtu = static_cast<std::uint32_t>(icmp.id_or_unused.value()) << 16 |
                       icmp.sequence_or_mtu.value();
      return absl::StrCat("packet too big, mtu ", mtu, About<net::Ipv6Header>(rest));
    }
    case Icmpv6Type::kTimeExceeded:
      return absl::StrCat("time exceeded", About<net::Ipv6Header>(rest));
    case Icmpv6Type::kParameterProblem:
      return absl::StrCat("parameter problem", About<net::Ipv6Header>(rest));
    case Icmpv6Type::kEchoRequest:
      return EchoWords("echo request", icmp, length);
    case Icmpv6Type::kEchoReply:
      return EchoWords("echo reply", icmp, length);
    case Icmpv6Type::kRouterSolicitation:
      return absl::StrCat("router solicitation",
                          LinkAddressWords(rest, Beyond(sizeof icmp, length)));
    case Icmpv6Type::kRouterAdvertisement:
      return "router advertisement";
    case Icmpv6Type::kNeighborSolicitation:
      return NeighbourWords(message, length, false);
    case Icmpv6Type::kNeighborAdvertisement:
      return NeighbourWords(message, length, true);
    case Icmpv6Type::kRedirect:
      return "redirect";
    default:
      return absl::StrFormat("type %d code %d", icmp.type, icmp.code);
  }
}

}  // namespace

std::string DissectIcmp(ByteCursor bytes, std::size_t length) {
  const auto* icmp = bytes.Take<net::IcmpHeader>();
  return absl::StrCat("ICMP ",
                      icmp == nullptr ? Truncated("header") : IcmpWords(*icmp, bytes, length));
}

std::string DissectIcmpv6(ByteCursor bytes, std::size_t length) {
  const auto* icmp = bytes.Peek<net::IcmpHeader>();
  return absl::StrCat("ICMPv6 ",
                      icmp == nullptr ? Truncated("header") : Icmpv6Words(*icmp, bytes, length));
}

}  // namespace pollux::control
