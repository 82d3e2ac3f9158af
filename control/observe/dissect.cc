#include "control/observe/dissect.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "control/observe/byte_cursor.h"
#include "control/observe/dissect_l4.h"

namespace pollux::control {
namespace {

using net::EtherType;
using net::IpProtocol;

// IEEE 802.1Q: what follows the EtherType of a tag.
struct VlanTag {
  net::Be16 control;
  net::Be16 type;
};
static_assert(sizeof(VlanTag) == 4);

struct Fragment {
  bool present = false;
  std::uint32_t id = 0;
  unsigned offset = 0;  // bytes
  bool more = false;
};

std::string FragmentWords(const Fragment& fragment) {
  return fragment.present ? absl::StrFormat(" (fragment id %u offset %u%s)", fragment.id,
                                            fragment.offset, fragment.more ? " more" : "")
                          : "";
}

// What both families have in common once their headers are read.
struct IpPacket {
  std::string source;
  std::string destination;
  unsigned hops_left = 0;
  IpProtocol protocol{};
  std::size_t length = 0;  // of what follows the headers, as the IP header says
  Fragment fragment;
  std::string extensions;  // "hop-by-hop, routing: "
  bool whole = true;       // false: ended within the extension headers
};

std::string IpWords(const IpPacket& ip, ByteCursor payload) {
  L4Words l4;
  if (ip.whole && ip.fragment.offset == 0) {
    l4 = DissectL4(ip.protocol, payload, ip.length);
  } else if (ip.whole) {
    l4.text = absl::StrCat(ProtocolWord(ip.protocol), " len ", ip.length);
  }
  std::string text = absl::StrCat(ip.source, l4.source_port, " > ", ip.destination,
                                  l4.destination_port, ": ", ip.extensions, l4.text);
  text += FragmentWords(ip.fragment);
  if (ip.hops_left <= 1) {
    absl::StrAppend(&text, ", ttl ", ip.hops_left);
  }
  return text;
}

// `there`: bytes of the frame from the IP header on, captured or not.
std::string Ipv4Words(ByteCursor bytes, std::size_t there) {
  const auto* ip = bytes.Take<net::Ipv4Header>();
  if (ip == nullptr) {
    return absl::StrCat("IPv4 ", Truncated("header"));
  }
  const unsigned header = ip->header_length();
  const unsigned total = ip->total_length.value();
  if (ip->version() != 4 || header < sizeof *ip || total < header) {
    return absl::StrCat("IPv4 ",
                        Malformed(absl::StrFormat("version %u, header of %u bytes, total length %u",
                                                  ip->version(), header, total)));
  }
  const unsigned bits = ip->fragment.value();
  const unsigned offset = (bits & net::Ipv4Header::kOffsetMask) * 8;
  const bool more = (bits & net::Ipv4Header::kMoreFragments) != 0;
  const bool options_are_there = bytes.Skip(header - sizeof *ip);
  std::string text =
      absl::StrCat("IPv4 ", IpWords({.source = ip->source.ToString(),
                                     .destination = ip->destination.ToString(),
                                     .hops_left = ip->ttl,
                                     .protocol = ip->protocol,
                                     .length = total - header,
                                     .fragment = {.present = offset != 0 || more,
                                                  .id = ip->id.value(),
                                                  .offset = offset,
                                                  .more = more},
                                     .extensions = options_are_there ? "" : Truncated("options"),
                                     .whole = options_are_there},
                                    bytes));
  if (total > there) {
    absl::StrAppend(&text, " ",
                    Malformed(absl::StrFormat("total length %u, but %u bytes", total, there)));
  }
  return text;
}

std::string ExtensionWord(IpProtocol next) {
  switch (next) {
    case IpProtocol::kHopByHop:
      return "hop-by-hop";
    case IpProtocol::kRouting:
      return "routing";
    case IpProtocol::kFragment:
      return "fragment";
    case IpProtocol::kAuthentication:
      return "authentication";
    case IpProtocol::kDestinationOptions:
      return "destination options";
    default:
      return "";
  }
}

struct ExtensionStart {
  IpProtocol next;
  std::uint8_t length;
};

std::size_t ExtensionLength(IpProtocol kind, std::uint8_t length) {
  switch (kind) {
    case IpProtocol::kFragment:
      return sizeof(net::Ipv6FragmentHeader);
    case IpProtocol::kAuthentication:
      return (length + std::size_t{2}) * 4;  // RFC 4302 section 2.2
    default:
      return (length + std::size_t{1}) * 8;
  }
}

// From the fixed header to the L4 header: ip.protocol is what comes next, ip.length what is left.
void WalkExtensions(IpPacket& ip, ByteCursor& bytes) {
  std::vector<std::string> seen;
  while (!ExtensionWord(ip.protocol).empty() && ip.fragment.offset == 0) {
    const std::string word = ExtensionWord(ip.protocol);
    const auto* start = bytes.Peek<ExtensionStart>();
    if (const auto* fragment = bytes.Peek<net::Ipv6FragmentHeader>();
        ip.protocol == IpProtocol::kFragment && fragment != nullptr) {
      const unsigned bits = fragment->offset_and_more.value();
      ip.fragment = {.present = true,
                     .id = fragment->id.value(),
                     .offset = bits & 0xfff8U,
                     .more = (bits & 1U) != 0};
    } else {
      seen.push_back(word);
    }
    const std::size_t length = start == nullptr ? 0 : ExtensionLength(ip.protocol, start->length);
    if (start == nullptr || length > ip.length || !bytes.Skip(length)) {
      ip.extensions = absl::StrCat(absl::StrJoin(seen, ", "), " ", Truncated("extension header"));
      ip.whole = false;
      return;
    }
    ip.protocol = start->next;
    ip.length -= length;
  }
  ip.extensions = seen.empty() ? "" : absl::StrCat(absl::StrJoin(seen, ", "), ": ");
}

std::string Ipv6Words(ByteCursor bytes, std::size_t there) {
  const auto* header = bytes.Take<net::Ipv6Header>();
  if (header == nullptr) {
    return absl::StrCat("IPv6 ", Truncated("header"));
  }
  if (header->version() != 6) {
    return absl::StrCat("IPv6 ", Malformed(absl::StrCat("version ", header->version())));
  }
  const std::size_t length = header->payload_length.value();
  IpPacket ip{.source = header->source.ToString(),
              .destination = header->destination.ToString(),
              .hops_left = header->hop_limit,
              .protocol = header->next_header,
              .length = length,
              .fragment = {},
              .extensions = ""};
  WalkExtensions(ip, bytes);
  std::string text = absl::StrCat("IPv6 ", IpWords(ip, bytes));
  if (length + sizeof *header > there) {
    absl::StrAppend(&text, " ",
                    Malformed(absl::StrFormat("payload length %u, but %u bytes", length,
                                              there - std::min(there, sizeof *header))));
  }
  return text;
}

std::string ArpWords(ByteCursor bytes) {
  const auto* arp = bytes.Take<net::ArpPacket>();
  if (arp == nullptr) {
    return absl::StrCat("ARP ", Truncated("packet"));
  }
  if (arp->hardware_type.value() != net::ArpPacket::kEthernet ||
      arp->protocol_type.value() != static_cast<std::uint16_t>(EtherType::kIpv4) ||
      arp->hardware_length != sizeof(net::MacAddress) ||
      arp->protocol_length != sizeof(net::Ipv4Address)) {
    return absl::StrCat("ARP ", Malformed("not for IPv4 on Ethernet"));
  }
  switch (arp->operation.value()) {
    case net::ArpPacket::kRequest:
      return absl::StrFormat("ARP who has %s, tell %s at %s", arp->target_ip.ToString(),
                             arp->sender_ip.ToString(), arp->sender_mac.ToString());
    case net::ArpPacket::kReply:
      return absl::StrFormat("ARP %s is at %s", arp->sender_ip.ToString(),
                             arp->sender_mac.ToString());
    default:
      return absl::StrCat("ARP operation ", arp->operation.value());
  }
}

std::string EtherPayloadWords(EtherType type, ByteCursor bytes, std::size_t there) {
  if (type < EtherType::kFirstEtherType) {
    return absl::StrCat("LLC, length ", static_cast<unsigned>(type));
  }
  switch (type) {
    case EtherType::kIpv4:
      return Ipv4Words(bytes, there);
    case EtherType::kIpv6:
      return Ipv6Words(bytes, there);
    case EtherType::kArp:
      return ArpWords(bytes);
    default:
      return absl::StrFormat("EtherType 0x%04x", static_cast<unsigned>(type));
  }
}

std::string FrameWords(ByteCursor bytes, std::size_t there) {
  const auto* ethernet = bytes.Take<net::EthernetHeader>();
  if (ethernet == nullptr) {
    return Truncated("Ethernet header");
  }
  std::string text =
      absl::StrCat(ethernet->source.ToString(), " > ", ethernet->destination.ToString(), ", ");
  there -= std::min(there, sizeof *ethernet);
  EtherType type = ethernet->ether_type();
  while (type == EtherType::kVlan || type == EtherType::kQinQ) {
    const auto* tag = bytes.Take<VlanTag>();
    if (tag == nullptr) {
      return text + Truncated("VLAN tag");
    }
    constexpr unsigned kIdMask = 0xfff;
    absl::StrAppend(&text, "vlan ", tag->control.value() & kIdMask, ", ");
    there -= std::min(there, sizeof *tag);
    type = static_cast<EtherType>(tag->type.value());
  }
  return text + EtherPayloadWords(type, bytes, there);
}

}  // namespace

std::string Dissect(std::span<const std::uint8_t> head, std::uint32_t frame_length,
                    const core::Offload& offload) {
  if (head.empty()) {
    return "(no bytes were read)";
  }
  std::string text = FrameWords(ByteCursor(head), frame_length);
  if (offload.gso != core::Gso::kNone) {
    absl::StrAppend(&text, ", to be segmented by ", offload.gso_size);
  }
  return text;
}

}  // namespace pollux::control
