// What network policies let through, between pods of this switch and with the world.
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::IpProtocol;

policy::Profile ProfileOf(const char* name) {
  return {.name_space = "shop",
          .namespace_labels = {{"kubernetes.io/metadata.name", "shop"}},
          .labels = {{"app", name}},
          .named_ports = {}};
}
policy::Selector App(const char* name) {
  return {{{.key = "app", .op = policy::Operator::kIn, .values = {name}}}};
}
policy::Rule FromPods(const char* name, std::vector<policy::PortMatch> ports = {}) {
  return {.peers = {policy::PodPeers{.namespaces = {}, .pods = App(name)}},
          .ports = std::move(ports)};
}
policy::Rule FromBlock(const char* cidr) {
  return {.peers = {policy::IpBlock{.cidr = net::IpPrefix::Parse(cidr).value(), .except = {}}},
          .ports = {}};
}
policy::PortMatch UdpPort(std::uint16_t port) {
  return policy::PortRange{.protocol = IpProtocol::kUdp, .first = port, .last = port};
}

using Rules = std::optional<std::vector<policy::Rule>>;

// pod1 is the client, pod2 the server, both of namespace shop.
std::function<void(PacketSwitch&)> With(const char* selects, Rules ingress, Rules egress = {},
                                        bool audit = false) {
  const policy::Policy policy{.name_space = "shop",
                              .name = "policy",
                              .pods = App(selects),
                              .audit = audit,
                              .ingress = std::move(ingress),
                              .egress = std::move(egress)};
  return [=](PacketSwitch& s) {
    s.config.endpoints[0].pod = "shop/client";
    s.config.endpoints[1].pod = "shop/server";
    for (const char* name : {"client", "server"}) {
      s.config.workloads.push_back(std::make_shared<const WorkloadConfig>(
          WorkloadConfig{.name = std::string("shop/") + name, .profile = ProfileOf(name)}));
    }
    s.config.policies = {std::make_shared<const policy::Policy>(policy)};
    s.config.cluster.node_addresses = {Ip("198.18.0.1")};
    s.Publish();
  };
}

const FrameTerms kBack{.from = "10.0.0.11", .to = "10.0.0.10", .from_mac = kOtherPodMac};

Bytes Datagram(const FrameTerms& terms, std::uint16_t from, std::uint16_t to) {
  return IpFrame(terms, IpProtocol::kUdp, Udp(16, from, to), kUdpChecksumAt);
}
Step Passes(net::PortId from, const Bytes& frame, net::PortId to, const net::MacAddress& mac) {
  return {.in = {{from, frame}}, .out = {{to, Forwarded(frame, mac)}}};
}
Step There(const Bytes& frame) { return Passes(kPod1, frame, kPod2, kOtherPodMac); }
Step Back(const Bytes& frame) { return Passes(kPod2, frame, kPod1, kPodMac); }
Step Nowhere(net::PortId port, const Bytes& frame) { return {.in = {{port, frame}}}; }

const Rules kNothing = std::vector<policy::Rule>{};

}  // namespace

std::vector<PacketRow> PolicyRows() {
  const Bytes query = Datagram({}, 1000, 53);
  const Bytes answer = Datagram(kBack, 53, 1000);
  const auto from_host = [](const char* from) {
    return Datagram({from, "10.0.0.11", kHostMac}, 1000, 53);
  };
  const auto rules = [](policy::Rule rule) { return std::vector{std::move(rule)}; };
  return {
      {.sentence = "an_isolated_pod_gets_nothing_but_answers",
       .steps = {Nowhere(kPod1, query), Back(Datagram(kBack, 2000, 53)),
                 There(Datagram({}, 53, 2000))},
       .drops = {{"policy_ingress", 1}},
       .prepare = With("server", kNothing)},
      {.sentence = "isolated_in_egress_it_sends_nothing_but_answers",
       .steps = {Nowhere(kPod1, query), Back(Datagram(kBack, 2000, 53)),
                 There(Datagram({}, 53, 2000))},
       .drops = {{"policy_egress", 1}},
       .prepare = With("client", {}, kNothing)},
      {.sentence = "a_rule_lets_pods_in_by_their_labels",
       .steps = {There(query), Back(answer)},
       .prepare = With("server", rules(FromPods("client")))},
      {.sentence = "others_stay_out",
       .steps = {Nowhere(kPod1, query)},
       .drops = {{"policy_ingress", 1}},
       .prepare = With("server", rules(FromPods("somebody")))},
      {.sentence = "a_rule_with_a_port_means_that_port",
       .steps = {There(query), Nowhere(kPod1, Datagram({}, 1000, 54)), Nowhere(kPod1, PingFrame())},
       .drops = {{"policy_ingress", 2}},
       .prepare = With("server", rules(FromPods("client", {UdpPort(53)})))},
      {.sentence = "ping_passes_by_rules_without_ports",
       .steps = {There(PingFrame())},
       .prepare = With("server", rules(FromPods("client")))},
      {.sentence = "a_block_means_the_addresses_of_pods_as_well",
       .steps = {There(query)},
       .prepare = With("server", rules(FromBlock("10.0.0.0/28")))},
      {.sentence = "its_own_node_always_reaches_a_pod_and_what_is_behind_it_does_not",
       .steps = {Passes(kHost, from_host("198.18.0.1"), kPod2, kOtherPodMac),
                 Nowhere(kHost, from_host("198.18.0.2"))},
       .drops = {{"policy_ingress", 1}},
       .prepare = With("server", kNothing)},
      {.sentence = "a_pod_reaches_itself",
       .steps = {Passes(kPod1, Datagram({.to = "10.0.0.110"}, 1000, 53), kPod1, kPodMac)},
       .prepare = With("client", kNothing, kNothing)},
      {.sentence = "an_audited_policy_denies_nothing",
       .steps = {There(query), Back(answer)},
       .prepare = With("server", kNothing, {}, /*audit=*/true)},
  };
}

}  // namespace pollux::stages::testing
