// ICMP errors: to whom, from which address, about what, and how many.
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::IcmpType;
using net::Icmpv6Type;

constexpr std::uint16_t kSmallMtu = 1400;
constexpr std::uint16_t kDf = net::Ipv4Header::kDontFragment;

PacketRow Error(const char* sentence, net::PortId port, const Bytes& offending,
                const ErrorTerms& error, const char* reason) {
  return {.sentence = sentence,
          .steps = {{.in = {{port, offending}}, .out = {{port, ErrorFrame(offending, error)}}}},
          .drops = {{reason, 1}},
          .options = {.pod2_mtu = kSmallMtu}};
}
PacketRow NoError(const char* sentence, const Bytes& offending,
                  const char* reason = "ttl_exceeded") {
  return {.sentence = sentence, .steps = {{.in = {{kPod1, offending}}}}, .drops = {{reason, 1}}};
}

std::vector<PacketRow> Kinds() {
  const ErrorTerms to_pod{"169.254.1.1", "10.0.0.10"};
  const ErrorTerms to_pod6{"fe80::1", "fd00::10"};
  const auto kind = [](ErrorTerms terms, std::uint8_t type, std::uint8_t code,
                       std::uint16_t mtu = 0) {
    terms.type = type;
    terms.code = code;
    terms.mtu = mtu;
    return terms;
  };
  const FrameTerms six{.from = "fd00::10", .to = "fd00::11"};
  FrameTerms six_ttl1 = six;
  six_ttl1.ttl = 1;
  return {
      Error("ttl_runs_out", kPod1, UdpFrame({.ttl = 1}), kind(to_pod, 11, 0), "ttl_exceeded"),
      Error("hop_limit_runs_out", kPod1, UdpFrame(six_ttl1), kind(to_pod6, 3, 0), "ttl_exceeded"),
      Error("no_route", kPod1, TcpFrame({.to = "203.0.113.1"}), kind(to_pod, 3, 0), "no_route"),
      Error("no_route_ipv6", kPod1, TcpFrame({.from = "fd00::10", .to = "2001:db8:9::1"}),
            kind(to_pod6, 1, 0), "no_route"),
      Error("too_big", kPod1, UdpFrame({.fragment = kDf}, 1400), kind(to_pod, 3, 4, kSmallMtu),
            "mtu_exceeded"),
      Error("too_big_ipv6", kPod1, UdpFrame(six, 1400), kind(to_pod6, 2, 0, kSmallMtu),
            "mtu_exceeded"),
      Error("about_an_echo_request", kPod1, PingFrame({.ttl = 1}, 900), kind(to_pod, 11, 0),
            "ttl_exceeded"),
  };
}

std::vector<PacketRow> Sources() {
  ErrorTerms wire{.from = "192.0.2.1",
                  .to = "198.51.100.7",
                  .type = 11,
                  .from_mac = kUplinkMac,
                  .to_mac = kRouterMac};
  ErrorTerms wire6 = wire;
  wire6.from = "2001:db8::1";
  wire6.to = "2001:db8:3::7";
  wire6.type = 3;
  return {
      Error("to_the_wire_from_the_uplinks_address", kUplink,
            UdpFrame({"198.51.100.7", "10.0.0.10", kRouterMac, kUplinkMac, 1}), wire,
            "ttl_exceeded"),
      Error("to_the_wire_from_the_uplinks_address_ipv6", kUplink,
            UdpFrame({"2001:db8:3::7", "fd00::10", kRouterMac, kUplinkMac, 1}), wire6,
            "ttl_exceeded"),
      // The gateway's address must not leave the node.
      Error("to_the_host_from_the_destination", kHost,
            UdpFrame({"198.18.0.1", "10.0.0.10", kHostMac, kGatewayMac, 1}),
            {.from = "10.0.0.10", .to = "198.18.0.1", .type = 11, .to_mac = kHostMac},
            "ttl_exceeded"),
      Error("to_a_pods_second_address", kPod1, UdpFrame({.from = "10.0.0.110", .ttl = 1}),
            {.from = "169.254.1.1", .to = "10.0.0.110", .type = 11}, "ttl_exceeded"),
  };
}

std::vector<PacketRow> Silence() {
  return {
      NoError("none_about_an_error", IcmpFrame({.ttl = 1}, IcmpType::kDestinationUnreachable),
              "icmp_unrelated"),
      NoError("none_about_an_error_ipv6",
              IcmpFrame({.from = "fd00::10", .to = "fd00::11", .ttl = 1},
                        Icmpv6Type::kDestinationUnreachable),
              "icmp_unrelated"),
      NoError("none_about_a_later_fragment",
              IpFrame({.ttl = 1, .fragment = 9}, net::IpProtocol::kUdp, Pattern(64)),
              "fragment_unknown"),
  };
}

// Fifty at once, then a hundred a second, and each port has its own.
PacketRow RateLimit() {
  const Bytes offending = UdpFrame({.ttl = 1});
  const Out error{kPod1, ErrorFrame(offending, {"169.254.1.1", "10.0.0.10", 11})};
  const Bytes others = UdpFrame({"10.0.0.11", "10.0.0.10", kOtherPodMac, kGatewayMac, 1});
  const Out others_error{
      kPod2,
      ErrorFrame(others,
                 {.from = "169.254.1.1", .to = "10.0.0.11", .type = 11, .to_mac = kOtherPodMac})};
  const std::vector<In> flood(60, In{kPod1, offending});
  return {.sentence = "errors_are_limited_per_port",
          .steps = {{.in = flood, .out = std::vector<Out>(50, error)},
                    {.in = {{kPod2, others}}, .out = {others_error}},
                    {.in = flood, .out = std::vector<Out>(10, error), .after_milliseconds = 100}},
          .drops = {{"ttl_exceeded", 121}}};
}

}  // namespace

std::vector<PacketRow> ErrorRows() {
  std::vector<PacketRow> rows = Kinds();
  for (auto more : {Sources(), Silence(), std::vector<PacketRow>{RateLimit()}}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace pollux::stages::testing
