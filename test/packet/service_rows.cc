// Services: where connections to them go, and that their packets are translated right. Frames are
// compared byte by byte with frames that are built as they should be, so every checksum is
// recomputed.
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::IcmpType;
using net::Icmpv6Type;
using net::IpProtocol;
using net::TcpHeader;

constexpr const char* kClusterIp = "10.96.0.1";
constexpr const char* kClusterIp6 = "fd00:96::1";
constexpr const char* kNode = "192.0.2.1";
constexpr const char* kRemote = "198.51.100.20";  // a pod of another node

ServiceConfig ServiceOf(IpProtocol protocol, std::uint16_t port, std::uint16_t target) {
  const auto frontend = [&](const char* ip) { return FrontendConfig{.ip = Ip(ip), .port = port}; };
  const auto backend = [&](const char* ip) {
    return BackendConfig{.ip = Ip(ip), .port = target, .local = true};
  };
  return {.name = protocol == IpProtocol::kTcp ? "shop/web:http" : "shop/web:dns",
          .protocol = protocol,
          .frontends = {frontend(kClusterIp), frontend(kClusterIp6)},
          .backends = {backend("10.0.0.11"), backend("fd00::11")}};
}

using Edit = std::function<void(ServiceConfig&)>;
std::function<void(PacketSwitch&)> With(ServiceConfig service, const Edit& edit = {}) {
  if (edit) {
    edit(service);
  }
  return [shared = std::make_shared<const ServiceConfig>(std::move(service))](PacketSwitch& s) {
    s.config.services = {shared};
    s.config.cluster.cidrs = {net::IpPrefix::Parse("10.0.0.0/16").value()};
    s.Publish();
  };
}
std::function<void(PacketSwitch&)> WithDns(const Edit& edit = {}) {
  return With(ServiceOf(IpProtocol::kUdp, 53, 5353), edit);
}
std::function<void(PacketSwitch&)> WithWeb(const Edit& edit = {}) {
  return With(ServiceOf(IpProtocol::kTcp, 80, 8080), edit);
}
// The port of every node, on this one's address.
Edit NodePort(std::uint16_t port, const char* backend, bool local_only = false) {
  return [=](ServiceConfig& service) {
    service.frontends.push_back(
        {.ip = Ip(kNode), .port = port, .kind = FrontendKind::kNodePort, .local_only = local_only});
    service.backends = {
        {.ip = Ip(backend), .port = 5353, .local = std::string_view(backend) == "10.0.0.11"}};
  };
}
std::function<void(PacketSwitch&)> AlsoHides(const std::function<void(PacketSwitch&)>& prepare) {
  return [=](PacketSwitch& s) {
    s.config.cluster.node_addresses = {Ip(kNode)};
    s.config.cluster.snat_addresses = {Ip(kNode)};
    s.config.cluster.snat_first_port = s.config.cluster.snat_last_port = 61000;
    prepare(s);
  };
}

