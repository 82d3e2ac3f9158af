// Next hops on the wire are asked for; meanwhile a few packets wait.
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::ArpPacket;
using net::Icmpv6Type;
using net::NeighborMessage;

constexpr std::string_view kRemote = "198.51.100.7";
constexpr std::string_view kRemote6 = "2001:db8:3::7";

Bytes ToWire(std::size_t payload) { return UdpFrame({.to = kRemote}, payload); }
Bytes ToWire6(std::size_t payload) {
  return UdpFrame({.from = "fd00::10", .to = kRemote6}, payload);
}
Out Leaves(const Bytes& frame) { return {kUplink, Forwarded(frame, kRouterMac, kUplinkMac)}; }

Bytes Question(std::string_view target = "192.0.2.9") {
  return ArpFrame({.sender = "192.0.2.1", .target = target, .from_mac = kUplinkMac});
}
Bytes AnswerOf(const net::MacAddress& mac, std::string_view sender = "192.0.2.9") {
  return ArpFrame({.operation = ArpPacket::kReply,
                   .sender = sender,
                   .target = "192.0.2.1",
                   .from_mac = mac,
                   .to_mac = kUplinkMac,
                   .target_mac = kUplinkMac});
}
Bytes Question6() {
  return NeighbourFrame({.from = "2001:db8::1",
                         .to = "ff02::1:ff00:9",
                         .target = "2001:db8::9",
                         .from_mac = kUplinkMac,
                         .to_mac = {{0x33, 0x33, 0xff, 0, 0, 9}}});
}
Bytes Answer6() {
  return NeighbourFrame({.type = Icmpv6Type::kNeighborAdvertisement,
                         .flags = NeighborMessage::kSolicited | NeighborMessage::kOverride,
                         .from = "2001:db8::9",
                         .to = "2001:db8::1",
                         .target = "2001:db8::9",
                         .from_mac = kRouterMac,
                         .to_mac = kUplinkMac});
}

PacketRow NobodyAnswers() {
  return {.sentence = "a_router_that_does_not_answer_is_asked_three_times_and_given_up",
          .steps = {{.in = {{kPod1, ToWire(10)}}, .out = {{kUplink, Question()}}},
                    {.out = {{kUplink, Question()}}, .after_milliseconds = 1500},
                    {.out = {{kUplink, Question()}}, .after_milliseconds = 1000},
                    {.after_milliseconds = 1500},
                    {.in = {{kPod1, ToWire(20)}},
                     .out = {{kPod1, ErrorFrame(ToWire(20), {"169.254.1.1", "10.0.0.10", 3, 1})}}},
                    // After a while it may be asked for again.
                    {.in = {{kPod1, ToWire(30)}},
                     .out = {{kUplink, Question()}},
                     .after_milliseconds = 6000},
                    {.in = {{kUplink, AnswerOf(kRouterMac)}}, .out = {Leaves(ToWire(30))}}},
          .drops = {{"neighbour_failed", 2}}};
}

}  // namespace

std::vector<PacketRow> NeighbourRows() {
  const Bytes announcement =
      ArpFrame({.sender = "192.0.2.9", .target = "192.0.2.9", .from_mac = {{2, 0, 0, 0, 0, 0x98}}});
  return {
      {.sentence = "the_first_packet_waits_for_the_router",
       .steps = {{.in = {{kPod1, ToWire(10)}}, .out = {{kUplink, Question()}}},
                 {.in = {{kUplink, AnswerOf(kRouterMac)}}, .out = {Leaves(ToWire(10))}},
                 {.in = {{kPod1, ToWire(1000)}}, .out = {Leaves(ToWire(1000))}}}},
      {.sentence = "the_first_packet_waits_for_the_router_ipv6",
       .steps = {{.in = {{kPod1, ToWire6(10)}}, .out = {{kUplink, Question6()}}},
                 {.in = {{kUplink, Answer6()}}, .out = {Leaves(ToWire6(10))}},
                 {.in = {{kPod1, ToWire6(1000)}}, .out = {Leaves(ToWire6(1000))}}}},
      {.sentence = "three_packets_wait_and_the_fourth_does_not",
       .steps =
           {{.in = {{kPod1, ToWire(1)}, {kPod1, ToWire(2)}, {kPod1, ToWire(3)}, {kPod1, ToWire(4)}},
             .out = {{kUplink, Question()}}},
            {.in = {{kUplink, AnswerOf(kRouterMac)}},
             .out = {Leaves(ToWire(1)), Leaves(ToWire(2)), Leaves(ToWire(3))}}},
       .drops = {{"neighbour_pending", 1}}},
      {.sentence = "a_host_on_the_link_is_asked_for_itself",
       .steps = {{.in = {{kPod1, UdpFrame({.to = "192.0.2.77"})}},
                  .out = {{kUplink, Question("192.0.2.77")}}},
                 {.in = {{kUplink, AnswerOf(kRouterMac, "192.0.2.77")}},
                  .out = {Leaves(UdpFrame({.to = "192.0.2.77"}))}}}},
      {.sentence = "an_answer_that_nobody_asked_for_is_not_believed",
       .steps = {{.in = {{kUplink, announcement}}},
                 {.in = {{kPod1, ToWire(1)}}, .out = {{kUplink, Question()}}}},
       .drops = {{"arp_ignored", 1}}},
      {.sentence = "a_known_router_may_move",
       .steps = {{.in = {{kPod1, ToWire(1)}}, .out = {{kUplink, Question()}}},
                 {.in = {{kUplink, AnswerOf(kRouterMac)}}, .out = {Leaves(ToWire(1))}},
                 {.in = {{kUplink, announcement}}},
                 {.in = {{kPod1, ToWire(2)}},
                  .out = {{kUplink, Forwarded(ToWire(2), {{2, 0, 0, 0, 0, 0x98}}, kUplinkMac)}}}}},
      NobodyAnswers(),
  };
}

}  // namespace pollux::stages::testing
