#include "dataplane/stages/answer_arp.h"

#include "dataplane/stages/link_message.h"
#include "dataplane/stages/local_address.h"
#include "dataplane/stages/neighbour.h"

namespace pollux::stages {
namespace {

using core::DropReason;
using core::Verdict;
using net::ArpPacket;

bool IsWellFormed(const ArpPacket& arp) {
  const std::uint16_t operation = arp.operation.value();
  return arp.hardware_type.value() == ArpPacket::kEthernet &&
         arp.protocol_type.value() == static_cast<std::uint16_t>(net::EtherType::kIpv4) &&
         arp.hardware_length == sizeof(net::MacAddress) &&
         arp.protocol_length == sizeof(net::Ipv4Address) &&
         (operation == ArpPacket::kRequest || operation == ArpPacket::kReply) &&
         !arp.sender_mac.is_group() && !arp.sender_mac.is_zero() &&
         (arp.sender_ip.is_zero() || IsHostSource(arp.sender_ip)) && IsHostSource(arp.target_ip);
}

// Only what answers a question of ours may make a neighbour known; the rest may move a known one.
bool LearnSender(Context& ctx, const core::Packet& packet, const ArpPacket& arp) {
  const auto& ethernet = *packet.HeaderAt<net::EthernetHeader>(0);
  const bool answers_us = arp.operation.value() == ArpPacket::kReply &&
                          ethernet.destination == ctx.ingress.local_mac &&
                          IsSwitchAddress(ctx.ingress, arp.target_ip);
  return LearnNeighbour(ctx,
                        {.ip = arp.sender_ip, .mac = arp.sender_mac, .answers_us = answers_us});
}

Verdict Reply(Context& ctx, core::Packet& packet, const ArpPacket& request) {
  WriteArp(packet, {.operation = ArpPacket::kReply,
                    .sender_mac = ctx.ingress.local_mac,
                    .sender_ip = request.target_ip,
                    .ethernet_destination = request.sender_mac,
                    .target_mac = request.sender_mac,
                    .target_ip = request.sender_ip});
  packet.egress = packet.ingress;
  return Verdict::Send();
}

}  // namespace

Verdict AnswerArp(Context& ctx, core::Packet& packet) {
  const ArpPacket* header = packet.HeaderAt<ArpPacket>(packet.l3_offset);
  if (header == nullptr || !IsWellFormed(*header)) {
    return Verdict::Drop(DropReason::kArpInvalid);
  }
  const ArpPacket arp = *header;
  const bool on_wire = ctx.ingress.role == core::PortRole::kUplink;
  const bool learned = on_wire && LearnSender(ctx, packet, arp);
  if (arp.operation.value() == ArpPacket::kReply) {
    return learned ? Verdict::Consumed() : Verdict::Drop(DropReason::kArpReplyIgnored);
  }
  const Claim claim = ClaimOf(ctx, arp.target_ip);
  const bool announces = arp.sender_ip == arp.target_ip;
  const bool probes = arp.sender_ip.is_zero();
  if (!announces && (claim == Claim::kOwn || (claim == Claim::kProxy && (on_wire || !probes)))) {
    return Reply(ctx, packet, arp);
  }
  if (learned) {
    return Verdict::Consumed();
  }
  return Verdict::Drop(claim == Claim::kEndpoint || (announces && !on_wire)
                           ? DropReason::kArpOwnAddress
                           : DropReason::kArpIgnored);
}

}  // namespace pollux::stages
