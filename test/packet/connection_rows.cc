// What opens a connection, what belongs to one, and what belongs to none.
#include <utility>

#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::IcmpType;
using net::Icmpv6Type;
using net::IpProtocol;
using net::TcpHeader;

constexpr SwitchOptions kStartedLongAgo{.pickup_milliseconds = 0};

const FrameTerms kBack{.from = "10.0.0.11", .to = "10.0.0.10", .from_mac = kOtherPodMac};
const FrameTerms kSix{.from = "fd00::10", .to = "fd00::11"};
const FrameTerms kSixBack{.from = "fd00::11", .to = "fd00::10", .from_mac = kOtherPodMac};

// Of a connection between port 1000 and port 80, by its numbers.
struct Numbers {
  std::uint32_t sequence = 5001;
  std::uint32_t acknowledgement = 901;
};
Bytes Segment(const FrameTerms& terms, std::uint8_t flags, std::uint16_t from, std::uint16_t to,
              const Numbers& numbers = {}) {
  Bytes l4 = Tcp(0);
  auto& tcp = Overlay<TcpHeader>(l4, 0);
  tcp.flags = flags;
  tcp.source_port = net::Be16(from);
  tcp.destination_port = net::Be16(to);
  tcp.sequence = net::Be32(numbers.sequence);
  tcp.acknowledgement = net::Be32(numbers.acknowledgement);
  return IpFrame(terms, IpProtocol::kTcp, l4, kTcpChecksumAt);
}
Bytes Datagram(const FrameTerms& terms, std::uint16_t from, std::uint16_t to = 53) {
  return IpFrame(terms, IpProtocol::kUdp, Udp(16, from, to), kUdpChecksumAt);
}
Bytes Pong(const FrameTerms& terms) {
  return IcmpFrame(terms, Ip(terms.from).is_v6() ? Icmpv6Type::kEchoReply : IcmpType::kEchoReply);
}

// pod1 sends, pod2 gets it; and the other way round.
Step There(const Bytes& frame) {
  return {.in = {{kPod1, frame}}, .out = {{kPod2, Forwarded(frame, kOtherPodMac)}}};
}
Step Back(const Bytes& frame) {
  return {.in = {{kPod2, frame}}, .out = {{kPod1, Forwarded(frame, kPodMac)}}};
}
Step Nowhere(net::PortId port, const Bytes& frame) { return {.in = {{port, frame}}}; }
// The sender is told that there is no such connection.
Step Refused(net::PortId port, const Bytes& frame, const FrameTerms& back, std::uint16_t from,
             std::uint16_t to, std::uint32_t sequence) {
  Bytes l4 = Tcp(0);
  auto& tcp = Overlay<TcpHeader>(l4, 0);
  tcp.flags = TcpHeader::kRst;
  tcp.source_port = net::Be16(from);
  tcp.destination_port = net::Be16(to);
  tcp.sequence = net::Be32(sequence);
  tcp.acknowledgement = {};
  tcp.window = {};
  FrameTerms terms = back;
  terms.to_mac = std::exchange(terms.from_mac, kGatewayMac) == kPodMac ? kOtherPodMac : kPodMac;
  terms.fragment = net::Ipv4Header::kDontFragment;
  Bytes reset = IpFrame(terms, IpProtocol::kTcp, l4, kTcpChecksumAt);
  Overlay<net::Ipv4Header>(reset, 14).id = {};
  RenewIpv4Checksum(reset);
  return {.in = {{port, frame}}, .out = {{port, reset}}};
}
Step Later(std::uint64_t milliseconds, Step step) {
  step.after_milliseconds = milliseconds;
  return step;
}

