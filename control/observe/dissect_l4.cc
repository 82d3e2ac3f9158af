#include "control/observe/dissect_l4.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

namespace pollux::control {
namespace {

// RFC 9260 section 3.1.
struct SctpHeader {
  net::Be16 source_port;
  net::Be16 destination_port;
  net::Be32 verification_tag;
  net::Be32 checksum;
};
static_assert(sizeof(SctpHeader) == 12);

L4Words WithPorts(net::Be16 source, net::Be16 destination, std::string text) {
  return {.source_port = absl::StrCat(".", source.value()),
          .destination_port = absl::StrCat(".", destination.value()),
          .text = std::move(text)};
}

// As tcpdump writes them: the dot is ACK.
std::string TcpFlags(std::uint8_t flags) {
  constexpr std::string_view kLetters = "FSRP.UEW";
  std::string text;
  for (unsigned bit = 0; bit < kLetters.size(); ++bit) {
    if ((flags & (1U << bit)) != 0) {
      text += kLetters[bit];
    }
  }
  return text.empty() ? "none" : text;
}

L4Words DissectTcp(ByteCursor bytes, std::size_t length) {
  const auto* tcp = bytes.Take<net::TcpHeader>();
  if (tcp == nullptr) {
    return {.source_port = "", .destination_port = "", .text = Truncated("TCP header")};
  }
  std::string text =
      absl::StrFormat("TCP [%s] seq %u", TcpFlags(tcp->flags), tcp->sequence.value());
  if ((tcp->flags & net::TcpHeader::kAck) != 0) {
    absl::StrAppend(&text, " ack ", tcp->acknowledgement.value());
  }
  absl::StrAppend(&text, " win ", tcp->window.value());
  const unsigned header = tcp->header_length();
  if (header < sizeof *tcp || header > length) {
    absl::StrAppend(&text, " ", Malformed(absl::StrCat("header of ", header, " bytes")));
  } else {
    absl::StrAppend(&text, " len ", length - header);
  }
  return WithPorts(tcp->source_port, tcp->destination_port, std::move(text));
}

L4Words DissectUdp(ByteCursor bytes) {
  const auto* udp = bytes.Take<net::UdpHeader>();
  if (udp == nullptr) {
    return {.source_port = "", .destination_port = "", .text = Truncated("UDP header")};
  }
  const unsigned length = udp->length.value();
  return WithPorts(udp->source_port, udp->destination_port,
                   length < sizeof *udp
                       ? absl::StrCat("UDP ", Malformed(absl::StrCat("length ", length)))
                       : absl::StrCat("UDP len ", length - sizeof *udp));
}

std::string ChunkWord(std::uint8_t type) {
  constexpr std::string_view kNames[] = {
      "DATA",  "INIT",     "INIT ACK",     "SACK",  "HEARTBEAT",   "HEARTBEAT ACK",
      "ABORT", "SHUTDOWN", "SHUTDOWN ACK", "ERROR", "COOKIE ECHO", "COOKIE ACK"};
  constexpr std::uint8_t kShutdownComplete = 14;
  if (type < std::size(kNames)) {
    return std::string(kNames[type]);
  }
  return type == kShutdownComplete ? "SHUTDOWN COMPLETE" : absl::StrCat("chunk type ", type);
}

L4Words DissectSctp(ByteCursor bytes) {
  const auto* sctp = bytes.Take<SctpHeader>();
  if (sctp == nullptr) {
    return {.source_port = "", .destination_port = "", .text = Truncated("SCTP header")};
  }
  const auto* chunk = bytes.Peek<std::uint8_t>();
  return WithPorts(sctp->source_port, sctp->destination_port,
                   chunk == nullptr ? absl::StrCat("SCTP ", Truncated("chunk"))
                                    : absl::StrCat("SCTP ", ChunkWord(*chunk)));
}

}  // namespace

L4Words DissectL4(net::IpProtocol protocol, ByteCursor bytes, std::size_t length) {
  bytes.Limit(length);
  switch (protocol) {
    case net::IpProtocol::kTcp:
      return DissectTcp(bytes, length);
    case net::IpProtocol::kUdp:
      return DissectUdp(bytes);
    case net::IpProtocol::kSctp:
      return DissectSctp(bytes);
    case net::IpProtocol::kIcmp:
      return {.source_port = "", .destination_port = "", .text = DissectIcmp(bytes, length)};
    case net::IpProtocol::kIcmpv6:
      return {.source_port = "", .destination_port = "", .text = DissectIcmpv6(bytes, length)};
    default:
      return {.source_port = "",
              .destination_port = "",
              .text = absl::StrCat(ProtocolWord(protocol), " len ", length)};
  }
}

std::string ProtocolWord(net::IpProtocol protocol) {
  switch (protocol) {
    case net::IpProtocol::kIcmp:
      return "ICMP";
    case net::IpProtocol::kIpip:
      return "IPv4 in IP";
    case net::IpProtocol::kTcp:
      return "TCP";
    case net::IpProtocol::kUdp:
      return "UDP";
    case net::IpProtocol::kIpv6:
      return "IPv6 in IP";
    case net::IpProtocol::kGre:
      return "GRE";
    case net::IpProtocol::kEsp:
      return "ESP";
    case net::IpProtocol::kIcmpv6:
      return "ICMPv6";
    case net::IpProtocol::kNoNext:
      return "no next header";
    case net::IpProtocol::kSctp:
      return "SCTP";
    default:
      return absl::StrCat("protocol ", static_cast<unsigned>(protocol));
  }
}

std::string Truncated(const std::string& what) { return absl::StrCat("[truncated: ", what, "]"); }
std::string Malformed(const std::string& what) { return absl::StrCat("[malformed: ", what, "]"); }

}  // namespace pollux::control
