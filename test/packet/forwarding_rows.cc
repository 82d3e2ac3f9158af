// Pods, the host and the wire talk to each other and to the gateway.
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::ArpPacket;
using net::Icmpv6Type;
using net::NeighborMessage;

const FrameTerms kSix{.from = "fd00::10", .to = "fd00::11"};

PacketRow Carries(const char* sentence, net::PortId from, const Bytes& frame, net::PortId to,
                  const net::MacAddress& to_mac) {
  return {.sentence = sentence,
          .steps = {{.in = {{from, frame}}, .out = {{to, Forwarded(frame, to_mac)}}}}};
}
PacketRow Answers(const char* sentence, const Bytes& question, const Bytes& answer,
                  net::PortId port = kPod1) {
  return {.sentence = sentence, .steps = {{.in = {{port, question}}, .out = {{port, answer}}}}};
}

Bytes FromWire(std::string_view to, std::size_t payload = 64) {
  return UdpFrame({.from = Ip(to).is_v6() ? "2001:db8:3::7" : "198.51.100.7",
                   .to = to,
                   .from_mac = kRouterMac,
                   .to_mac = kUplinkMac},
                  payload);
}
Bytes EchoReply(std::string_view from, std::string_view to, std::size_t payload) {
  return IcmpFrame({.from = from, .to = to, .from_mac = kGatewayMac, .to_mac = kPodMac},
                   Ip(from).is_v6() ? Icmpv6Type::kEchoReply : net::IcmpType::kEchoReply, payload);
}
ArpTerms ArpReply(std::string_view sender) {
  return {.operation = ArpPacket::kReply,
          .sender = sender,
          .target = "10.0.0.10",
          .from_mac = kGatewayMac,
          .to_mac = kPodMac,
          .target_mac = kPodMac};
}

std::vector<PacketRow> Unicast() {
  const FrameTerms from_pod2{.from = "10.0.0.11", .to = "10.0.0.110", .from_mac = kOtherPodMac};
  const FrameTerms from_host{.from = "198.18.0.1", .to = "10.0.0.10", .from_mac = kHostMac};
  return {
      Carries("pod_to_pod", kPod1, UdpFrame(), kPod2, kOtherPodMac),
      Carries("pod_to_pod_ipv6", kPod1, UdpFrame(kSix), kPod2, kOtherPodMac),
      Carries("pod_to_pod_tcp_with_options", kPod1, TcpFrame({}, 1400, 12), kPod2, kOtherPodMac),
      Carries("pod_to_pod_ping", kPod1, PingFrame(kSix, 1000), kPod2, kOtherPodMac),
      Carries("pod_to_pod_without_payload", kPod1, UdpFrame({}, 0), kPod2, kOtherPodMac),
      Carries("from_a_pods_second_address", kPod1, UdpFrame({.from = "10.0.0.110"}), kPod2,
              kOtherPodMac),
      Carries("to_a_pods_second_address", kPod2, UdpFrame(from_pod2), kPod1, kPodMac),
      Carries("to_an_address_that_the_wire_sees", kPod1, UdpFrame({.to = "192.0.2.50"}), kPod2,
              kOtherPodMac),
      Carries("a_pod_to_itself", kPod1, UdpFrame({.to = "10.0.0.110"}), kPod1, kPodMac),
      Carries("pod_to_host", kPod1, UdpFrame({.to = "198.18.0.1"}), kHost, kHostMac),
      Carries("host_to_pod", kHost, UdpFrame(from_host), kPod1, kPodMac),
      Carries("wire_to_pod", kUplink, FromWire("10.0.0.10"), kPod1, kPodMac),
      Carries("wire_to_pod_ipv6", kUplink, FromWire("fd00::10", 1300), kPod1, kPodMac),
      Carries("wire_to_an_address_on_its_link", kUplink, FromWire("192.0.2.50"), kPod2,
              kOtherPodMac),
      Carries(
          "the_first_fragment", kPod1,
          IpFrame({.fragment = net::Ipv4Header::kMoreFragments}, net::IpProtocol::kUdp, Udp(64)),
          kPod2, kOtherPodMac),
      Carries("a_router_alert", kPod1, UdpFrame({.options = {148, 4, 0, 0}}), kPod2, kOtherPodMac),
      Carries("an_unknown_protocol", kPod1, IpFrame({}, net::IpProtocol::kGre, Pattern(40)), kPod2,
              kOtherPodMac),
  };
}