std::vector<PacketRow> Openings() {
  const Bytes segment = Segment({}, TcpHeader::kAck, 1000, 80);
  const Bytes syn = Segment({}, TcpHeader::kSyn, 1000, 80, {5000, 0});
  const Bytes syn_ack = Segment(kBack, TcpHeader::kSyn | TcpHeader::kAck, 80, 1000, {900, 5001});
  PacketRow clash{
      .sentence = "a_packet_that_is_its_own_reply",
      .steps = {Nowhere(kPod1, IpFrame({.to = "10.0.0.10"}, IpProtocol::kGre, Pattern(40)))},
      .drops = {{"connection_clash", 1}}};
  return {
      {.sentence = "a_syn_opens_and_segments_follow_both_ways",
       .steps = {There(syn), Back(syn_ack), There(segment)},
       .options = kStartedLongAgo},
      {.sentence = "a_segment_of_no_connection",
       .steps = {Refused(kPod1, segment, kBack, 80, 1000, 901)},
       .drops = {{"tcp_not_opening", 1}},
       .options = kStartedLongAgo},
      {.sentence = "a_syn_ack_opens_nothing",
       .steps = {Refused(kPod2, syn_ack, {}, 1000, 80, 5001)},
       .drops = {{"tcp_not_opening", 1}},
       .options = kStartedLongAgo},
      {.sentence = "after_a_start_segments_are_picked_up_for_a_while",
       .steps = {There(segment), Back(Segment(kBack, TcpHeader::kAck, 80, 1000, {901, 5001})),
                 Later(61'000, There(segment)),
                 Refused(kPod1, Segment({}, TcpHeader::kAck, 1001, 80), kBack, 80, 1001, 901)},
       .drops = {{"tcp_not_opening", 1}}},
      {.sentence = "a_reset_is_not_picked_up",
       .steps = {Nowhere(kPod1, Segment({}, TcpHeader::kRst, 1000, 80))},
       .drops = {{"tcp_not_opening", 1}}},
      {.sentence = "echo_requests_open_and_replies_follow",
       .steps = {There(PingFrame()), Back(Pong(kBack)), There(PingFrame(kSix)),
                 Back(Pong(kSixBack))}},
      {.sentence = "echo_replies_that_nobody_asked_for",
       .steps = {Nowhere(kPod2, Pong(kBack)), Nowhere(kPod2, Pong(kSixBack))},
       .drops = {{"icmp_unrelated", 2}}},
      {.sentence = "an_echo_request_is_no_reply_to_one",
       .steps = {There(PingFrame()), Back(PingFrame(kBack))}},
      {.sentence = "a_protocol_that_nobody_knows_is_one_connection",
       .steps = {There(IpFrame({}, IpProtocol::kGre, Pattern(40))),
                 Back(IpFrame(kBack, IpProtocol::kGre, Pattern(44)))}},
      std::move(clash),
  };
}

// Rows that begin with the same handshake.
PacketRow Established(const char* sentence, const std::vector<Step>& then,
                      std::map<std::string, std::uint64_t> drops = {}) {
  std::vector<Step> steps = {
      There(Segment({}, TcpHeader::kSyn, 1000, 80, {5000, 0})),
      Back(Segment(kBack, TcpHeader::kSyn | TcpHeader::kAck, 80, 1000, {900, 5001})),
      There(Segment({}, TcpHeader::kAck, 1000, 80)),
      Back(Segment(kBack, TcpHeader::kAck, 80, 1000, {901, 5001}))};
  steps.insert(steps.end(), then.begin(), then.end());
  return {.sentence = sentence,
          .steps = std::move(steps),
          .drops = std::move(drops),
          .options = kStartedLongAgo};
}

std::vector<PacketRow> TcpRows() {
  using H = TcpHeader;
  const auto to = [](std::uint8_t flags, const Numbers& numbers = {}) {
    return Segment({}, flags, 1000, 80, numbers);
  };
  const auto from = [](std::uint8_t flags, const Numbers& numbers = {901, 5001}) {
    return Segment(kBack, flags, 80, 1000, numbers);
  };
  const Bytes new_syn = to(H::kSyn, {700'000, 0});
  const Bytes syn_of_the_other_end = from(H::kSyn, {800'000, 0});
  return {
      Established("far_beyond_the_window", {Nowhere(kPod1, to(H::kAck, {5'000'000, 901}))},
                  {{"tcp_window", 1}}),
      Established("an_acknowledgement_of_what_was_never_sent",
                  {Nowhere(kPod1, to(H::kAck, {5001, 90'000}))}, {{"tcp_window", 1}}),
      Established("flags_that_nobody_sends",
                  {Nowhere(kPod1, to(H::kSyn | H::kFin)), Nowhere(kPod1, to(0)),
                   Nowhere(kPod1, to(H::kSyn | H::kRst))},
                  {{"tcp_flags", 3}}),
      Established("a_guessed_reset_does_nothing",
                  {Nowhere(kPod2, from(H::kRst, {5'000'000, 0})), There(to(H::kAck))},
                  {{"tcp_window", 1}}),
      Established("after_a_reset_a_syn_opens_another_connection",
                  {Back(from(H::kRst | H::kAck)), There(new_syn),
                   Back(from(H::kSyn | H::kAck, {60'000, 700'001})),
                   There(to(H::kAck, {700'001, 60'001}))}),
      Established("or_a_syn_of_the_other_end",
                  {There(to(H::kRst | H::kAck)), Back(syn_of_the_other_end),
                   There(to(H::kSyn | H::kAck, {60'000, 800'001}))}),
      Established("after_both_fins_as_well",
                  {There(to(H::kFin | H::kAck)), Back(from(H::kAck, {901, 5002})),
                   Back(from(H::kFin | H::kAck, {901, 5002})), There(to(H::kAck, {5002, 902})),
                   There(new_syn), Back(from(H::kSyn | H::kAck, {60'000, 700'001}))}),
      Established("a_closed_connection_is_forgotten_soon",
                  {There(to(H::kRst | H::kAck)),
                   Later(13'000, Refused(kPod2, from(H::kAck), {}, 1000, 80, 5001))},
                  {{"tcp_not_opening", 1}}),
      Established("an_established_one_is_not",
                  {Later(3'600'000, Back(from(H::kAck))), There(to(H::kAck))}),
  };
}

std::vector<PacketRow> Ends() {
  // Of the two in the table one may be a port's.
  const SwitchOptions two{.connections = 2};
  return {
      {.sentence = "a_port_has_a_quota_and_established_ones_go_on",
       .steps = {There(Datagram({}, 1)), Nowhere(kPod1, Datagram({}, 2)), There(Datagram({}, 1))},
       .drops = {{"connection_quota", 1}},
       .options = two},
      {.sentence = "a_full_table_takes_nothing_and_established_ones_go_on",
       .steps = {There(Datagram({}, 1)), Back(Datagram(kBack, 2)),
                 Nowhere(kHost, Datagram({"198.18.0.1", "10.0.0.10", kHostMac}, 3)),
                 There(Datagram({}, 1)), Back(Datagram(kBack, 2)), Back(Datagram(kBack, 53, 1))},
       .drops = {{"connection_table_full", 1}},
       .options = two},
      {.sentence = "an_unanswered_datagram_is_forgotten_after_half_a_minute",
       .steps = {There(Datagram({}, 1)), Later(29'000, Nowhere(kPod1, Datagram({}, 2))),
                 Later(3'000, There(Datagram({}, 2)))},
       .drops = {{"connection_quota", 1}},
       .options = two},
      {.sentence = "an_answered_one_after_two_minutes",
       .steps = {There(Datagram({}, 1)), Back(Datagram(kBack, 53, 1)),
                 Later(118'000, Nowhere(kPod1, Datagram({}, 2))),
                 Later(4'000, There(Datagram({}, 2)))},
       .drops = {{"connection_quota", 1}},
       .options = two},
      {.sentence = "packets_of_either_direction_keep_it_alive",
       .steps = {There(Datagram({}, 1)), Later(20'000, Back(Datagram(kBack, 53, 1))),
                 Later(100'000, Back(Datagram(kBack, 53, 1))),
                 Later(100'000, There(Datagram({}, 1))), Nowhere(kPod1, Datagram({}, 2))},
       .drops = {{"connection_quota", 1}},
       .options = two},
  };
}

// An error about `offending`, from somebody on the way or at its end.
Bytes About(const Bytes& offending, std::string_view from, const char* to,
            const net::MacAddress& from_mac, const net::MacAddress& to_mac) {
  const bool v6 = Ip(from).is_v6();
  return ErrorFrame(offending, {.from = from,
                                .to = to,
                                .type = v6 ? Icmpv6Type::kDestinationUnreachable
                                           : IcmpType::kDestinationUnreachable,
                                .code = v6 ? std::uint8_t{4} : std::uint8_t{3},
                                .from_mac = from_mac,
                                .to_mac = to_mac});
}

std::vector<PacketRow> Errors() {
  const Bytes datagram = Datagram({}, 1);
  const Bytes datagram6 = Datagram(kSix, 1);
  const Bytes about =
      About(Forwarded(datagram, kOtherPodMac), "10.0.0.11", "10.0.0.10", kOtherPodMac, kGatewayMac);
  const Bytes about6 =
      About(Forwarded(datagram6, kOtherPodMac), "fd00::11", "fd00::10", kOtherPodMac, kGatewayMac);
  const Bytes of_the_wire = Datagram(
      {.from = "198.51.100.7", .to = "10.0.0.10", .from_mac = kRouterMac, .to_mac = kUplinkMac}, 7);
  const Bytes about_others =
      About(of_the_wire, "10.0.0.11", "198.51.100.7", kOtherPodMac, kGatewayMac);
  return {
      {.sentence = "an_error_follows_the_packet_that_it_quotes",
       .steps = {There(datagram), Back(about), There(datagram6), Back(about6)}},
      {.sentence = "an_error_about_nothing_that_passed",
       .steps = {Nowhere(kPod2, about), Nowhere(kPod2, about6)},
       .drops = {{"icmp_unrelated", 2}}},
      {.sentence = "a_pod_speaks_about_its_own_connections_only",
       .steps = {{.in = {{kUplink, of_the_wire}},
                  .out = {{kPod1, Forwarded(of_the_wire, kPodMac)}}},
                 Nowhere(kPod2, about_others)},
       .drops = {{"icmp_unrelated", 1}}},
      {.sentence = "an_error_that_quotes_too_little",
       .steps = {There(datagram),
                 Nowhere(kPod2, ErrorFrame(Bytes(datagram.begin(), datagram.begin() + 40),
                                           {.from = "10.0.0.11",
                                            .to = "10.0.0.10",
                                            .type = IcmpType::kDestinationUnreachable,
                                            .from_mac = kOtherPodMac,
                                            .to_mac = kGatewayMac}))},
       .drops = {{"icmp_unrelated", 1}}},
  };
}

}  // namespace

std::vector<PacketRow> ConnectionRows() {
  std::vector<PacketRow> rows;
  for (const auto& more : {Openings(), TcpRows(), Ends(), Errors()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace pollux::stages::testing
