#include "dataplane/stages/answer_nd.h"

#include <optional>
#include <span>

#include "dataplane/net/checksum.h"
#include "dataplane/stages/link_message.h"
#include "dataplane/stages/local_address.h"
#include "dataplane/stages/neighbour.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;
using net::Icmpv6Type;
using net::Ipv6Address;
using net::LinkLayerOption;
using net::NeighborMessage;

// A solicitation or advertisement, taken out of the packet, which may become the answer.
struct Message {
  Ipv6Address source;
  Ipv6Address destination;
  Ipv6Address target;
  std::uint32_t flags = 0;
  net::MacAddress sender;                       // Ethernet source
  std::optional<net::MacAddress> link_address;  // of the option that goes with the type
};

bool HasRightChecksum(Packet& packet, std::uint32_t length) {
  auto sum = net::PseudoHeaderSum(packet.ipv6(), net::IpProtocol::kIcmpv6, length);
  sum.Add({packet.head + packet.l4_offset, length});
  return sum.Finish().raw() == 0;
}

// Options of RFC 4861 section 4.6; false if one is malformed.
bool ReadOptions(std::span<const std::uint8_t> options, std::uint8_t wanted,
                 std::optional<net::MacAddress>& link_address) {
  while (!options.empty()) {
    const std::size_t length = options.size() < 2 ? 0 : std::size_t{options[1]} * 8;
    if (length == 0 || length > options.size()) {
      return false;
    }
    const auto* option = reinterpret_cast<const LinkLayerOption*>(options.data());
    if (option->type == wanted && length == sizeof *option && !option->mac.is_group()) {
      link_address = option->mac;
    }
    options = options.subspan(length);
  }
  return true;
}

// What RFC 4861 sections 7.1.1 and 7.1.2 ask of both; nullopt if it does not hold.
std::optional<Message> ReadMessage(Packet& packet, std::uint32_t length, std::uint8_t option) {
  if (length < sizeof(NeighborMessage)) {
    return std::nullopt;
  }
  const auto& header = *packet.HeaderAt<NeighborMessage>(packet.l4_offset);
  Message message{.source = packet.ipv6().source,
                  .destination = packet.ipv6().destination,
                  .target = header.target,
                  .flags = header.flags.value(),
                  .sender = packet.ethernet().source,
                  .link_address = {}};
  const std::span options(packet.head + packet.l4_offset + sizeof header, length - sizeof header);
  if (!ReadOptions(options, option, message.link_address) || !IsHostSource(message.target)) {
    return std::nullopt;
  }
  return message;
}

Verdict Advertise(Context& ctx, Packet& packet, const Message& asked, Claim claim) {
  const bool probe = asked.source.is_zero();
  // Section 4.4: the answer of a proxy does not override.
  const std::uint32_t flags = NeighborMessage::kRouter | (probe ? 0 : NeighborMessage::kSolicited) |
                              (claim == Claim::kOwn ? NeighborMessage::kOverride : 0);
  const Ipv6Address to = probe ? Ipv6Address::AllNodes() : asked.source;
  WriteNeighbourMessage(
      packet, {.type = Icmpv6Type::kNeighborAdvertisement,
               .flags = flags,
               .mac = ctx.ingress.local_mac,
               .ethernet_destination =
                   probe ? net::MulticastMac(to) : asked.link_address.value_or(asked.sender),
               .source = AdvertisementSource(ctx.ingress, asked.target),
               .destination = to,
               .target = asked.target});
  packet.egress = packet.ingress;
  return Verdict::Send();
}

// Section 7.1.1.
bool IsProperSolicitation(const Message& m) {
  if (m.source.is_zero()) {
    return m.destination == Ipv6Address::SolicitedNode(m.target) && !m.link_address;
  }
  return IsHostSource(m.source) && !m.sender.is_group();
}

Verdict AnswerSolicitation(Context& ctx, Packet& packet, const Message& asked) {
  if (!IsProperSolicitation(asked)) {
    return Verdict::Drop(DropReason::kNdInvalid);
  }
  const bool on_wire = ctx.ingress.role == core::PortRole::kUplink;
  const bool learned = on_wire && asked.link_address && !asked.source.is_zero() &&
                       LearnNeighbour(ctx, {.ip = asked.source, .mac = *asked.link_address});
  const Claim claim = ClaimOf(ctx, asked.target);
  const bool probe = asked.source.is_zero();
  if (claim == Claim::kOwn || (claim == Claim::kProxy && (on_wire || !probe))) {
    return Advertise(ctx, packet, asked, claim);
  }
  if (learned) {
    return Verdict::Consumed();
  }
  return Verdict::Drop(claim == Claim::kEndpoint ? DropReason::kNdOwnAddress
                                                 : DropReason::kNdIgnored);
}

Verdict TakeAdvertisement(Context& ctx, const Message& told) {
  const bool solicited = (told.flags & NeighborMessage::kSolicited) != 0;
  // Section 7.1.2: what everybody hears answers nobody's question.
  if (!IsHostSource(told.source) || (solicited && told.destination.is_multicast())) {
    return Verdict::Drop(DropReason::kNdInvalid);
  }
  if (ctx.ingress.role != core::PortRole::kUplink || !told.link_address) {
    return Verdict::Drop(DropReason::kNdIgnored);
  }
  const bool learned =
      LearnNeighbour(ctx, {.ip = told.target,
                           .mac = *told.link_address,
                           .answers_us = solicited,
                           .overrides = (told.flags & NeighborMessage::kOverride) != 0});
  return learned ? Verdict::Consumed() : Verdict::Drop(DropReason::kNdIgnored);
}

}  // namespace

Verdict AnswerNeighbourDiscovery(Context& ctx, Packet& packet) {
  const auto& icmp = *packet.HeaderAt<net::IcmpHeader>(packet.l4_offset);
  constexpr std::uint8_t kNeverForwarded = 255;
  if (packet.ipv6().hop_limit != kNeverForwarded || icmp.code != 0) {
    return Verdict::Drop(DropReason::kNdInvalid);
  }
  if (packet.payload_length > 0) {
    return Verdict::Drop(DropReason::kHeadersTooLong);
  }
  const std::uint32_t length = packet.frame_length() - packet.l4_offset;
  if (!HasRightChecksum(packet, length)) {
    return Verdict::Drop(DropReason::kIcmpChecksum);
  }
  const bool solicitation = icmp.type == Icmpv6Type::kNeighborSolicitation;
  if (!solicitation && icmp.type != Icmpv6Type::kNeighborAdvertisement) {
    return Verdict::Drop(DropReason::kNdIgnored);
  }
  const auto message = ReadMessage(
      packet, length, solicitation ? LinkLayerOption::kSource : LinkLayerOption::kTarget);
  if (!message) {
    return Verdict::Drop(DropReason::kNdInvalid);
  }
  return solicitation ? AnswerSolicitation(ctx, packet, *message)
                      : TakeAdvertisement(ctx, *message);
}

}  // namespace pollux::stages
