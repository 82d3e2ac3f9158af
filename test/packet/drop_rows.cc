// One row or more for each reason that no other table provokes.
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using core::DropReason;
using net::Icmpv6Type;
using net::IpProtocol;

using Prepare = std::function<void(PacketSwitch&)>;

// A frame that ends without a trace but its counter.
PacketRow Drops(const char* sentence, const char* reason, std::variant<Bytes, OffloadedFrame> frame,
                net::PortId port = kPod1, Prepare prepare = {}) {
  In in{port, {}};
  std::visit([&](auto& f) { in.what = f; }, frame);
  return {.sentence = sentence,
          .steps = {{.in = {in}}},
          .drops = {{reason, 1}},
          .prepare = std::move(prepare)};
}
// A frame that the port itself refused to hand over.
PacketRow Refused(const char* sentence, DropReason reason) {
  return {.sentence = sentence,
          .steps = {{.in = {{kPod1, reason}}}},
          .drops = {{std::string(core::Describe(reason).name), 1}}};
}
// A frame that the destination did not take.
PacketRow Undelivered(const char* sentence, DropReason reason) {
  return Drops(sentence, std::string_view(core::Describe(reason).name).data(), UdpFrame(), kPod1,
               [=](PacketSwitch& s) { s.port(kPod2).set_refusal(reason); });
}

Bytes OfType(std::uint16_t type) {
  Bytes frame = UdpFrame();
  Overlay<net::EthernetHeader>(frame, 0).type.set(type);
  return frame;
}
Bytes Changed(Bytes frame, std::size_t at, std::uint8_t value) {
  frame.at(at) = value;
  return frame;
}
// An IPv6 frame whose first extension header is `extension`.
Bytes Extended(IpProtocol type, Bytes extension) {
  const Bytes udp = Udp(40);
  extension[0] = static_cast<std::uint8_t>(IpProtocol::kUdp);
  AppendBytes(extension, udp);
  return IpFrame({.from = "fd00::10", .to = "fd00::11"}, type, extension);
}

std::vector<PacketRow> ReceiveAndParse() {
  OffloadedFrame contradiction = Offloaded(UdpFrame());
  contradiction.offload.checksum_start = 33;
  return {
      Refused("the_ring_is_broken", DropReason::kRingDescriptor),
      Refused("the_frame_lies_in_too_many_pieces", DropReason::kTooManySegments),
      Refused("the_port_is_being_removed", DropReason::kPortClosed),
      Drops("an_offload_header_that_contradicts_its_frame", "ring_offload", contradiction),
      Drops("no_whole_ethernet_header", "frame_too_short", Bytes(13, 2)),
      Drops("longer_than_the_mtu", "frame_too_long", UdpFrame({}, 1473)),
      Drops("an_llc_frame", "ethernet_llc", OfType(64)),
      Drops("a_vlan_tag", "vlan_tagged", OfType(0x8100)),
      Drops("an_unknown_ether_type", "ether_type_unknown", OfType(0x88cc)),
      Drops("ipv4_of_version_6", "ipv4_header", Changed(UdpFrame(), 14, 0x65)),
      Drops("a_flipped_bit_in_an_ipv4_header", "ipv4_checksum", Changed(UdpFrame(), 15, 1)),
      Drops("a_source_route", "ipv4_options", UdpFrame({.options = {131, 3, 4, 0}})),
      Drops("ipv6_of_version_4", "ipv6_header",
            Changed(UdpFrame({.from = "fd00::10", .to = "fd00::11"}), 14, 0x40)),
      Drops("an_option_longer_than_its_header", "ipv6_extension",
            Extended(IpProtocol::kDestinationOptions, {0, 0, 0x1e, 9, 0, 0, 0, 0})),
      Drops("an_ipv6_source_route", "ipv6_routing_header",
            Extended(IpProtocol::kRouting, Bytes(8))),
      Drops("a_tcp_header_in_tiny_fragments", "fragment_invalid",
            IpFrame({.fragment = 1}, IpProtocol::kTcp, Bytes(64))),
      Drops("half_a_udp_header", "l4_header", IpFrame({}, IpProtocol::kUdp, Bytes(4))),
      Drops("the_longest_headers_of_all", "headers_too_long",
            TcpFrame({.options = Bytes(40, 1)}, 100, 40)),
  };
}

