#include "dataplane/stages/fragment.h"

#include <algorithm>

#include "dataplane/stages/packet_tuple.h"
#include "dataplane/stages/renew.h"
#include "dataplane/tables/fragment_table.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Packet;
using core::Verdict;
using tables::FragmentPlace;
using tables::FragmentTable;
using Result = FragmentTable::Result;

struct Fragment {
  FragmentTable::Key key;
  FragmentPlace place;
};

FragmentPlace PlaceOf(std::uint32_t first, std::uint32_t length, bool more) {
  return {.first = static_cast<std::uint16_t>(first),
          .end = static_cast<std::uint16_t>(first + length),
          .more = more};
}

Fragment ReadV4(Packet& packet, FragmentTable::Key key) {
  const net::Ipv4Header& ip = packet.ipv4();
  const std::uint16_t word = ip.fragment.value();
  key.identification = ip.id.value();
  key.protocol = ip.protocol;
  return {key, PlaceOf((word & net::Ipv4Header::kOffsetMask) * 8U,
                       packet.frame_length() - packet.l3_offset - ip.header_length(),
                       (word & net::Ipv4Header::kMoreFragments) != 0)};
}

// Parse has walked the same way, to the fragment header and beyond: it is there.
unsigned FragmentHeaderAt(Packet& packet) {
  constexpr unsigned kLength = sizeof(net::Ipv6FragmentHeader);
  net::IpProtocol next = packet.ipv6().next_header;
  unsigned at = packet.l3_offset + unsigned{sizeof(net::Ipv6Header)};
  while (next != net::IpProtocol::kFragment && at + kLength <= packet.head_length) {
    const unsigned length = packet.head[at + 1];
    const bool authentication = next == net::IpProtocol::kAuthentication;
    next = static_cast<net::IpProtocol>(packet.head[at]);
    at += authentication ? (length + 2) * 4 : (length + 1) * 8;  // RFC 4302 section 2.2, RFC 8200
  }
  return std::min(at, packet.head_length - kLength);
}

Fragment ReadV6(Packet& packet, FragmentTable::Key key) {
  const unsigned at = FragmentHeaderAt(packet);
  const auto& header = *reinterpret_cast<const net::Ipv6FragmentHeader*>(packet.head + at);
  key.identification = header.id.value();
  key.protocol = header.next_header;
  const std::uint16_t word = header.offset_and_more.value();
  return {key, PlaceOf(word & 0xfff8U,
                       packet.frame_length() - at - unsigned{sizeof(net::Ipv6FragmentHeader)},
                       (word & 1U) != 0)};
}

Fragment Read(const Context& ctx, Packet& packet) {
  const net::FlowTuple addresses = AddressesOf(packet);
  const FragmentTable::Key key{.source = addresses.source,
                               .destination = addresses.destination,
                               .identification = 0,
                               .protocol = {},
                               .zone = ctx.zone,
                               .ingress = packet.ingress};
  return packet.ip == core::IpVersion::k4 ? ReadV4(packet, key) : ReadV6(packet, key);
}

DropReason ReasonOf(Result result) {
  switch (result) {
    case Result::kKnown:
      return DropReason::kNone;
    case Result::kUnknown:
      return DropReason::kFragmentUnknown;
    case Result::kDuplicate:
      return DropReason::kFragmentDuplicate;
    case Result::kOverlap:
    case Result::kContradicts:
    case Result::kPoisoned:
      return DropReason::kFragmentOverlap;
    case Result::kScattered:
    case Result::kQuota:
    case Result::kFull:
      break;
  }
  return DropReason::kFragmentLimit;
}

Verdict VerdictOf(Result result) {
  return result == Result::kKnown ? Verdict::Continue() : Verdict::Drop(ReasonOf(result));
}

}  // namespace

Verdict RememberFragment(Context& ctx, Packet& packet) {
  const Fragment fragment = Read(ctx, packet);
  const tables::Direction& direction = *packet.direction;
  const FragmentTable::Owner owner{
      .original = KeyOf(tables::ConnectionOf(*packet.direction), /*reply=*/false),
      .reply = direction.reply};
  return VerdictOf(
      ctx.worker.flows->fragments.AddFirst(fragment.key, fragment.place, owner, ctx.now));
}

Verdict FindFragment(Context& ctx, Packet& packet) {
  Flows& flows = *ctx.worker.flows;
  const Fragment fragment = Read(ctx, packet);
  const FragmentTable::Found found =
      flows.fragments.AddLater(fragment.key, fragment.place, ctx.now);
  if (found.result != Result::kKnown) {
    return Verdict::Drop(ReasonOf(found.result));
  }
  tables::Direction* original = flows.connections.Find(found.owner.original);
  if (original == nullptr) {
    return Verdict::Drop(DropReason::kFragmentUnknown);  // its connection ended
  }
  return Renew(ctx, packet, found.owner.reply ? tables::OppositeOf(*original) : *original);
}

}  // namespace pollux::stages