Bytes Segment(const FrameTerms& terms, std::uint8_t flags, std::uint16_t from, std::uint16_t to,
              std::uint32_t sequence, std::uint32_t acknowledgement, std::size_t payload = 0) {
  Bytes l4 = Tcp(payload);
  auto& tcp = Overlay<TcpHeader>(l4, 0);
  tcp.flags = flags;
  tcp.source_port = net::Be16(from);
  tcp.destination_port = net::Be16(to);
  tcp.sequence = net::Be32(sequence);
  tcp.acknowledgement = net::Be32(acknowledgement);
  tcp.window = net::Be16(60'000);
  return IpFrame(terms, IpProtocol::kTcp, l4, kTcpChecksumAt);
}
Bytes Datagram(const FrameTerms& terms, std::uint16_t from, std::uint16_t to,
               std::size_t payload = 16) {
  return IpFrame(terms, IpProtocol::kUdp, Udp(payload, from, to), kUdpChecksumAt);
}
Bytes WithoutChecksum(Bytes frame) {
  Overlay<net::UdpHeader>(frame, L4OffsetOf(frame)).checksum = {};
  return frame;
}

FrameTerms ToService(bool v6 = false) {
  return v6 ? FrameTerms{.from = "fd00::10", .to = kClusterIp6} : FrameTerms{.to = kClusterIp};
}
FrameTerms ToBackend(bool v6 = false) {
  return v6 ? FrameTerms{.from = "fd00::10", .to = "fd00::11"} : FrameTerms{};
}
FrameTerms FromBackend(bool v6 = false) {
  return {.from = v6 ? "fd00::11" : "10.0.0.11",
          .to = v6 ? "fd00::10" : "10.0.0.10",
          .from_mac = kOtherPodMac};
}
FrameTerms FromService(bool v6 = false) {
  return {.from = v6 ? kClusterIp6 : kClusterIp,
          .to = v6 ? "fd00::10" : "10.0.0.10",
          .from_mac = kOtherPodMac};
}

// What one port is sent when another sends.
Step Passes(net::PortId from, const Bytes& frame, net::PortId to, const Bytes& as,
            const net::MacAddress& mac, const net::MacAddress& from_mac = kGatewayMac) {
  return {.in = {{from, frame}}, .out = {{to, Forwarded(as, mac, from_mac)}}};
}
Step There(const Bytes& frame, const Bytes& as) {
  return Passes(kPod1, frame, kPod2, as, kOtherPodMac);
}
Step Back(const Bytes& frame, const Bytes& as) { return Passes(kPod2, frame, kPod1, as, kPodMac); }
Step Nowhere(net::PortId port, const Bytes& frame) { return {.in = {{port, frame}}}; }
Step Unreachable(const Bytes& frame, const char* from, const char* to) {
  const bool v6 = Ip(from).is_v6();
  return {.in = {{kPod1, frame}},
          .out = {{kPod1, ErrorFrame(frame, {.from = from,
                                             .to = to,
                                             .type = v6 ? Icmpv6Type::kDestinationUnreachable
                                                        : IcmpType::kDestinationUnreachable,
                                             .code = v6 ? std::uint8_t{4} : std::uint8_t{3}})}}};
}

std::vector<PacketRow> Translations() {
  PacketRow datagrams{.sentence = "datagrams_to_a_service_and_back", .prepare = WithDns()};
  PacketRow bare{.sentence = "a_datagram_without_a_checksum_stays_without", .prepare = WithDns()};
  PacketRow segments{.sentence = "segments_to_a_service_and_back", .prepare = WithWeb()};
  const auto with_offloads = [](PacketSwitch& s) {
    WithWeb()(s);
    s.port(kPod2).set_capabilities({.checksum = true, .tso4 = true, .tso6 = true});
  };
  PacketRow partial{.sentence = "checksums_that_the_pod_left_to_the_device_stay_so",
                    .prepare = with_offloads};
  PacketRow completed{.sentence = "or_are_completed_for_a_device_that_cannot",
                      .prepare = WithWeb()};
  for (const bool v6 : {false, true}) {
    const Bytes query = Datagram(ToService(v6), 1000, 53);
    datagrams.steps.push_back(There(query, Datagram(ToBackend(v6), 1000, 5353)));
    datagrams.steps.push_back(
        Back(Datagram(FromBackend(v6), 5353, 1000), Datagram(FromService(v6), 53, 1000)));
    datagrams.steps.push_back(There(query, Datagram(ToBackend(v6), 1000, 5353)));
    const auto syn = [](const FrameTerms& terms, std::uint16_t to) {
      return Segment(terms, TcpHeader::kSyn, 1000, to, 5000, 0);
    };
    const auto syn_ack = [](const FrameTerms& terms, std::uint16_t from) {
      return Segment(terms, TcpHeader::kSyn | TcpHeader::kAck, from, 1000, 900, 5001);
    };
    const auto data = [](const FrameTerms& terms, std::uint16_t to, std::size_t payload) {
      return Segment(terms, TcpHeader::kAck, 1000, to, 5001, 901, payload);
    };
    const std::vector<Step> handshake = {
        There(syn(ToService(v6), 80), syn(ToBackend(v6), 8080)),
        Back(syn_ack(FromBackend(v6), 8080), syn_ack(FromService(v6), 80))};
    segments.steps.insert(segments.steps.end(), handshake.begin(), handshake.end());
    segments.steps.push_back(There(data(ToService(v6), 80, 100), data(ToBackend(v6), 8080, 100)));
    partial.steps.insert(partial.steps.end(), handshake.begin(), handshake.end());
    completed.steps.insert(completed.steps.end(), handshake.begin(), handshake.end());
    completed.steps.push_back(
        {.in = {{kPod1, Offloaded(data(ToService(v6), 80, 100))}},
         .out = {{kPod2, Forwarded(data(ToBackend(v6), 8080, 100), kOtherPodMac)}}});
    for (const std::uint16_t gso_size : {std::uint16_t{0}, std::uint16_t{1000}}) {
      const std::size_t payload = gso_size == 0 ? 100 : 4000;
      partial.steps.push_back(
          {.in = {{kPod1, Offloaded(data(ToService(v6), 80, payload), gso_size)}},
           .out = {{kPod2, Offloaded(Forwarded(data(ToBackend(v6), 8080, payload), kOtherPodMac),
                                     gso_size)}}});
    }
  }
  bare.steps = {There(WithoutChecksum(Datagram(ToService(), 1000, 53)),
                      WithoutChecksum(Datagram(ToBackend(), 1000, 5353)))};
  // The backend is the client: it would answer itself past the switch, so it sees the service.
  const Edit only_itself = [](ServiceConfig& service) {
    service.backends = {{.ip = Ip("10.0.0.10"), .port = 5353, .local = true}};
  };
  PacketRow hairpin{
      .sentence = "a_pod_that_is_its_own_backend_sees_the_service_as_client",
      .steps = {Passes(kPod1, Datagram(ToService(), 1000, 53), kPod1,
                       Datagram({.from = kClusterIp, .to = "10.0.0.10"}, 1000, 5353), kPodMac),
                Passes(kPod1, Datagram({.from = "10.0.0.10", .to = kClusterIp}, 5353, 1000), kPod1,
                       Datagram({.from = kClusterIp, .to = "10.0.0.10"}, 53, 1000), kPodMac)},
      .prepare = WithDns(only_itself)};
  return {std::move(datagrams), std::move(bare),      std::move(segments),
          std::move(partial),   std::move(completed), std::move(hairpin)};
}

std::vector<PacketRow> Errors() {
  PacketRow about{.sentence = "an_error_about_a_translated_packet_is_translated_whole",
                  .prepare = WithDns()};
  for (const bool v6 : {false, true}) {
    const Bytes query = Datagram(ToService(v6), 1000, 53);
    const Bytes arrived = Forwarded(Datagram(ToBackend(v6), 1000, 5353), kOtherPodMac);
    const Bytes sent = Forwarded(query, kOtherPodMac);  // its TTL is that of the way, too
    const auto error = [&](const Bytes& offending, const char* from) {
      return ErrorFrame(offending, {.from = from,
                                    .to = v6 ? "fd00::10" : "10.0.0.10",
                                    .type = v6 ? Icmpv6Type::kDestinationUnreachable
                                               : IcmpType::kDestinationUnreachable,
                                    .code = v6 ? std::uint8_t{4} : std::uint8_t{3},
                                    .from_mac = kOtherPodMac,
                                    .to_mac = kGatewayMac});
    };
    about.steps.push_back(There(query, Datagram(ToBackend(v6), 1000, 5353)));
    about.steps.push_back(Back(error(arrived, v6 ? "fd00::11" : "10.0.0.11"),
                               error(sent, v6 ? kClusterIp6 : kClusterIp)));
  }
  return {std::move(about)};
}

std::vector<PacketRow> Refusals() {
  const Edit nobody = [](ServiceConfig& service) { service.backends.clear(); };
  const Edit not_here = [](ServiceConfig& service) {
    service.frontends[0].local_only = true;
    service.backends = {{.ip = Ip(kRemote), .port = 5353}};
  };
  const Edit for_others = [](ServiceConfig& service) {
    service.frontends[0].source_ranges = {net::IpPrefix::Parse("203.0.113.0/24").value()};
  };
  const Bytes syn = Segment(ToService(), TcpHeader::kSyn, 1000, 80, 5000, 0);
  const Bytes syn6 = Segment(ToService(true), TcpHeader::kSyn, 1000, 80, 5000, 0);
  const auto rst = [](const FrameTerms& terms) {
    Bytes l4 = Tcp(0);
    auto& tcp = Overlay<TcpHeader>(l4, 0);
    tcp.flags = TcpHeader::kRst | TcpHeader::kAck;
    tcp.source_port = net::Be16(80);
    tcp.destination_port = net::Be16(1000);
    tcp.sequence = {};
    tcp.acknowledgement = net::Be32(5001);
    tcp.window = {};
    Bytes frame = IpFrame(terms, IpProtocol::kTcp, l4, kTcpChecksumAt);
    if (Ip(terms.from).is_v4()) {
      Overlay<net::Ipv4Header>(frame, 14).id = {};
      RenewIpv4Checksum(frame);
    }
    return frame;
  };
  const Bytes rst4 = rst({.from = kClusterIp,
                          .to = "10.0.0.10",
                          .from_mac = kGatewayMac,
                          .to_mac = kPodMac,
                          .fragment = net::Ipv4Header::kDontFragment});
  const Bytes rst6 =
      rst({.from = kClusterIp6, .to = "fd00::10", .from_mac = kGatewayMac, .to_mac = kPodMac});
  return {
      {.sentence = "without_endpoints_tcp_is_reset",
       .steps = {{.in = {{kPod1, syn}}, .out = {{kPod1, rst4}}},
                 {.in = {{kPod1, syn6}}, .out = {{kPod1, rst6}}}},
       .drops = {{"service_no_endpoint", 2}},
       .prepare = WithWeb(nobody)},
      {.sentence = "without_endpoints_datagrams_get_port_unreachable",
       .steps = {Unreachable(Datagram(ToService(), 1000, 53), kClusterIp, "10.0.0.10"),
                 Unreachable(Datagram(ToService(true), 1000, 53), kClusterIp6, "fd00::10")},
       .drops = {{"service_no_endpoint", 2}},
       .prepare = WithDns(nobody)},
      {.sentence = "a_port_that_a_service_does_not_have",
       .steps = {Unreachable(Datagram(ToService(), 1000, 54), kClusterIp, "10.0.0.10")},
       .drops = {{"service_port", 1}},
       .prepare = WithDns()},
      {.sentence = "policy_local_without_endpoints_here_is_silent",
       .steps = {Nowhere(kPod1, Datagram(ToService(), 1000, 53))},
       .drops = {{"service_not_local", 1}},
       .prepare = WithDns(not_here)},
      {.sentence = "clients_outside_the_source_ranges",
       .steps = {Nowhere(kPod1, Datagram(ToService(), 1000, 53))},
       .drops = {{"service_source", 1}},
       .prepare = WithDns(for_others)},
  };
}

std::vector<PacketRow> NodePorts() {
  const FrameTerms client{
      .from = "198.51.100.7", .to = kNode, .from_mac = kRouterMac, .to_mac = kUplinkMac};
  const auto to_backend = [&](const char* ip, const char* from = "198.51.100.7") {
    return FrameTerms{.from = from, .to = ip, .from_mac = kRouterMac, .to_mac = kUplinkMac};
  };
  const Bytes query = Datagram(client, 1000, 30053);
  return {
      {.sentence = "a_node_port_with_its_backend_here_shows_it_the_client",
       .steps = {Passes(kUplink, query, kPod2, Datagram(to_backend("10.0.0.11"), 1000, 5353),
                        kOtherPodMac)},
       .prepare = AlsoHides(WithDns(NodePort(30053, "10.0.0.11")))},
      {.sentence = "a_node_port_is_refused_without_local_backends_under_policy_local",
       .steps = {Nowhere(kUplink, query)},
       .drops = {{"service_not_local", 1}},
       .prepare = AlsoHides(WithDns(NodePort(30053, kRemote, /*local_only=*/true)))},
      {.sentence = "another_port_of_the_node_is_the_nodes",
       .steps = {Nowhere(kUplink, Datagram(client, 1000, 30054))},
       .drops = {{"gateway_service", 1}},
       .prepare = AlsoHides(WithDns(NodePort(30053, "10.0.0.11")))},
  };
}

// The router answers when it is asked for, and what waited leaves.
std::vector<Step> LeavesByTheRouter(net::PortId from, const Bytes& frame, const Bytes& as) {
  const Bytes question = ArpFrame({.sender = kNode, .target = "192.0.2.9", .from_mac = kUplinkMac});
  const Bytes answer = ArpFrame({.operation = net::ArpPacket::kReply,
                                 .sender = "192.0.2.9",
                                 .target = kNode,
                                 .from_mac = kRouterMac,
                                 .to_mac = kUplinkMac,
                                 .target_mac = kUplinkMac});
  return {{.in = {{from, frame}}, .out = {{kUplink, question}}},
          {.in = {{kUplink, answer}}, .out = {{kUplink, Forwarded(as, kRouterMac, kUplinkMac)}}}};
}

std::vector<PacketRow> HiddenSources() {
  const auto from_wire = [](const char* from, const char* to) {
    return FrameTerms{.from = from, .to = to, .from_mac = kRouterMac, .to_mac = kUplinkMac};
  };
  const FrameTerms client = from_wire("198.51.100.7", kNode);
  PacketRow node_port{.sentence = "a_backend_of_another_node_sees_this_one",
                      .steps = LeavesByTheRouter(kUplink, Datagram(client, 1000, 30053),
                                                 Datagram(from_wire(kNode, kRemote), 61000, 5353)),
                      .drops = {{"source_ports", 1}},
                      .prepare = AlsoHides(WithDns(NodePort(30053, kRemote)))};
  node_port.steps.push_back(Passes(kUplink, Datagram(from_wire(kRemote, kNode), 5353, 61000),
                                   kUplink, Datagram(from_wire(kNode, "198.51.100.7"), 30053, 1000),
                                   kRouterMac, kUplinkMac));
  // The range has one port, and the pair of addresses and ports behind it is taken.
  node_port.steps.push_back(Nowhere(kUplink, Datagram(client, 1001, 30053)));

  const auto masquerade = [](PacketSwitch& s) {
    s.config.cluster.masquerade = true;
    s.config.cluster.masquerade_exclude = {net::IpPrefix::Parse("198.51.100.128/25").value()};
    AlsoHides(WithDns())(s);
  };
  PacketRow pods{
      .sentence = "what_pods_send_out_of_the_cluster_hides_behind_the_node",
      .steps = LeavesByTheRouter(kPod1, Datagram({.to = "198.51.100.7"}, 1000, 53),
                                 Datagram({.from = kNode, .to = "198.51.100.7"}, 61000, 53)),
      .prepare = masquerade};
  pods.steps.push_back(Passes(kUplink, Datagram(from_wire("198.51.100.7", kNode), 53, 61000), kPod1,
                              Datagram(from_wire("198.51.100.7", "10.0.0.10"), 53, 1000), kPodMac));
  // Another destination: the port may be used again.
  pods.steps.push_back(Passes(kPod1, Datagram({.to = "198.51.100.8"}, 1000, 53), kUplink,
                              Datagram({.from = kNode, .to = "198.51.100.8"}, 61000, 53),
                              kRouterMac, kUplinkMac));
  pods.steps.push_back(Passes(kPod1, Datagram({.to = "198.51.100.200"}, 1000, 53), kUplink,
                              Datagram({.to = "198.51.100.200"}, 1000, 53), kRouterMac,
                              kUplinkMac));
  return {std::move(node_port), std::move(pods)};
}

}  // namespace

std::vector<PacketRow> ServiceRows() {
  std::vector<PacketRow> rows;
  for (const auto& more : {Translations(), Errors(), Refusals(), NodePorts(), HiddenSources()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace pollux::stages::testing