std::vector<PacketRow> Guard() {
  const auto no_endpoint = [](PacketSwitch& s) {
    s.config.endpoints.erase(s.config.endpoints.begin());
    s.Publish();
  };
  const auto closed = [](PacketSwitch& s) {
    s.config.endpoints.front().open = false;
    s.Publish();
  };
  const Bytes server = IpFrame({}, IpProtocol::kUdp, Udp(240, 67, 68), kUdpChecksumAt);
  const Bytes spoofed_advertisement = NeighbourFrame(
      {.type = Icmpv6Type::kNeighborAdvertisement, .to = "fe80::1", .target = "fd00::11"});
  return {
      Drops("a_port_without_endpoint", "port_without_endpoint", UdpFrame(), kPod1, no_endpoint),
      Drops("an_endpoint_that_waits_for_its_policy", "endpoint_closed", UdpFrame(), kPod1, closed),
      Drops("another_pods_mac", "source_mac", UdpFrame({.from_mac = kOtherPodMac})),
      Drops("another_pods_address", "source_ip", UdpFrame({.from = "10.0.0.11"})),
      Drops("another_pods_address_ipv6", "source_ip",
            UdpFrame({.from = "fd00::11", .to = "fd00::10"})),
      Drops("another_pods_address_in_arp", "arp_spoof", ArpFrame({.sender = "10.0.0.11"})),
      Drops("another_pods_address_in_an_advertisement", "nd_spoof", spoofed_advertisement),
      Drops("a_pods_address_from_the_wire", "uplink_spoof",
            UdpFrame({"10.0.0.10", "10.0.0.11", kRouterMac, kUplinkMac}), kUplink),
      Drops("a_pod_that_plays_the_router", "router_advertisement",
            IcmpFrame({.from = "fe80::10", .to = "ff02::1"}, Icmpv6Type::kRouterAdvertisement)),
      Drops("a_pod_that_plays_the_dhcp_server", "dhcp_server", server),
  };
}

std::vector<PacketRow> AnswersNot() {
  Bytes arp_of_other_hardware = ArpFrame();
  Overlay<net::ArpPacket>(arp_of_other_hardware, 14).hardware_type.set(6);
  Bytes wrong_checksum = NeighbourFrame();
  wrong_checksum[56] ^= 1;
  const net::MacAddress all_nodes = {{0x33, 0x33, 0, 0, 0, 1}};
  return {
      Drops("arp_that_is_not_for_ethernet", "arp_invalid", arp_of_other_hardware),
      Drops("a_probe_of_ones_own_address", "arp_own_address",
            ArpFrame({.sender = "0.0.0.0", .target = "10.0.0.10"})),
      Drops("an_announcement_of_ones_own_address", "arp_own_address",
            ArpFrame({.target = "10.0.0.10"})),
      Drops("a_pods_arp_reply", "arp_reply_ignored",
            ArpFrame({.operation = net::ArpPacket::kReply})),
      Drops("arp_for_another_host_on_the_wire", "arp_ignored",
            ArpFrame({.sender = "192.0.2.9", .target = "192.0.2.10", .from_mac = kRouterMac}),
            kUplink),
      Drops("a_solicitation_that_passed_a_router", "nd_invalid",
            [] {
              Bytes frame = NeighbourFrame();
              Overlay<net::Ipv6Header>(frame, 14).hop_limit = 254;
              return frame;
            }()),
      Drops("duplicate_address_detection", "nd_own_address",
            NeighbourFrame({.from = "::", .to = "ff02::1:ff00:10", .target = "fd00::10"})),
      Drops(
          "a_pods_advertisement", "nd_ignored",
          NeighbourFrame(
              {.type = Icmpv6Type::kNeighborAdvertisement, .to = "fe80::1", .target = "fd00::10"})),
      Drops("a_solicitation_with_a_wrong_checksum", "icmp_checksum", wrong_checksum),
      Drops("ip_multicast", "multicast",
            UdpFrame({.to = "224.0.0.251", .to_mac = {{1, 0, 0x5e, 0, 0, 0xfb}}})),
      Drops("ip_multicast_ipv6", "multicast",
            UdpFrame({.from = "fd00::10", .to = "ff02::1", .to_mac = all_nodes})),
      Drops("for_another_pods_mac", "not_for_gateway", UdpFrame({.to_mac = kOtherPodMac})),
      Drops("no_service_of_the_gateway", "gateway_service", TcpFrame({.to = "169.254.1.1"})),
  };
}