std::vector<PacketRow> Gateway() {
  return {
      Answers("ping_of_the_gateway", PingFrame({.to = "169.254.1.1", .ttl = 1}),
              EchoReply("169.254.1.1", "10.0.0.10", 56)),
      Answers("ping_of_the_gateway_beyond_the_head", PingFrame({.to = "169.254.1.1"}, 1400),
              EchoReply("169.254.1.1", "10.0.0.10", 1400)),
      Answers("ping_of_the_gateway_from_a_second_address",
              PingFrame({.from = "10.0.0.110", .to = "169.254.1.1"}),
              EchoReply("169.254.1.1", "10.0.0.110", 56)),
      Answers("ping_of_the_gateway_ipv6", PingFrame({.from = "fd00::10", .to = "fe80::1"}),
              EchoReply("fe80::1", "fd00::10", 56)),
      Answers("arp_for_the_gateway", ArpFrame(), ArpFrame(ArpReply("169.254.1.1"))),
      Answers("arp_for_another_pod", ArpFrame({.target = "10.0.0.11"}),
              ArpFrame(ArpReply("10.0.0.11"))),
      Answers("arp_for_anybody", ArpFrame({.target = "8.8.8.8"}), ArpFrame(ArpReply("8.8.8.8"))),
      Answers("neighbour_solicitation_for_the_gateway", NeighbourFrame(),
              NeighbourFrame({.type = Icmpv6Type::kNeighborAdvertisement,
                              .flags = NeighborMessage::kRouter | NeighborMessage::kSolicited |
                                       NeighborMessage::kOverride,
                              .from = "fe80::1",
                              .to = "fd00::10",
                              .target = "fe80::1",
                              .from_mac = kGatewayMac,
                              .to_mac = kPodMac})),
      Answers("arp_on_the_wire_for_a_pods_address_there",
              ArpFrame({.sender = "192.0.2.9", .target = "192.0.2.50", .from_mac = kRouterMac}),
              ArpFrame({.operation = ArpPacket::kReply,
                        .sender = "192.0.2.50",
                        .target = "192.0.2.9",
                        .from_mac = kUplinkMac,
                        .to_mac = kRouterMac,
                        .target_mac = kRouterMac}),
              kUplink),
  };
}

// More than a burst, to several ports, in order.
PacketRow ManyFrames() {
  Step step;
  for (std::size_t i = 0; i < 150; ++i) {
    const bool to_host = i % 3 == 0;
    const Bytes frame = UdpFrame({.to = to_host ? "198.18.0.1" : "10.0.0.11"}, i * 9);
    step.in.push_back({kPod1, frame});
    step.out.push_back(
        {to_host ? kHost : kPod2, Forwarded(frame, to_host ? kHostMac : kOtherPodMac)});
  }
  return {.sentence = "many_frames_to_several_ports_keep_their_order", .steps = {step}};
}

std::vector<PacketRow> Bytewise() {
  Bytes padded = UdpFrame({}, 0);
  padded.resize(60);
  Bytes far_padded = UdpFrame({}, 0);
  far_padded.resize(400, 0xcc);
  const Bytes ordinary = UdpFrame({}, 700);
  OffloadedFrame partial = Offloaded(ordinary);
  OffloadedFrame kept = partial;
  kept.bytes = Forwarded(partial.bytes, kOtherPodMac);
  const Out trimmed{kPod2, Forwarded(UdpFrame({}, 0), kOtherPodMac)};
  return {
      {.sentence = "ethernet_padding_is_left_out",
       .steps = {{.in = {{kPod1, padded}, {kPod1, far_padded}}, .out = {trimmed, trimmed}}}},
      {.sentence = "a_partial_checksum_is_completed",
       .steps = {{.in = {{kPod1, partial}}, .out = {{kPod2, Forwarded(ordinary, kOtherPodMac)}}}}},
      {.sentence = "a_partial_checksum_stays_for_who_takes_it",
       .steps = {{.in = {{kPod1, partial}}, .out = {{kPod2, kept}}}},
       .prepare = [](PacketSwitch& s) { s.port(kPod2).set_capabilities({.checksum = true}); }},
      {.sentence = "jumbo_frames",
       .steps = {{.in = {{kPod1, UdpFrame({}, 8972)}, {kPod1, UdpFrame(kSix, 8952)}},
                  .out = {{kPod2, Forwarded(UdpFrame({}, 8972), kOtherPodMac)},
                          {kPod2, Forwarded(UdpFrame(kSix, 8952), kOtherPodMac)}}}},
       .options = {.pod1_mtu = 9000, .pod2_mtu = 9000}},
  };
}

}  // namespace

std::vector<PacketRow> ForwardingRows() {
  std::vector<PacketRow> rows = Unicast();
  for (auto more : {Gateway(), Bytewise(), std::vector<PacketRow>{ManyFrames()}}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace pollux::stages::testing
