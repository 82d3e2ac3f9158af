// Fragments share the verdict and the translation of the first one.
#include <utility>

#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::IpProtocol;

constexpr std::uint16_t kMore = net::Ipv4Header::kMoreFragments;
constexpr const char* kService = "10.96.0.1";
constexpr const char* kService6 = "fd00:96::1";

// A UDP datagram of 8 + 40 + 40 bytes in pieces: [0, 48) and [48, 88). Its checksum is that of the
// whole, between `from` and `to`.
struct Datagram {
  FrameTerms terms;
  std::uint16_t from = 1000;
  std::uint16_t to = 53;

  [[nodiscard]] Bytes Whole() const {
    Bytes frame = IpFrame(terms, IpProtocol::kUdp, Udp(80, from, to), kUdpChecksumAt);
    return {frame.begin() + 34, frame.end()};
  }
  [[nodiscard]] Bytes Piece(std::size_t first, std::size_t end, bool more = true) const {
    const Bytes whole = Whole();
    FrameTerms piece = terms;
    piece.fragment = static_cast<std::uint16_t>(first / 8 | (more ? kMore : 0));
    return IpFrame(piece, IpProtocol::kUdp,
                   Bytes(whole.begin() + static_cast<std::ptrdiff_t>(first),
                         whole.begin() + static_cast<std::ptrdiff_t>(end)));
  }
  [[nodiscard]] Bytes First() const { return Piece(0, 48); }
  [[nodiscard]] Bytes Last() const { return Piece(48, 88, false); }
};

// The same over IPv6, behind headers that come before the fragment header: the first is `outer`,
// and the last of them says that a fragment header follows.
struct Datagram6 {
  std::string_view to = "fd00::11";
  std::uint16_t port = 53;
  IpProtocol outer = IpProtocol::kFragment;
  Bytes before{};

  [[nodiscard]] Bytes Piece(std::size_t first, std::size_t end, bool more = true) const {
    const FrameTerms terms{.from = "fd00::10", .to = to};
    const Bytes whole = IpFrame(terms, IpProtocol::kUdp, Udp(80, 1000, port), kUdpChecksumAt);
    Bytes bytes = before;
    Append(bytes, net::Ipv6FragmentHeader{.next_header = IpProtocol::kUdp,
                                          .reserved = 0,
                                          .offset_and_more = net::Be16(
                                              static_cast<std::uint16_t>(first | (more ? 1 : 0))),
                                          .id = net::Be32(0xabcd)});
    AppendBytes(bytes, {whole.data() + 54 + first, end - first});
    return IpFrame(terms, outer, bytes);
  }
  [[nodiscard]] Bytes First() const { return Piece(0, 48); }
  [[nodiscard]] Bytes Last() const { return Piece(48, 88, false); }
};

// RFC 4302: 24 bytes with its integrity value, told as words less two.
Bytes Authentication() {
  Bytes header(24, 0x5a);
  header[0] = static_cast<std::uint8_t>(IpProtocol::kFragment);
  header[1] = 24 / 4 - 2;
  header[2] = header[3] = 0;
  return header;
}
// RFC 8200: 16 bytes of padding, told as units of 8 less one.
Bytes DestinationOptions() {
  Bytes header(16, 0);
  header[0] = static_cast<std::uint8_t>(IpProtocol::kFragment);
  header[1] = 1;
  header[2] = 1;  // PadN
  header[3] = 12;
  return header;
}

Step There(const Bytes& frame, const Bytes& as) {
  return {.in = {{kPod1, frame}}, .out = {{kPod2, Forwarded(as, kOtherPodMac)}}};
}
Step There(const Bytes& frame) { return There(frame, frame); }
Step Nowhere(const Bytes& frame, net::PortId port = kPod1) { return {.in = {{port, frame}}}; }
Step Later(std::uint64_t milliseconds, Step step) {
  step.after_milliseconds = milliseconds;
  return step;
}

void WithService(PacketSwitch& s) {
  s.config.services = {std::make_shared<const ServiceConfig>(ServiceConfig{
      .name = "a/b:dns",
      .protocol = IpProtocol::kUdp,
      .frontends = {{.ip = Ip(kService), .port = 53}, {.ip = Ip(kService6), .port = 53}},
      .backends = {{.ip = Ip("10.0.0.11"), .port = 5353, .local = true},
                   {.ip = Ip("fd00::11"), .port = 5353, .local = true}}})};
  s.Publish();
}

void Isolated(PacketSwitch& s) {
  s.config.endpoints[1].pod = "a/server";
  s.config.workloads = {std::make_shared<const WorkloadConfig>(WorkloadConfig{
      .name = "a/server",
      .profile = {.name_space = "a", .namespace_labels = {}, .labels = {}, .named_ports = {}},
      .addresses = {}})};
  s.config.policies = {
      std::make_shared<const policy::Policy>(policy::Policy{.name_space = "a",
                                                            .name = "deny",
                                                            .pods = {},
                                                            .ingress = std::vector<policy::Rule>{},
                                                            .egress = {}})};
  s.Publish();
}

}  // namespace