std::vector<PacketRow> RoutesNot() {
  const auto closed = [](PacketSwitch& s) {
    s.config.endpoints.back().open = false;
    s.Publish();
  };
  const FrameTerms wire{
      .from = "198.51.100.7", .to = "10.0.0.10", .from_mac = kRouterMac, .to_mac = kUplinkMac};
  FrameTerms from_loopback = wire;
  from_loopback.from = "127.0.0.1";
  FrameTerms from_link_local = wire;
  from_link_local.from = "169.254.3.4";
  FrameTerms back = wire;
  back.to = "198.51.100.8";
  return {
      Drops("loopback_on_the_wire", "martian_source", UdpFrame(from_loopback), kUplink),
      Drops("link_local_from_the_wire", "martian_source", UdpFrame(from_link_local), kUplink),
      Drops("to_loopback", "martian_destination", UdpFrame({.to = "127.0.0.1"})),
      Drops("to_link_local_ipv6", "martian_destination",
            UdpFrame({.from = "fd00::10", .to = "fe80::99"})),
      Drops("to_an_endpoint_that_waits_for_its_policy", "destination_closed", UdpFrame(), kPod1,
            closed),
      Drops("back_to_the_wire", "same_interface", UdpFrame(back), kUplink),
  };
}

std::vector<PacketRow> SendsNot() {
  PacketRow full{
      .sentence = "a_full_destination",
      .steps = {{.in = std::vector<In>(5, In{kPod1, UdpFrame()}),
                 .out = std::vector<Out>(2, Out{kPod2, Forwarded(UdpFrame(), kOtherPodMac)})}},
      .drops = {{"dest_full", 3}},
      .prepare = [](PacketSwitch& s) { s.port(kPod2).set_capacity(2); }};
  PacketRow segments = full;
  segments.sentence = "a_destination_that_is_full_after_the_first_segments";
  segments.steps = {{.in = {{kPod1, Offloaded(TcpFrame({}, 5000), 1000)}}}};
  segments.prepare = [](PacketSwitch& s) { s.port(kPod2).set_capacity(0); };
  segments.drops = {{"dest_full", 5}};
  return {
      full,
      segments,
      Drops("a_destination_without_peer", "dest_down", UdpFrame(), kPod1,
            [](PacketSwitch& s) { s.port(kPod2).set_link_up(false); }),
      Drops("a_destination_that_is_gone", "dest_down", UdpFrame(), kPod1,
            [](PacketSwitch& s) { s.Forget(kPod2); }),
      Undelivered("a_destination_that_another_worker_writes", DropReason::kDestinationBusy),
      Undelivered("a_destination_of_bad_buffers", DropReason::kDestinationBuffer),
      Undelivered("a_destination_of_small_buffers", DropReason::kDestinationTooSmall),
      Undelivered("a_destination_without_buffers_in_the_pool", DropReason::kNoBuffers),
      Undelivered("a_device_that_refuses_the_frame", DropReason::kDeviceError),
  };
}

}  // namespace

std::vector<PacketRow> DropRows() {
  std::vector<PacketRow> rows;
  for (const auto& more : {ReceiveAndParse(), Guard(), AnswersNot(), RoutesNot(), SendsNot()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace pollux::stages::testing