std::vector<PacketRow> FragmentRows() {
  const Datagram plain{};
  const Datagram to_service{.terms = {.to = kService}};
  const Datagram to_backend{.terms = {}, .to = 5353};
  const Datagram forged{.terms = {.from_mac = kOtherPodMac}};
  const Datagram6 plain6{};
  const Datagram6 to_service6{.to = kService6};
  const Datagram6 to_backend6{.port = 5353};
  const Datagram6 authenticated{.outer = IpProtocol::kAuthentication, .before = Authentication()};
  const Datagram6 with_options{.outer = IpProtocol::kDestinationOptions,
                               .before = DestinationOptions()};
  // A port may have eight incomplete datagrams in the tests' switch.
  PacketRow crowd{.sentence = "a_port_has_a_quota_of_incomplete_datagrams",
                  .drops = {{"fragment_limit", 1}}};
  for (std::uint16_t id = 1; id <= 9; ++id) {
    Bytes first = plain.First();
    Overlay<net::Ipv4Header>(first, 14).id = net::Be16(id);
    RenewIpv4Checksum(first);
    crowd.steps.push_back(id <= 8 ? There(first) : Nowhere(first));
  }
  return {
      {.sentence = "fragments_follow_their_first",
       .steps = {There(plain.First()), There(plain.Last())}},
      {.sentence = "also_when_they_come_together",
       .steps = {{.in = {{kPod1, plain.First()}, {kPod1, plain.Last()}},
                  .out = {{kPod2, Forwarded(plain.First(), kOtherPodMac)},
                          {kPod2, Forwarded(plain.Last(), kOtherPodMac)}}}}},
      {.sentence = "a_later_fragment_before_its_first",
       .steps = {Nowhere(plain.Last()), There(plain.First())},
       .drops = {{"fragment_unknown", 1}}},
      {.sentence = "a_complete_datagram_is_forgotten_so_its_number_may_come_again",
       .steps = {There(plain.First()), There(plain.Last()), Nowhere(plain.Last()),
                 There(plain.First()), There(plain.Last())},
       .drops = {{"fragment_unknown", 1}}},
      {.sentence = "fragments_to_a_service_are_translated_like_the_first",
       .steps = {There(to_service.First(), to_backend.First()),
                 There(to_service.Last(), to_backend.Last())},
       .prepare = WithService},
      {.sentence = "fragments_of_what_policy_denies",
       .steps = {Nowhere(plain.First()), Nowhere(plain.Last())},
       .drops = {{"policy_ingress", 1}, {"fragment_unknown", 1}},
       .prepare = Isolated},
      {.sentence = "a_fragment_that_overlaps_ends_its_datagram",
       .steps = {There(plain.First()), Nowhere(plain.Piece(40, 64)), Nowhere(plain.Last())},
       .drops = {{"fragment_overlap", 2}}},
      {.sentence = "one_that_comes_twice_does_not",
       .steps = {There(plain.Piece(0, 24)), There(plain.Piece(24, 48)),
                 Nowhere(plain.Piece(24, 48)), There(plain.Last())},
       .drops = {{"fragment_duplicate", 1}}},
      {.sentence = "half_a_minute_is_long_enough",
       .steps = {There(plain.First()), Later(31'000, Nowhere(plain.Last()))},
       .drops = {{"fragment_unknown", 1}}},
      {.sentence = "another_pod_cannot_add_to_it",
       .steps = {There(plain.First()), Nowhere(forged.Last(), kPod2), There(plain.Last())},
       .drops = {{"source_ip", 1}}},
      {.sentence = "ipv6_fragments_follow_their_first",
       .steps = {There(plain6.First()), There(plain6.Last())}},
      {.sentence = "ipv6_fragments_to_a_service_are_translated_like_the_first",
       .steps = {There(to_service6.First(), to_backend6.First()),
                 There(to_service6.Last(), to_backend6.Last())},
       .prepare = WithService},
      {.sentence = "an_ipv6_fragment_that_overlaps_ends_its_datagram",
       .steps = {There(plain6.First()), Nowhere(plain6.Piece(40, 64)), Nowhere(plain6.Last())},
       .drops = {{"fragment_overlap", 2}}},
      {.sentence = "a_later_ipv6_fragment_before_its_first",
       .steps = {Nowhere(plain6.Last()), There(plain6.First())},
       .drops = {{"fragment_unknown", 1}}},
      {.sentence = "ipv6_fragments_behind_an_authentication_header",
       .steps = {There(authenticated.First()), There(authenticated.Last())}},
      {.sentence = "which_overlap",
       .steps = {There(authenticated.First()), Nowhere(authenticated.Piece(40, 64)),
                 Nowhere(authenticated.Last())},
       .drops = {{"fragment_overlap", 2}}},
      {.sentence = "ipv6_fragments_behind_destination_options",
       .steps = {There(with_options.First()), There(with_options.Last())}},
      std::move(crowd),
  };
}

}  // namespace pollux::stages::testing
